# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the real proxy and not in the declaration: reported, kept, adopted, pruned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.modules import litellm_info, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

OWNER = "owner-of-this-test"
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", "free": True}


@pytest.fixture
def store(task: Task, tmp_path: Path) -> Path:
    """A directory of secrets, of which no result may hold one."""
    for number in range(5):
        value = f"sk-{token_hex(24)}"
        (tmp_path / f"own-{number}").write_text(f"{value}\n")
        task.secrets.append(value)
    return tmp_path


def declared(store: Path, *numbers: int, **options: Any) -> dict[str, Any]:
    """A model, a team and a key of each number."""
    return {
        "secrets_directory": str(store),
        "owner": OWNER,
        "models": [{"name": f"own-{number}", **BACKEND} for number in numbers],
        "teams": [{"team": f"own-{number}", "models": [f"own-{number}"]} for number in numbers],
        "keys": [
            {"alias": f"own-{number}", "team": f"own-{number}", "models": [f"own-{number}"]} for number in numbers
        ],
        **options,
    }


def made_by_hand(proxy: Proxy) -> None:
    """As the admin UI makes them."""
    parameters = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
    proxy.post("/model/new", model_name="by hand", litellm_params=parameters, model_info={})
    proxy.post("/team/new", team_alias="By hand", models=[], metadata={})
    proxy.post("/key/generate", key_alias="by-hand", models=[])


def named(result: Mapping[str, Any], place: str = "unmanaged") -> set[tuple[str, str]]:
    """Kinds and names, but for those of the gateway itself."""
    others = {"qwen-local", "research", "product", "low", "high", "default"}
    return {(found["kind"], found["name"]) for found in result[place] if found["name"] not in others}


