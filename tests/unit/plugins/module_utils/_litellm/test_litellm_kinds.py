# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular of each kind: members, limits of customers, secrets of credentials."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.client import Client, LiteLLMError
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.declaration import check_declaration
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.plan import plan
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Declared
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import member
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.budget import Budget
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.credential import Credential
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.customer import Customer
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.team import Team
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.user import User
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.undeclared import dropped
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
)

TEAM = {
    "team_id": "t",
    "members_with_roles": [{"user_id": "own"}, {"user_id": "default"}],
    "team_memberships": [
        {
            "user_id": "own",
            "budget_source": "custom",
            "litellm_budget_table": {"max_budget": 5.0, "allowed_models": []},
        },
        {"user_id": "default", "budget_source": "team_default", "litellm_budget_table": {"max_budget": 2.0}},
        {"user_id": "phantom", "budget_source": "custom", "litellm_budget_table": {"max_budget": 1.0}},
    ],
}
# LiteLLM 1.100 does not say whose a budget is.
OLD_TEAM = {
    **TEAM,
    "metadata": {"team_member_budget_id": "b"},
    "team_memberships": [
        {"user_id": "own", "budget_id": "a", "litellm_budget_table": {"max_budget": 5.0, "allowed_models": []}},
        {"user_id": "default", "budget_id": "b", "litellm_budget_table": {"max_budget": 2.0}},
        {"user_id": "phantom", "budget_id": "c", "litellm_budget_table": {"max_budget": 1.0}},
    ],
}
OWN_BUDGET = "37660d16-bd2a-4783-bd9b-d4757b5415b2"


def wrong(kind: str, **entry: Any) -> str:
    """The one sentence about an entry."""
    (problem,) = check_declaration({kind: [entry]}, complete=False)
    return problem.message


@pytest.mark.parametrize(
    ("entry", "after"),
    [
        ({"user": "own", "max_budget": 5, "models": None}, None),
        ({"user": "own", "max_budget": None}, {"user": "own", "max_budget": None}),
        ({"user": "default", "max_budget": None}, None),
        ({"user": "default", "max_budget": 2}, {"user": "default", "max_budget": 2}),
        ({"user": "phantom", "max_budget": 1}, {"user": "phantom", "max_budget": 1}),
        ({"user": "new", "rpm_limit": None}, {"user": "new"}),
        ({"user": "own", "state": "absent"}, {"user": "own", "state": "absent"}),
        ({"user": "phantom", "state": "absent"}, None),
    ],
)
def test_member_is_compared_by_its_own_limits(entry: dict[str, Any], after: dict[str, Any] | None) -> None:
    for team in (TEAM, OLD_TEAM):
        changes = member.changes([entry], team)
        assert (changes and changes[1]) == (after and [after])


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([{}], "members: entry 1 must name a user"),
        ([{"user": "a"}, {"user": "a"}], 'members "a" is declared twice'),
        ([{"user": "a", "role": "admin"}], 'members "a": role admin needs LiteLLM Enterprise'),
        ([{"user": "a", "max_budgett": 1}], 'members "a": unknown field "max_budgett"'),
        ([{"user": "a", "state": "gone"}], "state must be present or absent"),
        ([{"user": "a", "tpm_limit": -1}], 'members "a": tpm_limit must be a whole number'),
    ],
)
def test_wrong_member_is_explained(members: list[dict[str, Any]], sentence: str) -> None:
    assert sentence in wrong("team", team="t", models=["m"], members=members)


def test_limits_of_a_customer_never_change_a_budget_that_others_may_have() -> None:
    declared = Declared("c", {"max_budget": 2})
    shared = {"user_id": "c", "budget_id": "gold", "litellm_budget_table": {"max_budget": 1.0}}
    assert "max_budget would change the budget gold" in plan(Customer(), [declared], [shared])[1][0]
    assert plan(Customer(), [declared], [{**shared, "budget_id": OWN_BUDGET}])[0][0].after() == {"max_budget": 2}
    assert "budget_id and rpm_limit exclude each other" in wrong("customer", customer="c", budget_id="b", rpm_limit=1)


def test_what_a_customer_or_a_user_can_not_change_is_refused_with_the_reason() -> None:
    row = {"user_id": "c", "object_permission": {"agents": ["a"]}, "sso_user_id": "one"}
    declared = Declared("c", {"object_permission": {"agents": ["b"]}})
    assert "LiteLLM 1.106 answers 500" in plan(Customer(), [declared], [row])[1][0]
    assert "for a new user only" in plan(User(), [Declared("c", {"sso_user_id": "two"})], [row])[1][0]
    last = Declared("c", {"metadata": {"owner": None}})
    assert "the last entry of metadata" in plan(User(), [last], [{**row, "metadata": {"owner": "me"}}])[1][0]
    assert plan(User(), [last], [{**row, "metadata": {"owner": "me", "x": 1}}])[0][0].what == "updated"
    assert "models is empty" in wrong("user", user="c", models=[])


