# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against the real proxy: predictions, lost answers, races, what others did in between."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
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

VALUE = "sk-run-0123456789abcdef"
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
PRICES = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
KEY = {"alias": "run-key", "models": ["run-model"], "value": VALUE}
CREATIONS = {
    "key": (litellm_key, "/key/generate", KEY),
    "team": (litellm_team, "/team/new", {"team": "run-team", "models": ["run-model"]}),
    "model": (litellm_model, "/model/new", {"name": "run-model", **BACKEND}),
    "budget": (litellm_budget, "/budget/new", {"budget": "run-budget", "max_budget": 1}),
    "user": (litellm_user, "/user/new", {"user": "run-user", "rpm_limit": 1}),
    "customer": (litellm_customer, "/customer/new", {"customer": "run-customer", "models": ["run-model"]}),
    "credential": (litellm_credential, "/credentials", {"credential": "run-credential", "values": {"api_base": "x"}}),
}


@pytest.fixture
def store(task: Task, tmp_path: Path) -> Path:
    """A directory of secrets, of which no result may hold one."""
    for number in range(60):
        value = f"sk-{token_hex(24)}"
        (tmp_path / f"run-{number}").write_text(f"{value}\n")
        task.secrets.append(value)
    return tmp_path


def keys_named(proxy: Proxy, prefix: str) -> list[str]:
    return sorted(row["key_alias"] for row in proxy.all_keys() if str(row["key_alias"]).startswith(prefix))


def test_check_mode_predicts_creations_updates_and_deletions_of_one_run(
    task: Task, forward: Forward, proxy: Proxy, store: Path
) -> None:
    def declared(*, later: bool) -> dict[str, Any]:
        state = {"state": "absent"} if later else {}
        return {
            "secrets_directory": str(store),
            "models": [
                {"name": "run-model", **BACKEND, **PRICES, "rpm": 6 if later else 5},
                {"name": "run/old model", **BACKEND, **PRICES, **state},
                *([{"name": "run-new", **BACKEND, **PRICES}] if later else []),
            ],
            "teams": [
                {"team": "run-team", "models": ["run-model"], "max_budget": 7 if later else None},
                {"team": "run-old", "models": ["run-model"], **state},
                *([{"team": "run-new", "models": ["run-new", "run-model"]}] if later else []),
            ],
            "keys": [
                {"alias": "run-0", "models": ["run-model"], "team": "run-new" if later else "run-old"},
                {"alias": "run-1", "models": ["run-model"], "team": "run-old", **state},
                {"alias": "run-2", "models": ["run-model"]},
                *([{"alias": "run-3", "models": ["run-new"]}] if later else []),
            ],
        }

    assert task(litellm_tenants, **declared(later=False))["summary"]["created"] == 7
    forward.seen.clear()
    predicted = task(litellm_tenants, check=True, **declared(later=True))
    assert forward.writes() == []
    result = task(litellm_tenants, **declared(later=True))
    assert not result.get("msg"), result["msg"]
    assert result["summary"] == {"created": 3, "updated": 3, "unchanged": 1, "deleted": 3}
    for part in ("summary", "objects", "diff", "changed"):
        assert predicted[part] == result[part]
    assert keys_named(proxy, "run-") == ["run-0", "run-2", "run-3"]
    forward.seen.clear()
    assert task(litellm_tenants, **declared(later=True))["changed"] is False
    assert forward.writes() == []


@pytest.mark.parametrize("kind", CREATIONS)
def test_lost_answer_of_a_creation_is_found_out_in_the_same_run(
    task: Task, forward: Forward, proxy: Proxy, kind: str
) -> None:
    module, path, options = CREATIONS[kind]
    before = proxy.names()[kind]
    forward.lose.add(path)
    result = task(module, **options)
    assert not result.get("msg"), result["msg"]
    assert result["summary"]["created"] == 1
    assert len(proxy.names()[kind] - before) == 1
    assert task(module, **options)["changed"] is False


