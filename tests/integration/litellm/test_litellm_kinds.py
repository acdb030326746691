# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets, users, customers, credentials and members against the real proxy: what is particular of each."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.modules import (
    litellm_budget,
    litellm_credential,
    litellm_customer,
    litellm_key,
    litellm_model,
    litellm_team,
    litellm_tenants,
    litellm_user,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

VALUE = "sk-kinds-0123456789abcdef"
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
STRANGE = ("a/b", "#1 & \\more?", " lead, ing ", 'it\'s "quoted"', "100%25", "emoji 🦊", "Case", "case", "x" * 255)
OTHERS: dict[str, tuple[ModuleType, dict[str, Any], dict[str, Any]]] = {
    "budget": (litellm_budget, {"max_budget": 1}, {"max_budget": 2}),
    "user": (litellm_user, {"rpm_limit": 1}, {"rpm_limit": 2}),
    "customer": (litellm_customer, {"max_budget": 1}, {"max_budget": 2}),
    "credential": (litellm_credential, {"values": {"api_base": "x"}}, {"values": {"api_base": "y"}}),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_strange_name_is_found_again_by_itself(task: Task, kind: str) -> None:
    module, one, two = OTHERS[kind]
    name = STRANGE[1]
    for options, what in ((one, "created"), (one, "unchanged"), (two, "updated"), (two, "unchanged")):
        result = task(module, **{kind: name}, **options)
        assert result.get("summary", {}).get(what) == 1, result
    for what in ("deleted", "unchanged"):
        assert task(module, **{kind: name}, state="absent")["summary"][what] == 1


def test_strange_names_are_kept_apart_and_found_again(task: Task, forward: Forward, proxy: Proxy) -> None:
    def did(number: int, **more: Any) -> dict[str, int]:
        entries = {
            f"{kind}s": [{kind: name, **options[number], **more} for name in STRANGE]
            for kind, (_module, *options) in OTHERS.items()
        }
        result = task(litellm_tenants, **entries)
        assert not result.get("msg"), result["msg"]
        return {what: count for what, count in result["summary"].items() if count}

    before = proxy.names()
    everything = len(STRANGE) * len(OTHERS)
    assert did(0) == {"created": everything}
    assert did(0) == {"unchanged": everything}
    assert did(1) == {"updated": everything}
    assert did(1) == {"unchanged": everything}
    assert all(set(STRANGE) <= proxy.names()[kind] for kind in OTHERS)
    assert did(1, state="absent") == {"deleted": everything}
    assert did(1, state="absent") == {"unchanged": everything}
    for kind in ("user", "customer", "credential"):
        assert proxy.names()[kind] == before[kind]
    assert forward.undeclared() == []


def test_member_added_while_its_answer_is_lost_is_there_with_its_limits(
    task: Task, forward: Forward, proxy: Proxy
) -> None:
    team = {"team": "kinds-team", "models": ["m"], "members": [{"user": "kinds-user", "max_budget": 3, "rpm_limit": 7}]}
    forward.lose.add("/team/member_add")
    result = task(litellm_team, **team)
    assert not result.get("msg"), result["msg"]
    assert task(litellm_team, **team)["changed"] is False
    info = proxy.get("/team/info", team_id="kinds-team")
    (membership,) = info["team_memberships"]
    assert (membership["litellm_budget_table"]["max_budget"], membership["litellm_budget_table"]["rpm_limit"]) == (3, 7)


def test_member_with_keys_of_the_team_leaves_only_when_told(task: Task, forward: Forward, proxy: Proxy) -> None:
    task(litellm_team, team="kinds-team", models=["m"], members=[{"user": "kinds-user"}, {"user": "kinds-other"}])
    task(litellm_key, alias="kinds-key", value=VALUE, models=["m"], team="kinds-team", user="kinds-user")
    leaving = {"team": "kinds-team", "members": [{"user": "kinds-user", "state": "absent"}]}
    forward.seen.clear()
    message = task(litellm_team, **leaving)["msg"]
    assert 'team "kinds-team": members "kinds-user": LiteLLM would delete its 1 keys with it (kinds-key)' in message
    assert forward.writes() == []
    result = task(litellm_team, **leaving, delete_keys=True)
    assert not result.get("msg"), result["msg"]
    assert result["objects"][0]["fields"] == ["members"]
    members = proxy.get("/team/info", team_id="kinds-team")["team_info"]["members_with_roles"]
    assert [each["user_id"] for each in members] == ["kinds-other"]
    assert task(litellm_team, **leaving)["changed"] is False


def test_membership_that_is_none_counts_as_none(task: Task, proxy: Proxy) -> None:
    """/team/member_update makes a membership for anybody, which gives no access."""
    task(litellm_team, team="kinds-team", models=["m"])
    proxy.post("/team/member_update", team_id="kinds-team", user_id="kinds-phantom", max_budget_in_team=1)
    wanted = {"team": "kinds-team", "members": [{"user": "kinds-phantom", "max_budget": 1}]}
    assert task(litellm_team, **wanted)["changed"] is True
    assert task(litellm_team, **wanted)["changed"] is False
    members = proxy.get("/team/info", team_id="kinds-team")["team_info"]["members_with_roles"]
    assert [each["user_id"] for each in members] == ["kinds-phantom"]


def test_user_with_keys_and_what_others_name_stay(task: Task, forward: Forward) -> None:
    task(litellm_budget, budget="kinds-budget", max_budget=1)
    task(litellm_user, user="kinds-user")
    task(litellm_credential, credential="kinds-credential", values={"api_base": "x"})
    task(litellm_model, name="kinds-model", **BACKEND, litellm_credential_name="kinds-credential")
    options = {"budget_id": "kinds-budget", "user": "kinds-user", "unpriced_budgets": "ignore"}
    task(litellm_key, alias="kinds-key", value=VALUE, models=["kinds-model"], **options)
    task(litellm_customer, customer="kinds-customer", budget_id="kinds-budget", unpriced_budgets="ignore")
    forward.seen.clear()
    message = task(litellm_user, user="kinds-user", state="absent")["msg"]
    assert "LiteLLM would delete its 1 keys with it (kinds-key)" in message
    message = task(litellm_budget, budget="kinds-budget", state="absent")["msg"]
    assert 'customer "kinds-customer", key "kinds-key" name it' in message
    message = task(litellm_credential, credential="kinds-credential", state="absent")["msg"]
    assert 'model "kinds-model" name it' in message
    assert forward.writes() == []
    assert task(litellm_user, user="kinds-user", state="absent", delete_keys=True)["summary"]["deleted"] == 1


def test_users_that_go_together_leave_their_team_one_after_the_other(task: Task, proxy: Proxy) -> None:
    """LiteLLM reads the members of a team, and writes them back without one: of two at once it loses one."""
    users: list[dict[str, Any]] = [{"user": f"kinds-{number}"} for number in range(10)]
    teams = [{"team": "kinds-team", "models": ["m"], "members": users}]
    assert task(litellm_tenants, users=users, teams=teams)["summary"]["created"] == len(users) + 1
    gone = [{**each, "state": "absent"} for each in users]
    assert task(litellm_tenants, users=gone)["summary"]["deleted"] == len(users)
    assert proxy.get("/team/info", team_id="kinds-team")["team_info"]["members_with_roles"] == []


def test_limits_of_a_customer_never_change_the_budget_of_another(task: Task, forward: Forward, proxy: Proxy) -> None:
    """LiteLLM gives a budget that nobody has named a UUID, like one that it makes for a customer alone."""
    shared = proxy.post("/budget/new", max_budget=5)["budget_id"]
    for name in ("kinds-one", "kinds-two"):
        proxy.post("/customer/new", user_id=name, budget_id=shared)
    message = task(litellm_customer, customer="kinds-one", max_budget=0)["msg"]
    assert f'customer "kinds-one": max_budget would change the budget {shared}, which customer "kinds-two" has too' in (
        message
    )
    assert forward.writes() == []
    proxy.post("/customer/delete", user_ids=["kinds-two"])
    assert task(litellm_customer, customer="kinds-one", max_budget=0)["summary"]["updated"] == 1


def test_what_lifts_the_limit_to_models_is_refused_and_LiteLLM_does_lift_it(
    task: Task, forward: Forward, proxy: Proxy
) -> None:
    proxy.post("/model/new", model_name="kinds-model", litellm_params=BACKEND, model_info={"id": "kinds-model"})
    proxy.post("/team/new", team_id="kinds-team", models=["kinds-model"], model_aliases={"kinds-alias": "qwen-local"})
    key = {"alias": "kinds-key", "value": VALUE}

    def chat(model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
        headers = {"Authorization": f"Bearer {VALUE}"}
        return proxy.http.post("/v1/chat/completions", json=body, headers=headers).status_code

    forward.seen.clear()
    message = task(litellm_key, **key, models=["kinds-model"], config={"a": 1})["msg"]
    assert 'key "kinds-key": config lifts the limit to models' in message
    assert "the key has no team" in task(litellm_key, **key, models=["all-team-models"])["msg"]
    assert "which LiteLLM takes for all models here" in task(litellm_team, team="x", models=["all-team-models"])["msg"]
    assert forward.writes() == []
    assert task(litellm_key, **key, models=["all-team-models"], team="kinds-team")["changed"]
    assert "the key has no team" in task(litellm_key, **key, models=["all-team-models"], clear=["team"])["msg"]
    assert (chat("qwen-local"), chat("kinds-alias")) == (403, 200)
    assert task(litellm_key, **key, models=["kinds-model"], clear=["team"])["changed"]
    assert chat("qwen-local") == 403
    for lifted in ({"config": {"a": 1}}, {"config": {}, "models": ["all-team-models"]}):
        proxy.post("/key/update", key_alias="kinds-key", **lifted)
        assert chat("qwen-local") == 200


def test_name_of_nothing_is_refused_before_anything_is_written(task: Task, forward: Forward) -> None:
    message = task(litellm_key, alias="kinds-key", value=VALUE, models=["m"], budget_id="nowhere")["msg"]
    assert 'key "kinds-key": there is no budget "nowhere"' in message
    message = task(litellm_model, name="kinds-model", **BACKEND, litellm_credential_name="nowhere")["msg"]
    assert 'model "kinds-model": there is no credential "nowhere"' in message
    message = task(litellm_customer, customer="kinds-customer", budget_id="nowhere")["msg"]
    assert 'customer "kinds-customer": there is no budget "nowhere"' in message
    assert forward.writes() == []


def test_customer_that_a_request_has_made_is_changed_as_declared(task: Task, proxy: Proxy) -> None:
    proxy.post("/customer/new", user_id="kinds-customer")
    wanted = {"customer": "kinds-customer", "max_budget": 0, "rpm_limit": 5, "budget_duration": "1d"}
    assert task(litellm_customer, **wanted)["summary"]["updated"] == 1
    assert task(litellm_customer, **wanted)["changed"] is False
    row = proxy.get("/customer/info", end_user_id="kinds-customer")
    assert row["litellm_budget_table"]["max_budget"] == 0
    assert task(litellm_customer, customer="kinds-customer", clear=["rpm_limit"])["summary"]["updated"] == 1
    assert proxy.get("/customer/info", end_user_id="kinds-customer")["litellm_budget_table"]["rpm_limit"] is None


def test_unchanged_duration_is_not_sent_with_a_change_beside_it(task: Task, forward: Forward, proxy: Proxy) -> None:
    """Sent again it would move the date at which the spend starts from 0."""
    for kind, (module, *_options) in OTHERS.items():
        if kind == "credential":
            continue
        first = {kind: "kinds-reset", "max_budget": 1, "budget_duration": "5d"}
        assert task(module, **first)["summary"]["created"] == 1
        forward.bodies.clear()
        assert task(module, **{**first, "max_budget": 2})["objects"][0]["fields"] == ["max_budget"]
        assert forward.bodies
        assert all(b"budget_duration" not in body for body in forward.bodies), kind


def test_user_made_again_does_not_owe_what_the_one_before_has_spent(task: Task, proxy: Proxy) -> None:
    user = {"user": "kinds-user", "max_budget": 1}
    key = {"alias": "kinds-key", "value": VALUE, "models": ["qwen-local"], "user": "kinds-user"}

    def chat() -> int:
        body = {"model": "qwen-local", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
        headers = {"Authorization": f"Bearer {VALUE}"}
        return proxy.http.post("/v1/chat/completions", json=body, headers=headers).status_code

    task(litellm_user, **user)
    task(litellm_key, **key)
    assert chat() == 200
    proxy.post("/user/update", user_id="kinds-user", spend=5)
    assert chat() == 422
    task(litellm_user, user="kinds-user", state="absent", delete_keys=True)
    assert task(litellm_user, **user)["summary"]["created"] == 1
    assert task(litellm_key, **key)["summary"]["created"] == 1
    assert chat() == 200
