# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.wanted import ARGUMENTS, Wanted, value_at
from objects import obj, row

THING = obj(
    "example.org/v1",
    "Thing",
    {"phase": "Good", "count": 2, "parents": [{"name": "a"}], "conditions": [row("Synced"), row("Ready", "False")]},
)


def wanted(**options: Any) -> Wanted:
    given = {name: about.get("default") for name, about in ARGUMENTS.items()}
    return Wanted.of({**given, "kind": "Thing", "name": "x", "namespace": "n", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"conditions": {"Synced": True}},
        {"conditions": {"Ready": "False"}},
        {"phase": "Good"},
        {"fields": {"status.count": 2}},
        {"fields": {"status.count": "2", "status.parents[0].name": "a"}},
        {"state": "present"},
    ],
)
def test_what_was_asked_for_decides(options: dict[str, Any]) -> None:
    assert wanted(**options).standing(THING).met


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "Ready is False"),
        ({"conditions": {"Synced": "False"}}, "Synced is True"),
        ({"conditions": {"Other": "True"}}, "no condition Other yet"),
        ({"phase": "Better"}, "its phase is Good"),
        ({"fields": {"status.count": 3}}, "status.count is 2, not 3"),
        ({"fields": {"status.parents[1].name": "b"}}, "status.parents[1].name is not set, not b"),
        ({"state": "absent"}, "nobody has removed it"),
    ],
)
def test_what_is_missing_is_said(options: dict[str, Any], why: str) -> None:
    standing = wanted(**options).standing(THING)
    assert not standing.met
    assert why in standing.why


def test_what_a_controller_said_before_the_last_change_does_not_count() -> None:
    old = obj("example.org/v1", "Thing", {"phase": "Good", "observedGeneration": 1})
    assert "has not seen the last change" in wanted(phase="Good").standing(old).why


def test_what_does_not_exist() -> None:
    assert wanted().standing(None).why == "it does not exist"
    assert wanted(state="absent").standing(None).met


def test_what_is_being_removed_names_what_it_waits_for() -> None:
    going = obj("example.org/v1", "Thing", deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["example.org/keep"])
    assert wanted().standing(going).why == "it is being removed"
    assert wanted(state="absent").standing(going).why == "it is being removed, and waits for example.org/keep"


def test_known_kinds_need_no_version() -> None:
    assert wanted(kind="Cluster").api_version == "postgresql.cnpg.io/v1"
    assert wanted(kind="Cluster", api_version="example.org/v1").api_version == "example.org/v1"
    assert str(wanted(kind="Cluster")) == "Cluster x in n"


def test_what_a_secret_holds_is_not_said() -> None:
    secret = {**obj("v1", "Secret"), "data": {"a": "aHVzaA=="}}
    standing = wanted(kind="Secret", fields={"data.a": "b3RoZXI="}).standing(secret)
    assert standing.why == "data.a is not as wanted"
    assert wanted(kind="Secret", fields={"data.a": "aHVzaA=="}).standing(secret).why == "data.a is right"


def test_keys_have_to_be_there_with_a_value() -> None:
    secret = {**obj("v1", "Secret"), "data": {"password": "eA==", "username": ""}}
    assert wanted(kind="Secret", keys=["password"]).standing(secret).met
    assert wanted(kind="Secret", keys=["password", "username", "x"]).standing(secret).why == "it has no key username, x"


def test_a_path_may_lead_nowhere() -> None:
    assert value_at({"a": [1]}, "a[3]") is None
    assert value_at({"a": 1}, "a.b.c") is None