@pytest.mark.parametrize("kind", CREATIONS)
def test_creation_whose_run_was_cut_off_is_taken_over_by_the_next(
    task: Task, forward: Forward, proxy: Proxy, kind: str
) -> None:
    module, path, options = CREATIONS[kind]
    before = proxy.names()[kind]
    forward.lose.add(path)
    forward.dies = True
    assert "no answer from" in task(module, **options)["msg"]
    forward.dead = False
    assert task(module, **options)["changed"] is False
    assert len(proxy.names()[kind] - before) == 1


def test_lost_answer_of_a_change_or_a_deletion_is_found_out(task: Task, forward: Forward) -> None:
    assert task(litellm_key, **KEY)["changed"]
    forward.lose.add("/key/update")
    assert task(litellm_key, **KEY, rpm_limit=5)["summary"]["updated"] == 1
    forward.lose.add("/key/delete")
    assert task(litellm_key, alias=KEY["alias"], state="absent")["summary"]["deleted"] == 1


def test_sixty_keys_that_are_made_at_once_are_sixty(task: Task, proxy: Proxy, store: Path) -> None:
    keys = [{"alias": f"run-{number}", "models": ["run-model"]} for number in range(60)]
    declared = {
        "secrets_directory": str(store),
        "models": [{"name": "run-model", **BACKEND, **PRICES}],
        "keys": keys,
        "concurrency": 16,
    }
    result = task(litellm_tenants, **declared)
    assert result["summary"]["created"] == 61
    assert result["requests"]["write"] == 61
    assert keys_named(proxy, "run-") == sorted(key["alias"] for key in keys)


