# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another value, or another name, for what is there: against the real proxy, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import token_id
from ansible_collections.tollgate.llm.plugins.modules import litellm_key, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", "free": True}
BOUND = {
    "models": ["qwen-local"],
    "max_budget": 5,
    "budget_duration": "30d",
    "rpm_limit": 0,
    "tpm_limit": 100000,
    "allowed_cache_controls": ["no-cache"],
    "model_tpm_limit": {"qwen-local": 90000},
    "object_permission": {"vector_stores": ["a"]},
    "metadata": {"owner": "a"},
}
UPDATE = ("POST", "/key/update")
ENDING = [UPDATE, ("POST", "/key/delete"), UPDATE]
WRITES = [UPDATE, ("POST", "/key/generate"), UPDATE, UPDATE]


@pytest.fixture
def values(task: Task) -> list[str]:
    """Three values of a key; no result may hold one."""
    task.secrets += [f"sk-{token_hex(24)}" for _each in range(3)]
    return task.secrets


def lists_models(proxy: Proxy, value: str) -> int:
    """The status of a call that any valid key may make."""
    return proxy.http.get("/v1/models", headers={"Authorization": f"Bearer {value}"}).status_code


def run_out(database: Callable[[], psycopg.Connection[Any]]) -> None:
    """Let the time of grace be over."""
    with database() as connection:
        connection.execute(
            "UPDATE \"LiteLLM_VerificationToken\" SET expires = now() - interval '1 minute' WHERE expires IS NOT NULL"
        )
        connection.execute(
            'UPDATE "LiteLLM_VerificationToken" SET metadata = jsonb_set(metadata, '
            "'{tollgate_rotation,until}', to_jsonb('2026-01-01T00:00:00+00:00'::text)) "
            "WHERE metadata->'tollgate_rotation' ? 'until'"
        )


def test_both_values_are_valid_for_the_time_of_grace_and_then_the_new_one_has_the_alias(
    task: Task, forward: Forward, proxy: Proxy, values: list[str], database: Any
) -> None:
    key: dict[str, Any] = {"alias": "turned", **BOUND, "grace": "1h"}
    task(litellm_key, **key, value=values[0])
    proxy.post("/key/update", key=token_id(values[0]), spend=1.25, max_parallel_requests=3)
    forward.seen.clear()
    predicted = task(litellm_key, check=True, **key, value=values[1])
    assert forward.writes() == []
    result = task(litellm_key, **key, value=values[1])
    assert not result.get("msg"), result["msg"]
    assert (result["summary"], result["objects"]) == (predicted["summary"], predicted["objects"])
    assert forward.writes() == WRITES
    old, new = proxy.key_info(values[0]), proxy.key_info(values[1])
    assert (old["key_alias"], new["key_alias"]) == ("turned", f"turned~{token_id(values[1])[:10]}")
    for name in ("spend", "models", "max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests", "budget_reset_at"):
        assert new[name] == old[name], name
    assert new["metadata"]["owner"] == "a"
    assert new["metadata"]["model_tpm_limit"] == {"qwen-local": 90000}
    assert new["object_permission"]["vector_stores"] == ["a"]
    assert (old["expires"] is not None, new["expires"]) == (True, None)
    assert [lists_models(proxy, value) for value in values[:2]] == [200, 200]
    assert not any("regenerate" in path for method, path in forward.seen)

    forward.seen.clear()
    again = task(litellm_key, **key, value=values[1])
    assert (again["changed"], forward.writes()) == (False, [])
    assert again["objects"][0]["rotation"]["phase"] == "grace"
    # In that time it can be changed like any key, and neither turned again nor turned back.
    assert task(litellm_key, **{**key, "max_budget": 6}, value=values[1])["objects"][0]["fields"] == ["max_budget"]
    assert "it is being rotated to" in task(litellm_key, **key, value=values[2])["msg"]
    assert "the old one again" in task(litellm_key, **key, value=values[0])["msg"]

    # The old value goes on spending, and so does the new one: both are billed to what stays.
    proxy.post("/key/update", key=token_id(values[0]), spend=1.75)
    proxy.post("/key/update", key=token_id(values[1]), spend=2.25)
    run_out(database)
    key["max_budget"] = 6
    predicted = task(litellm_key, check=True, **key, value=values[1])
    forward.seen.clear()
    over = task(litellm_key, **key, value=values[1])
    assert (over["diff"], over["changed"]) == (predicted["diff"], True)
    assert forward.writes() == ENDING
    new = proxy.key_info(values[1])
    assert (new["key_alias"], new["max_budget"], new["spend"]) == ("turned", 6.0, 2.75)
    assert "tollgate_rotation" not in new["metadata"]
    assert [lists_models(proxy, value) for value in values[:2]] == [401, 200]
    forward.seen.clear()
    assert task(litellm_key, **key, value=values[1])["changed"] is False
    assert task(litellm_key, **{name: key[name] for name in ("alias", "models")}, value=values[1])["changed"] is False
    assert forward.writes() == []


