# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._vllm.naming import LONGEST, identifier, object_name
from ansible_collections.tollgate.llm.plugins.module_utils._vllm.quantity import amount


def test_a_name_that_can_be_one_is_kept() -> None:
    assert object_name("qwen-local") == "vllm-qwen-local"
    assert object_name("Qwen/Qwen3-8B", "qwen") == "vllm-qwen"


NAMES = ("Qwen/Qwen3-8B", "qwen/qwen3-8b", "qwen_qwen3_8b", "-", "模型", "a" * 41, "a" * 42, "a-", "A", "a")


def test_names_that_differ_have_ids_that_differ() -> None:
    found = [identifier(name) for name in NAMES]
    assert len(set(found)) == len(NAMES)
    for each in found:
        assert len(each) <= LONGEST
        assert identifier(each) == each


def test_a_slug_shows_what_it_is_of() -> None:
    assert identifier("Qwen/Qwen3-8B").startswith("qwen-qwen3-8b-")


@pytest.mark.parametrize("chosen", ["A", "a_b", "-a", "a-", "a" * 41])
def test_an_id_that_is_no_name_is_refused(chosen: str) -> None:
    with pytest.raises(ValueError, match="is not a name for objects"):
        identifier("x", chosen)


@pytest.mark.parametrize(
    ("text", "value"), [("500m", Fraction(1, 2)), ("4", 4), ("1.5Gi", 3 * 2**29), ("2M", 2 * 10**6), ("1k", 1000)]
)
def test_amounts_are_read_as_kubernetes_reads_them(text: str, value: Fraction) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "-1", "1e3x"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        amount(text)
