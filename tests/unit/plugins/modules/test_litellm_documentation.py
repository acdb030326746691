# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of a field says what its table says: since when LiteLLM has it, and whether it needs a licence."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import yaml
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kind import Kind
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Resource
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member

COUNTED = r"per (minute|day)|at a time|tokens|How often|share|place"
UNITS = {
    Kind.MONEY: "[Dd]ollars",
    Kind.WINDOWS: "dollars.*V\\(24h\\)",
    Kind.DURATION: r"V\(\d+[a-z]+\)",
    Kind.TIME: r"V\(2030-01-31T00:00:00Z\)",
    Kind.NUMBER: COUNTED,
    Kind.POSITIVE: COUNTED,
    Kind.RATES: COUNTED,
}
VERSIONS = re.compile(r"(Since|Until) LiteLLM (\d+\.\d+\.\d+)", re.IGNORECASE)


def options(resource: Resource) -> dict[str, str]:
    """The text of each option of the module for one object."""
    module = importlib.import_module(f"ansible_collections.tollgate.llm.plugins.modules.litellm_{resource.kind}")
    found: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)["options"]
    return {name: _text(option["description"]) for name, option in found.items()}


def _text(description: str | list[str]) -> str:
    return " ".join([description] if isinstance(description, str) else description)


@pytest.mark.parametrize("resource", RESOURCES, ids=[resource.kind for resource in RESOURCES])
def test_options_name_the_versions_and_the_licence_that_their_fields_need(resource: Resource) -> None:
    texts = options(resource)
    for line in resource.fields:
        if line.name in ("members", "values"):
            continue  # what they hold has versions of its own
        named = {(word.lower(), version) for word, version in VERSIONS.findall(texts[line.name])}
        wanted = {("since", since) for since in (line.since, line.clear_since) if since}
        assert named == wanted | ({("until", line.until)} if line.until else set()), line.name
        assert ("Needs LiteLLM Enterprise" in texts[line.name]) is line.enterprise, line.name


@pytest.mark.parametrize("resource", RESOURCES, ids=[resource.kind for resource in RESOURCES])
def test_options_name_their_units_and_what_they_are_when_they_are_not_given(resource: Resource) -> None:
    texts = options(resource)
    for line in resource.fields:
        if line.kind in UNITS:
            assert re.search(UNITS[line.kind], texts[line.name]), line.name
        if line.name == "model_max_budget":
            assert "(dollars)" in texts[line.name]
    module = importlib.import_module(f"ansible_collections.tollgate.llm.plugins.modules.litellm_{resource.kind}")
    said = " ".join(yaml.safe_load(module.DOCUMENTATION)["description"])
    assert f"is kept as it is when it is not given, and left unset in a new {resource.kind}" in said


def test_members_and_values_name_the_versions_of_what_they_hold() -> None:
    kinds = {resource.kind: resource for resource in RESOURCES}
    newer = {line.since for line in member.FIELDS if line.since}
    assert {version for _word, version in VERSIONS.findall(options(kinds["team"])["members"])} == newer
    removal = {line.since for _text, line in kinds["credential"].sent({"values.n": None})}
    assert {version for _word, version in VERSIONS.findall(options(kinds["credential"])["values"])} == removal