def die(task: Task, forward: Forward, writes: int, **options: Any) -> None:
    """A run of which the answer of one of its writes is lost, and which is killed by that."""
    forward.seen.clear()
    forward.dies_after = writes
    assert "no answer from" in task(litellm_key, **options)["msg"]
    assert len(forward.writes()) == writes
    forward.dies_after, forward.dead = 0, False


def left(proxy: Proxy) -> dict[str, str]:
    """The keys of the rotation, by their aliases."""
    return {row["key_alias"]: row["token"] for row in proxy.all_keys() if str(row["key_alias"]).startswith("turned")}


@pytest.mark.parametrize("survived", [1, 2, 3, 4])
def test_rotation_that_was_killed_is_gone_on_with_or_recognised(
    task: Task, forward: Forward, proxy: Proxy, values: list[str], survived: int
) -> None:
    key: dict[str, Any] = {"alias": "turned", **BOUND, "grace": "1h"}
    task(litellm_key, **key, value=values[0])
    die(task, forward, survived, **key, value=values[1])
    assert lists_models(proxy, values[0]) == 200
    if survived > 1:
        # There are two keys by now: any other value than the new one would leave one of them to itself.
        forward.seen.clear()
        assert "it is being rotated to" in task(litellm_key, **key, value=values[2])["msg"]
        assert "the old one again" in task(litellm_key, **key, value=values[0])["msg"]
        assert forward.writes() == []
    result = task(litellm_key, **key, value=values[1])
    assert not result.get("msg"), result["msg"]
    old, new = proxy.key_info(values[0]), proxy.key_info(values[1])
    assert old["expires"] is not None
    assert new["metadata"]["tollgate_rotation"]["phase"] == "grace"
    assert set(left(proxy)) == {old["key_alias"], new["key_alias"]}
    assert task(litellm_key, **key, value=values[1])["changed"] is False


@pytest.mark.parametrize("survived", [1, 2, 3])
def test_end_of_a_rotation_that_was_killed_is_gone_on_with(
    *, task: Task, forward: Forward, proxy: Proxy, values: list[str], database: Any, survived: int
) -> None:
    key: dict[str, Any] = {"alias": "turned", **BOUND, "grace": "1h"}
    task(litellm_key, **key, value=values[0])
    task(litellm_key, **key, value=values[1])
    proxy.post("/key/update", key=token_id(values[0]), spend=0.5)
    run_out(database)
    die(task, forward, survived, **key, value=values[1])
    refused = task(litellm_key, **key, value=values[2], check=True).get("msg", "")
    assert ("it is being rotated to" in refused) is (survived < len(ENDING))
    assert not task(litellm_key, **key, value=values[1]).get("msg")
    info = proxy.key_info(values[1])
    assert (info["key_alias"], info["spend"]) == ("turned", 0.5)  # billed once
    assert task(litellm_key, **key, value=values[1])["changed"] is False
    assert left(proxy) == {"turned": token_id(values[1])}