def chat(proxy: Proxy, value: str) -> int:
    """The status of a small call."""
    body = {"model": "qwen-local", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
    headers = {"Authorization": f"Bearer {value}"}
    return proxy.http.post("/v1/chat/completions", json=body, headers=headers).status_code


def test_key_that_is_made_again_does_not_owe_what_it_spent_before(task: Task, proxy: Proxy) -> None:
    value = f"sk-{token_hex(24)}"
    key = {"alias": "run-key", "models": ["qwen-local"], "value": value, "max_budget": 1}
    assert task(litellm_key, **key)["requests"]["write"] == 1
    proxy.post("/key/update", key_alias="run-key", spend=5)
    assert chat(proxy, value) == 422
    task(litellm_key, alias="run-key", state="absent")
    result = task(litellm_key, **key)
    assert result["summary"]["created"] == 1
    assert chat(proxy, value) == 200


def test_keys_that_are_made_again_together_do_not_owe_what_they_spent_before(
    task: Task, proxy: Proxy, store: Path
) -> None:
    again = [f"run-{number}" for number in range(3)]
    keys = [{"alias": alias, "models": ["qwen-local"], "max_budget": 1} for alias in again]
    keys[0]["team"] = "run-team"
    keys[1]["user"] = "run-user"
    new = {"alias": "run-3", "models": ["qwen-local"], "max_budget": 1}
    declared = {"secrets_directory": str(store), "unmanaged": "keep"}
    for most in (3, 4):
        proxy.post("/team/new", team_id="run-team", models=["qwen-local"])
        proxy.post("/user/new", user_id="run-user", auto_create_key=False)
        result = task(litellm_tenants, **declared, keys=[*keys, new][:most])
        assert result["summary"]["created"] == most, result
        for alias in again:
            assert chat(proxy, (store / alias).read_text().strip()) == 200, alias
            proxy.post("/key/update", key_alias=alias, spend=5)
            assert chat(proxy, (store / alias).read_text().strip()) == 422, alias
        # Each goes in another way, which leaves another trace.
        proxy.post("/team/delete", team_ids=["run-team"])
        proxy.post("/user/delete", user_ids=["run-user"])
        proxy.post("/key/delete", key_aliases=["run-2"])
    # Creations, and what three of them owed; the fourth was never there before.
    assert result["requests"]["write"] == 4 + 3


def test_key_that_went_with_its_user_does_not_owe_what_it_spent_before(task: Task, proxy: Proxy) -> None:
    value = f"sk-{token_hex(24)}"
    key = {"alias": "run-key", "models": ["qwen-local"], "value": value, "max_budget": 1, "user": "run-user"}
    for attempt in range(2):
        proxy.post("/user/new", user_id="run-user", auto_create_key=False)
        assert task(litellm_key, **key)["summary"]["created"] == 1
        assert chat(proxy, value) == 200, attempt
        proxy.post("/key/update", key_alias="run-key", spend=5)
        assert chat(proxy, value) == 422
        proxy.post("/user/delete", user_ids=["run-user"])


def test_team_with_keys_is_removed_only_when_told(task: Task, forward: Forward, proxy: Proxy) -> None:
    task(litellm_team, team="run-team", models=["run-model"])
    task(litellm_key, **KEY, team="run-team")
    forward.seen.clear()
    message = task(litellm_team, team="run-team", state="absent")["msg"]
    assert 'team "run-team": LiteLLM would delete its 1 keys with it (run-key)' in message
    assert "delete_keys: true" in message
    assert forward.writes() == []
    assert task(litellm_team, team="run-team", state="absent", delete_keys=True)["summary"]["deleted"] == 1
    assert keys_named(proxy, "run-") == []


def test_model_that_nobody_could_be_served_by_is_refused_and_not_left_behind(task: Task, proxy: Proxy) -> None:
    message = task(litellm_model, name="run-model", model="no-such-provider/x")["msg"]
    assert "was removed" in message
    assert proxy.model("run-model") is None


def test_model_that_was_saved_but_never_served_is_made_right(task: Task, proxy: Proxy) -> None:
    body = {
        "model_name": "run-model",
        "litellm_params": {"model": "no-such-provider/x"},
        "model_info": {"id": "run-model"},
    }
    assert proxy.http.post("/model/new", json=body).status_code == 500
    served = {row["model_info"]["id"] for row in proxy.get("/v2/model/info", size=1000)["data"]}
    assert "run-model" not in served
    options = {"name": "run-model", **BACKEND}
    predicted = task(litellm_model, check=True, **options)
    result = task(litellm_model, **options)
    assert result["summary"]["updated"] == predicted["summary"]["updated"] == 1
    assert task(litellm_model, **options)["changed"] is False


def test_secret_of_a_model_is_sent_once_and_again_when_it_changed(task: Task, proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "provider").write_text("the-providers-own-key\n")
    task.secrets += ["the-providers-own-key", "the-providers-new-key"]
    options = {"name": "run-model", **BACKEND, "api_key_secret": "provider", "secrets_directory": str(tmp_path)}
    assert task(litellm_model, **options)["summary"]["created"] == 1
    assert task(litellm_model, **options)["changed"] is False
    (tmp_path / "provider").write_text("the-providers-new-key\n")
    assert task(litellm_model, **options)["objects"][0]["fields"] == ["api_key"]
    assert task(litellm_model, **options)["changed"] is False
    assert "the-providers" not in str(proxy.model("run-model"))


def test_key_found_by_its_value_gets_its_new_alias(task: Task, proxy: Proxy) -> None:
    task(litellm_key, **KEY)
    renamed = {**KEY, "alias": "run-renamed"}
    assert task(litellm_key, **renamed)["diff"]["after"] == {'key "run-renamed"': {"alias": "run-renamed"}}
    assert keys_named(proxy, "run-") == ["run-renamed"]


def test_key_of_another_value_is_not_taken_for_ours(task: Task, forward: Forward) -> None:
    task(litellm_key, **KEY)
    forward.seen.clear()
    assert "another value" in task(litellm_key, **{**KEY, "value": "sk-run-another-value"})["msg"]
    assert forward.writes() == []


def test_key_without_a_value_can_be_changed_and_removed_but_not_made(task: Task, proxy: Proxy) -> None:
    assert "no value for a new key" in task(litellm_key, alias="run-key", models=["run-model"])["msg"]
    proxy.post("/key/generate", key=VALUE, key_alias="run-key", models=["run-model"])
    assert task(litellm_key, alias="run-key", rpm_limit=0)["objects"][0]["fields"] == ["rpm_limit"]
    assert proxy.key_info(VALUE)["rpm_limit"] == 0
    assert task(litellm_key, alias="run-key", state="absent")["summary"]["deleted"] == 1


def test_keys_that_share_an_alias_are_refused_and_removed_together(task: Task, proxy: Proxy, database: Any) -> None:
    for number in (1, 2):
        proxy.post("/key/generate", key=f"{VALUE}-{number}", key_alias=f"run-key-{number}", models=["run-model"])
    with database() as connection:
        connection.execute(
            "UPDATE \"LiteLLM_VerificationToken\" SET key_alias = 'run-key' WHERE key_alias LIKE 'run-key-%'"
        )
    assert "2 keys of the proxy have this alias" in task(litellm_key, **KEY)["msg"]
    assert task(litellm_key, alias="run-key", state="absent")["summary"]["deleted"] == 1
    assert keys_named(proxy, "run-") == []


def test_metadata_of_others_survives_a_change_beside_it(task: Task, proxy: Proxy) -> None:
    theirs = {"theirs": [1], "owner": "a"}
    proxy.post("/key/generate", key=VALUE, key_alias="run-key", models=["run-model"], metadata=theirs)
    proxy.post("/team/new", team_id="run-team", models=["run-model"], metadata=theirs, team_member_budget=3)
    linked = (proxy.team("run-team") or {})["metadata"]["team_member_budget_id"]
    change = {"metadata": {"owner": "b", "gone": None}, "model_rpm_limit": {"run-model": 5}}
    for step in (change, {"model_rpm_limit": {"run-model": 6}}, {"default_estimated_output_tokens": 5}):
        task(litellm_key, **KEY, **step)
        task(litellm_team, team="run-team", **step)
    task(litellm_key, **KEY, clear=["default_estimated_output_tokens"])
    task(litellm_team, team="run-team", clear=["default_estimated_output_tokens"])
    wanted = {"theirs": [1], "owner": "b", "model_rpm_limit": {"run-model": 6}}
    assert proxy.key_info(VALUE)["metadata"] == wanted
    assert (proxy.team("run-team") or {})["metadata"] == {**wanted, "team_member_budget_id": linked}
    task(litellm_key, **KEY, clear=["metadata"])
    task(litellm_team, team="run-team", clear=["metadata"])
    kept = {"model_rpm_limit": {"run-model": 6}}
    assert proxy.key_info(VALUE)["metadata"] == kept
    assert (proxy.team("run-team") or {})["metadata"] == {**kept, "team_member_budget_id": linked}


def test_soft_budget_never_changes_a_shared_budget(task: Task, forward: Forward, proxy: Proxy) -> None:
    proxy.post("/budget/new", budget_id="run-budget", max_budget=10)
    try:
        task(litellm_key, **KEY, budget_id="run-budget")
        forward.seen.clear()
        assert "shared budget run-budget" in task(litellm_key, **KEY, soft_budget=1)["msg"]
        assert forward.writes() == []
    finally:
        proxy.post("/budget/delete", id="run-budget")


def test_failure_of_one_object_is_reported_and_the_others_are_done(task: Task, proxy: Proxy, store: Path) -> None:
    result = task(
        litellm_tenants,
        secrets_directory=str(store),
        models=[{"name": "run-model", **BACKEND, **PRICES}],
        teams=[{"team": "run-team", "models": ["run-model"], "tpm_limit": 10}],
        keys=[
            {"alias": "run-0", "models": ["run-model"], "end_user_budget_id": "no-such-budget"},
            {"alias": "run-1", "models": ["run-model"], "team": "run-team"},
        ],
    )
    assert result["failed"]
    assert result["msg"].startswith("1 of 4 objects failed, the others are as declared:\n")
    assert 'key "run-0": LiteLLM refused' in result["msg"]
    assert result["summary"]["created"] == 3
    assert keys_named(proxy, "run-") == ["run-1"]


def test_wrong_admin_key_and_a_proxy_that_is_not_there_are_explained(task: Task) -> None:
    wrong = Task(task.url, "sk-wrong-wrong-wrong")
    assert "Give an admin's key" in wrong(litellm_key, **KEY)["msg"]
    nobody = Task("http://127.0.0.1:9", "sk-wrong-wrong-wrong")
    assert "no answer from http://127.0.0.1:9" in nobody(litellm_key, **KEY)["msg"]
    assumed = nobody(litellm_key, check=True, assume_empty=True, **KEY)
    assert assumed["summary"]["created"] == 1
