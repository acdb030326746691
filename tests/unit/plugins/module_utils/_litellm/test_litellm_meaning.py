# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a declared value and the server's mean the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.field import Clear, Field
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kind import Kind
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.meaning import alike, same
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.model import model_id
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.parameters import fingerprint, hidden
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.secrecy import secret_name
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.versions import refusal
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.samples import DAY


@pytest.mark.parametrize(
    ("kind", "wanted", "actual"),
    [
        (Kind.MONEY, 0.3, 0.30000000000000004),
        (Kind.MONEY, "1.75e-07", 1.75e-07),
        (Kind.MONEY, 10, 10.0),
        (Kind.MONEY, 0, 0.0),
        (Kind.NUMBER, 0, 0),
        (Kind.FLAG, False, None),
        (Kind.NAMES, ["b", "a"], ["a", "b"]),
        (Kind.NAMES, [], None),
        (Kind.DICT, {}, None),
        (Kind.TEXT, None, ""),
        (Kind.DURATION, "daily", "24h"),
        (Kind.WINDOWS, [DAY], [{**DAY, "max_budget": 1.0, "reset_at": "x"}]),
        (Kind.DICT, {"a": [30, "5"]}, {"a": [30.0, 5]}),
    ],
)  # fmt: skip
def test_values_that_are_the_same(kind: Kind, wanted: Any, actual: Any) -> None:
    assert same(kind, wanted, actual)


@pytest.mark.parametrize(
    ("kind", "wanted", "actual"),
    [
        (Kind.MONEY, 0, None),  # a budget of 0 refuses every call, none refuses nothing
        (Kind.MONEY, None, 0.0),
        (Kind.NUMBER, 0, None),
        (Kind.NUMBER, 1, 2),
        (Kind.MONEY, 1e-10, 2e-10),
        (Kind.FLAG, True, None),
        (Kind.NAMES, ["a"], []),
        (Kind.NAMES, ["a", "a"], ["a"]),
        (Kind.DURATION, "1d", "24h"),  # as long, but they start again at other times
        (Kind.WINDOWS, [DAY], []),
        (Kind.DICT, {"a": True}, {"a": 1}),
        (Kind.DICT, {"a": 1}, {"a": 1, "b": 2}),
        (Kind.DICT, {"a": [1, 2]}, {"a": [2, 1]}),
        (Kind.TEXT, "a", "A"),
    ],
)
def test_values_that_differ(kind: Kind, wanted: Any, actual: Any) -> None:
    assert not same(kind, wanted, actual)


def test_numbers_and_flags_are_no_texts_of_themselves() -> None:
    assert not alike("true", True)
    assert not alike(False, 0)
    assert not alike("x", 5)
    assert alike(None, None)


def test_only_declared_parts_count_and_only_changed_ones_are_shown() -> None:
    line = Field("metadata", Kind.PARTS, Clear.EMPTY_DICT)
    assert line.change({"a": 1, "gone": None}, {"a": 1.0, "theirs": 2}) is None
    assert line.change({"a": 2, "b": []}, {"a": 1}) == ({"a": 1}, {"a": 2})
    assert line.change({"gone": None}, {"gone": 1}) == ({"gone": 1}, {"gone": None})


def test_differences_can_be_written_as_json() -> None:
    line = Field("budget_limits", Kind.WINDOWS, Clear.EMPTY_LIST)
    change = line.change([{"budget_duration": "24h", "max_budget": "1.5"}], None)
    assert change
    assert json.dumps(change)
    assert line.to_send(change[1]) == [{"budget_duration": "24h", "max_budget": 1.5}]


@pytest.mark.parametrize(
    ("name", "value", "is_hidden"),
    [
        ("api_key", "x", True),
        ("max_tokens", 5, False),
        ("input_cost_per_token", 1e-06, False),
        ("default_api_key_rpm_limit", 5, False),
        ("litellm_credential_name", "x", False),
        ("oci_tenancy", "x", True),
        ("region_name", "os.environ/REGION", True),
        ("extra_headers", {"X-Secret": "x"}, True),
        ("extra_headers", {"X-Name": "x"}, False),
        ("fallbacks", [{"api-token": "x"}], True),
    ],
)
def test_what_litellm_hides_is_known(name: str, value: Any, is_hidden: bool) -> None:
    assert hidden(name, value) is is_hidden


def test_names_of_secrets_are_known() -> None:
    assert secret_name("aws_secret_access_key")
    assert secret_name("X-Auth")
    assert not secret_name("max_tokens")
    assert not secret_name("oci_tenancy")


def test_fingerprints_depend_on_model_name_and_value() -> None:
    found = {fingerprint(model, name, value) for model in "ab" for name in "cd" for value in ("x", {"e": 1})}
    assert len(found) == 8
    assert fingerprint("a", "c", {"x": 1, "y": 2}) == fingerprint("a", "c", {"y": 2, "x": 1})


def test_ids_of_models_can_be_reached_and_are_told_apart() -> None:
    assert model_id("qwen") == "qwen"
    assert model_id("qwen", "own") == "own"
    made = {model_id(name) for name in ("openai/gpt", "openai gpt", "openai-gpt", "*", "**", ".", "..", "ü")}
    assert len(made) == 8
    assert all(part.isalnum() or part in "._-" for name in made for part in name)
    assert not any(name.startswith(".") for name in made)


@pytest.mark.parametrize(
    "version", ["1.82.7", "v1.82.8", "1.82.8.post1", "1.83.6", "1.89.3", "1.89.3-stable", "newest", "1.84", ""]
)
def test_versions_that_are_refused(version: str) -> None:
    assert refusal(version)


@pytest.mark.parametrize("version", ["1.84.0", "1.106.2", "v1.106.2-stable", "1.110.0rc1", "1.90.7.post2"])
def test_versions_that_are_run(version: str) -> None:
    assert refusal(version) is None