@pytest.mark.parametrize("survived", [1, 2, 3, 4, 6])
def test_no_key_of_a_killed_rotation_outlives_its_entry(
    *, task: Task, forward: Forward, proxy: Proxy, values: list[str], database: Any, survived: int
) -> None:
    """By the time of the sixth write the grace is over, and the old key is gone."""
    alias = "turned\\over"
    key: dict[str, Any] = {"alias": alias, "models": ["qwen-local"], "grace": "1h"}
    task(litellm_key, **key, value=values[0])
    if survived <= len(WRITES):
        die(task, forward, survived, **key, value=values[1])
    else:
        task(litellm_key, **key, value=values[1])
        proxy.post("/key/update", key=token_id(values[0]), spend=0.5)
        run_out(database)
        die(task, forward, survived - len(WRITES), **key, value=values[1])
    result = task(litellm_key, alias=alias, state="absent")
    assert not result.get("msg"), result["msg"]
    assert result["summary"]["deleted"] == 1
    assert left(proxy) == {}
    assert task(litellm_key, alias=alias, state="absent")["changed"] is False


def test_both_keys_go_with_their_entry_and_another_value_without_grace_is_refused(
    task: Task, forward: Forward, proxy: Proxy, values: list[str]
) -> None:
    key: dict[str, Any] = {"alias": "turned", **BOUND}
    task(litellm_key, **key, value=values[0])
    assert "say by grace how long both shall be valid" in task(litellm_key, **key, value=values[1])["msg"]
    assert "grace is wrong" in task(litellm_key, **key, value=values[1], grace="soon")["msg"]
    assert "say it in days" in task(litellm_key, **key, value=values[1], grace="1mo")["msg"]
    task(litellm_key, **key, value=values[1], grace="1h")
    assert task(litellm_key, alias="turned", state="absent")["summary"]["deleted"] == 1
    assert left(proxy) == {}
    assert task(litellm_key, alias="turned", state="absent")["changed"] is False


def test_a_key_that_expires_sooner_keeps_its_date(task: Task, proxy: Proxy, values: list[str]) -> None:
    key: dict[str, Any] = {"alias": "turned", "models": ["qwen-local"], "grace": "7d"}
    task(litellm_key, **key, value=values[0], duration="2h")
    before = proxy.key_info(values[0])["expires"]
    task(litellm_key, **key, value=values[1])
    assert proxy.key_info(values[0])["expires"] == before
    assert abs(len(str(proxy.key_info(values[1])["expires"])) - len(before)) <= 1  # it expires, too
    assert task(litellm_key, **key, value=values[1])["objects"][0]["rotation"]["until"][:16] == before[:16]


def test_windows_of_several_budgets_start_again_with_the_new_value(task: Task, proxy: Proxy, values: list[str]) -> None:
    """LiteLLM counts them by value, in spend logs and in memory, and only reset_spend sets them: to 0."""
    windows = [{"budget_duration": "30d", "max_budget": 0.0001}]
    key: dict[str, Any] = {"alias": "turned", "models": ["qwen-local"], "budget_limits": windows, "grace": "1h"}

    def chat(value: str) -> int:
        body = {"model": "qwen-local", "messages": [{"role": "user", "content": "x"}], "max_tokens": 20}
        headers = {"Authorization": f"Bearer {value}"}
        return proxy.http.post("/v1/chat/completions", json=body, headers=headers).status_code

    task(litellm_key, **key, value=values[0])
    said = [chat(values[0]) for _call in range(20)]
    assert (said[0], said[-1]) == (200, 422)
    task(litellm_key, **key, value=values[1])
    old, new = proxy.key_info(values[0]), proxy.key_info(values[1])
    assert new["budget_limits"] == old["budget_limits"]  # with the date at which they end
    assert old["budget_limits_usage"]["30d"]["current_spend"] > 0
    assert new["budget_limits_usage"]["30d"]["current_spend"] == 0
    assert [chat(value) for value in values[:2]] == [422, 200]


