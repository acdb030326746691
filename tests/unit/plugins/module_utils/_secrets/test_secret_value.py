# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which values are made, and which are accepted."""

from __future__ import annotations

import hashlib
import math
import re

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import (
    FORMATS,
    Generate,
    blemishes,
    problems,
    without_line_break,
)

SHAPES = {"hex": r"[0-9a-f]+", "base64url": r"[A-Za-z0-9_-]+", "alphanumeric": r"[A-Za-z0-9]+"}
ALPHABET = {"hex": 16, "base64url": 64, "alphanumeric": 62}


@pytest.mark.parametrize("count", [16, 24, 31, 32, 33, 512])
@pytest.mark.parametrize("form", FORMATS)
def test_generated_value_has_the_declared_form_length_and_entropy(form: str, count: int) -> None:
    rule = Generate(form, count, "sk-")
    value = rule.new()
    body = value.removeprefix("sk-")
    assert value.startswith("sk-")
    assert re.fullmatch(SHAPES[form], body)
    assert len(value) == rule.length
    assert len(body) * math.log2(ALPHABET[form]) >= 8 * count
    assert problems(value) == []


@pytest.mark.parametrize("form", FORMATS)
def test_generated_values_differ(form: str) -> None:
    assert len({Generate(form, 16).new() for _count in range(200)}) == 200


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Generate("hex", 15), "128 bits"),
        (Generate("hex", 513), "512"),
        (Generate("octal", 32), "one of hex"),
        (Generate("hex", 32, "a b"), "generate.prefix"),
        (Generate("hex", 32, "line\n"), "generate.prefix"),
    ],
)
def test_weak_or_odd_rules_are_refused(rule: Generate, text: str) -> None:
    assert any(text in problem for problem in rule.problems())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "empty"),
        (" \n", "blanks only"),
        ("correct-horse\n", "line break"),
        (" correct-horse", "blank"),
        ("short", "at least 8"),
        ("null\0null", "NUL"),
        ("x" * 65537, "at most 65536"),
    ],
)
def test_given_values_that_surprise_are_refused_without_being_shown(value: str, text: str) -> None:
    found = problems(value)
    assert any(text in problem for problem in found)
    assert not any(value.strip() and value.strip() in problem for problem in found)


def test_a_value_of_several_lines_is_fine() -> None:
    assert problems("-----BEGIN KEY-----\nabc\n-----END KEY-----") == []


def test_oddities_of_an_adopted_value_are_named() -> None:
    found = blemishes(" short", Generate("hex", 32, "sk-"))
    assert len(found) == 3
    assert blemishes("sk-0123456789", Generate("hex", 32, "sk-")) == []


def test_one_line_break_is_the_editors() -> None:
    assert [without_line_break(text) for text in ("a\n", "a\r\n", "a\n\n", "a\r", "a")] == ["a", "a", "a\n", "a\r", "a"]


def test_fingerprint_is_the_beginning_of_the_sha256() -> None:
    assert fingerprint("käse") == "sha256:" + hashlib.sha256("käse".encode()).hexdigest()[:12]