def test_what_somebody_made_by_hand_is_reported_and_left_alone(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    assert task(litellm_tenants, **declared(store, 0))["summary"]["created"] == 3
    before = proxy.names()
    made_by_hand(proxy)
    new = {kind: names - before[kind] for kind, names in proxy.names().items()}
    forward.seen.clear()
    result = task(litellm_tenants, **declared(store, 0))
    assert (result["changed"], forward.writes()) == (False, [])
    assert named(result) == {("model", "by hand"), ("team", next(iter(new["team"]))), ("key", "by-hand")}
    assert {found["owner"] for found in result["unmanaged"] if found["name"] == "by-hand"} == {None}
    assert task(litellm_tenants, **declared(store, 0, unmanaged="prune"))["changed"] is False
    assert all(new[kind] <= names for kind, names in proxy.names().items())


def test_kinds_that_are_not_given_and_policy_keep_ask_for_nothing(task: Task, forward: Forward, proxy: Proxy) -> None:
    made_by_hand(proxy)
    forward.seen.clear()
    result = task(litellm_tenants, keys=[])
    assert {kind for kind, name in named(result)} == {"key"}
    assert {path for method, path in forward.seen} == {"/key/list"}
    forward.seen.clear()
    assert "unmanaged" not in task(litellm_tenants, keys=[], teams=[], models=[], unmanaged="keep")
    assert forward.seen == []


def test_what_was_dropped_from_the_declaration_is_pruned_as_predicted(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    task(litellm_tenants, **declared(store, 0, 1))
    made_by_hand(proxy)
    theirs = task(litellm_tenants, **declared(store, 2, owner="somebody else"))
    assert named(theirs) >= {("key", "own-0"), ("key", "own-1"), ("key", "by-hand")}
    reported = task(litellm_tenants, **declared(store, 0))
    assert {found["owner"] for found in reported["unmanaged"] if found["name"] == "own-1"} == {OWNER}
    forward.seen.clear()
    predicted = task(litellm_tenants, check=True, **declared(store, 0, unmanaged="prune"))
    assert forward.writes() == []
    result = task(litellm_tenants, **declared(store, 0, unmanaged="prune"))
    assert (result["objects"], result["diff"]) == (predicted["objects"], predicted["diff"])
    assert result["summary"] == {"created": 0, "updated": 0, "unchanged": 3, "deleted": 3}
    assert ("key", "by-hand") in named(result)
    assert not {("key", "own-1"), ("team", "own-1"), ("model", "own-1")} & named(result)
    forward.seen.clear()
    assert task(litellm_tenants, **declared(store, 0, unmanaged="prune"))["changed"] is False
    assert forward.writes() == []
    assert {row["key_alias"] for row in proxy.all_keys()} >= {"own-0", "own-2", "by-hand"}


def test_more_deletions_than_allowed_are_refused_before_anything_is_written(
    task: Task, forward: Forward, store: Path
) -> None:
    task(litellm_tenants, **declared(store, 0, 1))
    forward.seen.clear()
    message = task(litellm_tenants, **declared(store, 2, unmanaged="prune", max_deletions=5))["msg"]
    assert "unmanaged: prune would delete 6 objects that are not declared any more (key " in message
    assert message.endswith("raise max_deletions for this run.\nNothing was changed.")
    assert forward.writes() == []
    result = task(litellm_tenants, **declared(store, 2, unmanaged="prune", max_deletions=6))
    assert (result["summary"]["created"], result["summary"]["deleted"]) == (3, 6)


def test_member_that_was_dropped_is_pruned_and_one_made_by_hand_stays(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    def declared_with(*users: str, **options: Any) -> dict[str, Any]:
        whole = declared(store, 0, **options)
        whole["teams"][0]["members"] = [{"user": user} for user in users]
        return whole

    def members() -> set[str]:
        roles = proxy.get("/team/info", team_id="own-0")["team_info"]["members_with_roles"]
        return {one["user_id"] for one in roles}

    task(litellm_tenants, **declared_with("own-a"))
    task(litellm_tenants, **declared_with("own-a", "own-b", "own-c"))
    proxy.post("/team/member_add", team_id="own-0", member={"role": "user", "user_id": "by-hand"})
    proxy.post("/key/generate", key_alias="by-hand", team_id="own-0", user_id="own-b", models=["own-0"])
    reported = task(litellm_tenants, **declared_with("own-a"))
    assert (reported["changed"], members()) == (False, {"own-a", "own-b", "own-c", "by-hand"})
    forward.seen.clear()
    refused = task(litellm_tenants, **declared_with("own-a", unmanaged="prune", max_deletions=1))["msg"]
    assert 'would delete 2 objects that are not declared any more (team "own-0": members "own-b", team' in refused
    assert 'members "own-b": LiteLLM would delete its 1 keys with it (by-hand)' in refused
    assert forward.writes() == []
    proxy.post("/key/delete", key_aliases=["by-hand"])
    predicted = task(litellm_tenants, check=True, **declared_with("own-a", unmanaged="prune"))
    assert forward.writes() == []
    result = task(litellm_tenants, **declared_with("own-a", unmanaged="prune"))
    assert not result.get("msg"), result["msg"]
    assert (result["objects"], result["diff"]) == (predicted["objects"], predicted["diff"])
    assert members() == {"own-a", "by-hand"}
    forward.seen.clear()
    assert task(litellm_tenants, **declared_with("own-a", unmanaged="prune"))["changed"] is False
    assert forward.writes() == []


def test_more_than_a_page_is_read_whole_and_pruned_whole(
    task: Task, forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    names = [f"many-{number}" for number in range(101)]
    for name in names:
        value = f"sk-{token_hex(24)}"
        (tmp_path / name).write_text(value)
        task.secrets.append(value)
    whole: dict[str, Any] = {"secrets_directory": str(tmp_path), "owner": OWNER}
    keys = [{"alias": name, "models": ["qwen-local"]} for name in names]
    assert task(litellm_tenants, **whole, keys=keys)["summary"]["created"] == len(names)
    forward.seen.clear()
    read = task(litellm_info, kinds=["keys"])
    assert set(names) <= {found["name"] for found in read["objects"]["keys"]}
    assert all(len(found["token_id"]) == 64 for found in read["objects"]["keys"])
    assert (read["requests"]["read"], read["requests"]["write"]) == (2, 0)
    assert forward.seen == [("GET", "/key/list")] * 2
    assert task(litellm_tenants, **whole, keys=keys)["changed"] is False
    dropped = {**whole, "keys": [], "unmanaged": "prune"}
    assert "would delete 101 objects" in task(litellm_tenants, **dropped, max_deletions=100)["msg"]
    assert task(litellm_tenants, **dropped, max_deletions=101)["summary"]["deleted"] == len(names)
    assert not any(str(row["key_alias"]).startswith("many-") for row in proxy.all_keys())
    assert task(litellm_tenants, **dropped)["changed"] is False


def test_team_is_not_pruned_while_somebody_elses_key_is_in_it(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    task(litellm_tenants, **declared(store, 0, 1))
    proxy.post("/key/generate", key_alias="by-hand", team_id="own-1", models=["own-1"])
    forward.seen.clear()
    message = task(litellm_tenants, **declared(store, 0, unmanaged="prune"))["msg"]
    assert 'team "own-1": LiteLLM would delete its 1 keys with it (by-hand)' in message
    assert forward.writes() == []
    proxy.post("/key/delete", key_aliases=["by-hand"])
    assert task(litellm_tenants, **declared(store, 0, unmanaged="prune"))["summary"]["deleted"] == 3


def test_what_was_made_by_hand_is_adopted_with_the_entry_that_declares_it(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    """Run against what is adopted only: the gateway's own objects would be, too."""
    value = f"sk-{token_hex(24)}"
    proxy.post("/key/generate", key=value, key_alias="own-0", models=["own-0"], max_budget=5, metadata={"for": "x"})
    (store / "own-0").write_text(value)
    entry = {"alias": "own-0", "models": ["own-0"], "max_budget": 5}
    whole = {"secrets_directory": str(store), "owner": OWNER, "models": [{"name": "own-0", **BACKEND}]}
    first = task(litellm_tenants, **whole, keys=[entry], unmanaged="report")
    assert first["summary"] == {"created": 1, "updated": 0, "unchanged": 1, "deleted": 0}
    predicted = task(litellm_tenants, check=True, **whole, keys=[entry], unmanaged="adopt")
    adopted = next(found for found in predicted["unmanaged"] if found["name"] == "high")
    assert adopted["entry"] == {"alias": "high", "team": "research", "models": ["qwen-local"], "max_budget": 5.0}
    own = next(found for found in predicted["objects"] if found["name"] == "own-0" and found["kind"] == "key")
    assert (own["action"], own["fields"], own["undeclared"]) == ("updated", ["metadata"], {"metadata": ["for"]})
    model = next(found for found in predicted["unmanaged"] if found["kind"] == "model")
    assert model["entry"]["model"] == "hosted_vllm/qwen-local"


def test_adopted_objects_are_marked_once_and_can_be_pruned_afterwards(
    task: Task, forward: Forward, proxy: Proxy, database: Any
) -> None:
    made_by_hand(proxy)
    everything: dict[str, Any] = {"keys": [], "teams": [], "models": [], "owner": OWNER}
    before = {(found["kind"], found["name"]) for found in task(litellm_tenants, **everything)["unmanaged"]}
    try:
        result = task(litellm_tenants, **everything, unmanaged="adopt")
        free = {(found["kind"], found["name"]) for found in result["objects"]}
        assert free >= {("model", "by hand"), ("key", "by-hand")}
        assert free <= before
        forward.seen.clear()
        assert task(litellm_tenants, **everything, unmanaged="adopt")["changed"] is False
        assert forward.writes() == []
        predicted = task(litellm_tenants, check=True, **everything, unmanaged="prune", max_deletions=50)
        assert {(found["kind"], found["name"]) for found in predicted["objects"]} == free
        assert {found["action"] for found in predicted["objects"]} == {"deleted"}
    finally:
        with database() as connection:
            for statement in (
                "UPDATE \"LiteLLM_VerificationToken\" SET metadata = metadata - 'tollgate_owner' "
                "WHERE metadata->>'tollgate_owner' = %s",
                "UPDATE \"LiteLLM_TeamTable\" SET metadata = metadata - 'tollgate_owner' "
                "WHERE metadata->>'tollgate_owner' = %s",
                "UPDATE \"LiteLLM_ProxyModelTable\" SET model_info = model_info - 'tollgate_owner' "
                "WHERE model_info->>'tollgate_owner' = %s",
            ):
                connection.execute(statement, [OWNER])


def test_nothing_is_begun_after_a_failure_when_told_so(task: Task, forward: Forward, proxy: Proxy, store: Path) -> None:
    wanted = declared(store, 0, 1, concurrency=1, unmanaged="keep")
    wanted["keys"][0]["end_user_budget_id"] = "no-such-budget"
    result = task(litellm_tenants, **wanted, stop_on_error=True)
    assert result["msg"].startswith("1 of 6 objects failed, 1 were not begun, the others are as declared:\n")
    assert [(found["kind"], found["name"], found["action"]) for found in result["failures"]] == [
        ("key", "own-0", "created"),
        ("key", "own-1", "created"),
    ]
    assert "LiteLLM refused" in result["failures"][0]["reason"]
    assert "not begun, since another object failed before" in result["failures"][1]["reason"]
    assert not any(str(row["key_alias"]).startswith("own-") for row in proxy.all_keys())
    wanted["keys"][0].pop("end_user_budget_id")
    assert task(litellm_tenants, **wanted)["summary"]["created"] == 2


def test_fields_that_somebody_set_by_hand_are_reported_beside_the_declared_ones(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    task(litellm_tenants, **declared(store, 0))
    fresh = task(litellm_tenants, **declared(store, 0))
    assert not any("undeclared" in found for found in fresh["objects"])
    proxy.post("/key/update", key_alias="own-0", max_budget=100, metadata={"note": "x", "tollgate_owner": OWNER})
    proxy.post("/team/update", team_id="own-0", rpm_limit=3, blocked=True)
    patch = {"litellm_params": {"rpm": 7, "temperature": 0.5}}
    proxy.http.patch("/model/own-0/update", json=patch).raise_for_status()
    found = task(litellm_tenants, **declared(store, 0))
    assert found["changed"] is False
    by_kind = {one["kind"]: one.get("undeclared") for one in found["objects"]}
    assert by_kind == {
        "model": {"rpm": 7, "litellm_params": ["temperature"]},
        "team": {"rpm_limit": 3, "blocked": True},
        "key": {"max_budget": 100.0, "metadata": ["note"]},
    }


def test_users_credentials_and_members_made_by_hand_are_found_too(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    whole = declared(
        store,
        0,
        users=[{"user": "own-user", "max_budget": 3}],
        credentials=[{"credential": "own-credential", "values": {"api_base": "http://127.0.0.1:9/v1"}}],
        budgets=[{"budget": "own-budget", "max_budget": 3}],
        customers=[{"customer": "own-customer", "max_budget": 3}],
    )
    whole["teams"][0]["members"] = [{"user": "own-user"}]
    whole["keys"][0]["user"] = "own-user"
    try:
        assert not task(litellm_tenants, **whole).get("msg")
        again = task(litellm_tenants, **whole)
        assert again["changed"] is False
        assert not any("undeclared" in found for found in again["objects"]), str(
            [o for o in again["objects"] if "undeclared" in o]
        )
        proxy.post("/user/new", user_id="user-by-hand", auto_create_key=False)
        values = {"api_base": "http://127.0.0.1:9/v1"}
        proxy.post("/credentials", credential_name="by-hand", credential_values=values, credential_info={})
        proxy.post("/budget/new", budget_id="budget-by-hand", max_budget=1)
        proxy.post("/team/member_add", team_id="own-0", member={"role": "user", "user_id": "user-by-hand"})
        proxy.post("/user/update", user_id="own-user", tpm_limit=9)
        found = task(litellm_tenants, **whole)
        assert found["changed"] is False
        assert named(found) == {("user", "user-by-hand"), ("credential", "by-hand")}
        beside = {one["kind"]: one["undeclared"] for one in found["objects"] if "undeclared" in one}
        assert beside == {"team": {"members": ["user-by-hand"]}, "user": {"tpm_limit": 9}}
        proxy.post("/team/member_delete", team_id="own-0", user_id="user-by-hand")
        pruned = task(
            litellm_tenants, **{**whole, "users": [], "credentials": [], "keys": [], "teams": []}, unmanaged="prune"
        )
        assert not pruned.get("msg"), pruned["msg"]
        gone = {(one["kind"], one["name"]) for one in pruned["objects"] if one["action"] == "deleted"}
        own = {("user", "own-user"), ("credential", "own-credential"), ("key", "own-0"), ("team", "own-0")}
        assert gone == own
        assert named(pruned) == {("user", "user-by-hand"), ("credential", "by-hand")}
    finally:
        proxy.http.delete("/credentials/by-hand")
        proxy.http.delete("/credentials/own-credential")
        proxy.http.post("/user/delete", json={"user_ids": ["user-by-hand"]})
        proxy.http.post("/user/delete", json={"user_ids": ["own-user"]})
        proxy.http.post("/customer/delete", json={"user_ids": ["own-customer"]})
        for name in ("budget-by-hand", "own-budget"):
            proxy.http.post("/budget/delete", json={"id": name})