def test_keys_teams_and_models_get_other_names_and_lose_nothing(
    task: Task, forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    value = f"sk-{token_hex(24)}"
    task.secrets.append(value)
    (tmp_path / "first").write_text(value)
    before: dict[str, Any] = {
        "secrets_directory": str(tmp_path),
        "models": [{"name": "first", **BACKEND}],
        "teams": [{"team": "first", "models": ["first"]}],
        "keys": [{"alias": "first", "team": "first", "models": ["first"]}],
    }
    assert task(litellm_tenants, **before)["summary"]["created"] == 3
    proxy.post("/key/update", key=token_id(value), spend=2.5)
    proxy.http.patch("/model/first/update", json={"litellm_params": {"temperature": 0.5}}).raise_for_status()
    renamed = {"renamed_from": "first"}
    after: dict[str, Any] = {
        "secrets_directory": str(tmp_path),
        "models": [{"name": "second", **BACKEND, **renamed}],
        "teams": [{"team": "The second", "models": ["second"], **renamed}],
        "keys": [{"alias": "second", "team": "The second", "models": ["second"], **renamed}],
    }
    predicted = task(litellm_tenants, check=True, **after)
    result = task(litellm_tenants, **after)
    assert not result.get("msg"), result["msg"]
    assert (result["objects"], result["diff"]) == (predicted["objects"], predicted["diff"])
    assert [(one["name"], one["fields"]) for one in result["objects"]] == [
        ("second", ["name"]),
        ("The second", ["alias", "models"]),
        ("second", ["alias", "models"]),
    ]
    info = proxy.key_info(value)
    assert (info["key_alias"], info["spend"], info["team_id"], info["models"]) == ("second", 2.5, "first", ["second"])
    assert (proxy.team("first") or {})["team_alias"] == "The second"
    model = proxy.model("first") or {}
    assert (model["model_name"], model["litellm_params"]["temperature"]) == ("second", 0.5)
    forward.seen.clear()
    assert task(litellm_tenants, **after)["changed"] is False
    assert forward.writes() == []
    assert (
        "is declared twice" in task(litellm_tenants, **{**after, "teams": [*before["teams"], *after["teams"]]})["msg"]
    )
    gone = {name: [{**entry, "state": "absent"} for entry in after[name]] for name in ("models", "teams", "keys")}
    assert task(litellm_tenants, **gone)["summary"]["deleted"] == 3


def test_key_is_renamed_and_rotated_at_once(task: Task, proxy: Proxy, values: list[str], database: Any) -> None:
    task(litellm_key, alias="turned", models=["qwen-local"], value=values[0])
    proxy.post("/key/update", key=token_id(values[0]), spend=1.25)
    key: dict[str, Any] = {"alias": "turned-on", "renamed_from": "turned", "models": ["qwen-local"], "grace": "1h"}
    assert task(litellm_key, **key, value=values[1])["summary"]["created"] == 1
    assert proxy.key_info(values[0])["expires"] is not None
    assert task(litellm_key, **key, value=values[1])["changed"] is False
    run_out(database)
    assert task(litellm_key, **key, value=values[1])["summary"]["updated"] == 1
    assert left(proxy) == {"turned-on": token_id(values[1])}
    assert proxy.key_info(values[1])["spend"] == 1.25
    assert task(litellm_key, **key, value=values[1])["changed"] is False


def test_key_without_a_stored_value_is_renamed_too(task: Task, proxy: Proxy) -> None:
    made = proxy.post("/key/generate", key_alias="first", models=["qwen-local"])
    result = task(litellm_key, alias="second", renamed_from="first")
    assert result["objects"][0]["fields"] == ["alias"]
    assert proxy.key_info(made["key"])["key_alias"] == "second"
    assert task(litellm_key, alias="second", renamed_from="first")["changed"] is False