def test_secret_of_a_credential_is_compared_by_its_fingerprint(proxy: MemoryProxy) -> None:
    table = Credential()
    with Client(URL, MASTER) as client:

        def run(secret: str, **values: Any) -> Any:
            declared = Declared("c", {"values": values} if values else {}, secrets={"api_key": secret})
            (action,) = plan(table, [declared], table.read(client, [declared]))[0]
            if action.what == "created":
                table.create(client, declared)
            elif action.row:
                table.update(client, declared, action.row, action.changes)
            return sorted(action.after()) if action.what == "updated" else action.what

        assert run("the-first-one", api_base="x") == "created"
        assert proxy.credentials["c"]["credential_values"] == {"api_base": "x", "api_key": "the-first-one"}
        assert "the-first-one" not in str(proxy.credentials["c"]["credential_info"])
        assert run("the-first-one") == "unchanged"
        assert run("the-second-one", api_base=None) == ["values.api_base", "values.api_key"]
        assert proxy.credentials["c"]["credential_values"] == {"api_key": "the-second-one"}
        assert run("the-second-one", api_base=None) == "unchanged"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"values": {"api_key": "x"}}, "values.api_key would show a secret in logs: use secret_values"),
        ({"values": {"a": 1}, "secret_values": {"a": {"env": "A"}}}, "values.a and secret_values.a exclude each other"),
        ({"secret_values": {"a": {"vault": "A"}}}, "secret_values.a must be one of"),
        ({"info": {"a": None}}, "info.a can't be cleared"),
        ({"info": {"tollgate_secrets": {}}}, "info.tollgate_secrets is this collection's own"),
    ],
)
def test_wrong_credential_is_explained(entry: dict[str, Any], sentence: str) -> None:
    assert sentence in wrong("credential", credential="c", **entry)


def test_budget_that_somebody_deleted_meanwhile_is_no_success(proxy: MemoryProxy) -> None:
    with Client(URL, MASTER) as client, pytest.raises(LiteLLMError, match="deleted it meanwhile"):
        Budget().update(client, Declared("b", {"max_budget": 1}), {"budget_id": "b"}, {"max_budget": (None, 1)})


def owned(names: list[str], there: list[str], **metadata: Any) -> dict[str, Any]:
    """A team of this declaration, which has made members of these names."""
    roles = [{"user_id": name, "role": "user"} for name in there]
    marks = {"tollgate_owner": "me", "tollgate_members": names, **metadata}
    return {"team_id": "t", "team_alias": "t", "models": ["m"], "metadata": marks, "members_with_roles": roles}


@pytest.mark.parametrize(
    ("members", "prune", "changed"),
    [
        ([{"user": "a"}, {"user": "b"}], True, {}),
        ([{"user": "a"}], False, {}),  # reported, and remembered for a run that prunes
        ([{"user": "a"}], True, {"members": [{"user": "b", "state": "absent"}], "metadata": ["a"]}),
        ([], True, {"members": [{"user": "a", "state": "absent"}, {"user": "b", "state": "absent"}], "metadata": []}),
        (None, True, {}),  # left out keeps
        ([{"user": "a"}, {"user": "b", "state": "absent"}], True, {"members": None, "metadata": ["a"]}),
    ],
)
def test_member_that_was_dropped_leaves_when_its_owner_prunes(
    members: list[dict[str, Any]] | None, *, prune: bool, changed: dict[str, Any]
) -> None:
    row = owned(["a", "b"], ["a", "b", "by hand"])
    fields: dict[str, Any] = {"models": ["m"], **({} if members is None else {"members": members})}
    (action,), problems = plan(Team(), [Declared("t", fields)], [row], owner="me", prune=prune)
    assert problems == []
    assert set(action.changes) == set(changed)
    after = action.after()
    if changed.get("members"):
        assert after["members"] == changed["members"]
    if changed:
        assert after["metadata"] == {"tollgate_members": changed["metadata"]}
    assert len(dropped([action])) == (len(changed.get("members") or []))
    # Somebody else's team is none of ours.
    (other,), problems = plan(Team(), [Declared("t", fields)], [row], owner="you", prune=prune)
    assert "metadata" not in other.changes
    assert dropped([other]) == []
