# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody has declared and LiteLLM would do all the same is refused before the first write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.client import Client
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.guards import (
    lost_with,
    too_old,
    unknown_references,
    unlicensed,
)
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.plan import Action, plan
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Declared
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
)

KINDS = {resource.kind: resource for resource in RESOURCES}
GONE = Declared("old", {}, absent=True)


@pytest.fixture
def client(proxy: MemoryProxy) -> Iterator[Client]:
    """Of the proxy in memory, in which two keys, a customer and a model have what may go."""
    proxy.teams["old"] = {"team_id": "old", "metadata": {}, "members_with_roles": [{"user_id": "old"}]}
    proxy.users["old"] = {"user_id": "old", "metadata": {}}
    proxy.budgets["old"] = {"budget_id": "old", "max_budget": 1.0}
    proxy.credentials["old"] = {"credential_name": "old", "credential_info": {}, "credential_values": {}}
    for number in "12":
        row = {"token": number, "key_alias": f"key-{number}", "team_id": "old", "user_id": "old", "budget_id": "old"}
        proxy.keys[number] = {**row, "metadata": {}}
    proxy.customers["c"] = {"user_id": "c", "budget_id": "old"}
    parameters = {"model": "openai/a", "litellm_credential_name": "old"}
    proxy.models["m"] = {"model_name": "m", "litellm_params": parameters, "model_info": {"id": "m", "db_model": True}}
    proxy.live = {"m"}
    with Client(URL, MASTER) as made:
        yield made


def actions(client: Client, declared: Mapping[str, Sequence[Declared]]) -> list[Action]:
    """What these entries would do."""
    found: list[Action] = []
    for kind, entries in declared.items():
        resource = KINDS[kind]
        planned, conflicts = plan(resource, entries, resource.read(client, entries))
        assert not conflicts
        found += planned
    return found


def key(number: str, **options: Any) -> Declared:
    """One of the keys that are there."""
    return Declared(f"key-{number}", options.pop("fields", {}), **options)


@pytest.mark.parametrize("kind", ["team", "user"])
def test_what_has_keys_goes_only_when_they_do(client: Client, kind: str) -> None:
    (found,) = lost_with(client, actions(client, {kind: [GONE]}))
    assert "LiteLLM would delete its 2 keys with it (key-1, key-2)" in found
    assert "delete_keys: true" in found
    moved = key("1", fields={kind: "new"})
    (found,) = lost_with(client, actions(client, {kind: [GONE], "key": [moved]}))
    assert "its 1 keys" in found
    assert lost_with(client, actions(client, {kind: [GONE], "key": [moved, key("2", absent=True)]})) == []
    assert lost_with(client, actions(client, {kind: [Declared("old", {}, absent=True, with_keys=True)]})) == []


def test_member_who_has_keys_of_the_team_leaves_only_when_they_do(client: Client) -> None:
    entry = Declared("old", {"members": [{"user": "old", "state": "absent"}]})
    (found,) = lost_with(client, actions(client, {"team": [entry]}))
    assert found.startswith('team "old": members "old": LiteLLM would delete its 2 keys with it')
    assert (
        lost_with(client, actions(client, {"team": [entry], "key": [key("1", absent=True), key("2", absent=True)]}))
        == []
    )


def test_budget_and_credential_that_others_name_stay(client: Client) -> None:
    (found,) = lost_with(client, actions(client, {"budget": [GONE]}))
    assert 'budget "old": customer "c", key "key-1", key "key-2" name it' in found
    (found,) = lost_with(client, actions(client, {"credential": [GONE]}))
    assert 'credential "old": model "m" name it' in found
    leaving = {
        "budget": [GONE],
        "key": [key("1", fields={"budget_id": None}), key("2", absent=True)],
        "customer": [Declared("c", {}, absent=True)],
    }
    assert lost_with(client, actions(client, leaving)) == []


def test_fields_of_enterprise_are_refused_without_a_licence_and_taken_with_one(
    client: Client, proxy: MemoryProxy
) -> None:
    wanted = actions(client, {"key": [key("1", fields={"tags": ["a"]}), key("2", fields={"tags": []})]})
    assert unlicensed(client, wanted) == []
    proxy.licensed = False
    assert unlicensed(client, wanted) == [
        'key "key-1": field "tags" needs LiteLLM Enterprise, and this proxy has no licence. Leave it out.'
    ]
    proxy.seen.clear()
    assert unlicensed(client, actions(client, {"key": [key("2", fields={"rpm_limit": 5})]})) == []
    assert "/health/license" not in [path for method, path, body in proxy.seen]


@pytest.mark.parametrize(("version", "old"), [("1.102.4", True), ("1.103.0", False), ("v1.110.1-stable", False)])
def test_field_that_the_proxy_would_drop_in_silence_is_refused(
    client: Client, proxy: MemoryProxy, version: str, old: bool
) -> None:
    proxy.version = version
    wanted = actions(client, {"key": [key("1", fields={"tpd_limit": 5, "rpm_limit": 1})]})
    sentence = (
        f'key "key-1": field "tpd_limit" needs LiteLLM 1.103.0 or newer, and this proxy is {version}. Leave it out.'
    )
    assert too_old(client, wanted) == ([sentence] if old else [])
    proxy.seen.clear()
    assert too_old(client, actions(client, {"key": [key("2", fields={"rpm_limit": 5})]})) == []
    assert "/health/readiness/details" not in [path for method, path, body in proxy.seen]


def test_what_an_old_proxy_would_drop_of_members_and_credentials_is_refused_too(
    client: Client, proxy: MemoryProxy
) -> None:
    proxy.version = "1.102.4"
    proxy.credentials["old"]["credential_values"] = {"n": 5, "m": 6}
    member = {"user": "old", "temp_budget_increase": 1, "temp_budget_expiry": "2999-01-01T00:00:00Z", "rpm_limit": 5}
    wanted = {
        "team": [Declared("old", {"members": [member]})],
        "credential": [Declared("old", {"values": {"n": None, "m": 7}})],
    }
    reason = "and this proxy is 1.102.4. Leave it out."
    assert too_old(client, actions(client, wanted)) == [
        f'team "old": members "old": field "temp_budget_increase" needs LiteLLM 1.103.0 or newer, {reason}',
        f'team "old": members "old": field "temp_budget_expiry" needs LiteLLM 1.103.0 or newer, {reason}',
        f'credential "old": field "values.n: null" needs LiteLLM 1.106.0 or newer, {reason}',
    ]


def test_names_of_what_is_nowhere_are_refused(client: Client) -> None:
    wanted = {
        "budget": [Declared("made", {})],
        "key": [key("1", fields={"budget_id": "none", "team": "none"}), key("2", fields={"budget_id": "made"})],
    }
    planned = actions(client, wanted)
    assert unknown_references(client, planned, complete=True) == [
        'key "key-1": there is no budget "none", so LiteLLM would refuse every call of it. Make the budget first.'
    ]
    assert len(unknown_references(client, planned, complete=False)) == 2
