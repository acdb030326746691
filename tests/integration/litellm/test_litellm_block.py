# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A block, and its end, that the real proxy was seen to honour."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm import block
from ansible_collections.tollgate.llm.plugins.modules import litellm_key, litellm_team, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy


@pytest.fixture
def value(task: Task) -> str:
    """A key that no result may hold."""
    task.secrets.append(f"sk-{token_hex(24)}")
    return task.secrets[0]


def lists_models(proxy: Proxy, value: str) -> int:
    """The status of a call that any valid key may make."""
    return proxy.http.get("/v1/models", headers={"Authorization": f"Bearer {value}"}).status_code


def effective(result: dict[str, Any]) -> dict[str, Any]:
    """What the result says of the only object that was waited for."""
    assert not result.get("msg"), result["msg"]
    return next(one["effective"] for one in result["objects"] if "effective" in one)


def test_block_and_its_end_are_proven_with_the_keys_own_value(
    task: Task, forward: Forward, proxy: Proxy, value: str
) -> None:
    key: dict[str, Any] = {"alias": "stopped", "value": value, "workers": 1}
    task(litellm_key, **key, models=["qwen-local"])
    assert lists_models(proxy, value) == 200
    for state, status in (("blocked", 401), ("unblocked", 200)):
        forward.seen.clear()
        predicted = task(litellm_key, check=True, **key, state=state)
        assert predicted["objects"][0]["fields"] == ["blocked"]
        assert forward.writes() == []
        result = task(litellm_key, **key, state=state)
        assert effective(result)["proven"] is True
        assert effective(result)["workers"] == 1
        assert result["diff"] == predicted["diff"]
        assert forward.writes() == [("POST", "/key/update")]
        assert lists_models(proxy, value) == status
        forward.seen.clear()
        again = task(litellm_key, **key, state=state)
        assert (again["changed"], forward.writes(), effective(again)["proven"]) == (False, [], True)
    task(litellm_key, **key, state="blocked")
    assert task(litellm_key, **key, state="present")["changed"] is False
    assert lists_models(proxy, value) == 401
    assert "contradict each other" in task(litellm_key, **key, state="blocked", blocked=False)["msg"]


def test_worker_that_never_follows_is_a_failure(
    task: Task, proxy: Proxy, value: str, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "PATIENCE", 0.0)  # the time that the worker gets beyond what was said
    key: dict[str, Any] = {"alias": "stopped", "value": value}
    task(litellm_key, **key, models=["qwen-local"])
    assert lists_models(proxy, value) == 200
    with database() as connection:
        connection.execute("UPDATE \"LiteLLM_VerificationToken\" SET blocked = true WHERE key_alias = 'stopped'")
    message = task(litellm_key, **key, state="blocked", cache_time=2)["msg"]
    assert 'key "stopped": it is blocked in the database, but worker ' in message
    assert "still serves it (200) after " in message
    assert "more than cache_time, 2 s?" in message


def test_without_the_value_it_waits_for_the_caches_time_and_says_that_it_was_not_proven(
    task: Task, proxy: Proxy
) -> None:
    made = proxy.post("/key/generate", key_alias="stopped", models=["qwen-local"])
    task.secrets.append(made["key"])
    found = effective(task(litellm_key, alias="stopped", state="blocked", cache_time=2))
    assert found["proven"] is False
    assert found["seconds"] >= 2
    assert lists_models(proxy, made["key"]) == 401


def test_teams_are_blocked_in_a_declared_set_and_proven_with_one_of_their_keys(
    task: Task, forward: Forward, proxy: Proxy, value: str, tmp_path: Path
) -> None:
    (tmp_path / "stopped").write_text(value)
    team: dict[str, Any] = {"team": "stopped", "models": ["stopped"]}
    whole: dict[str, Any] = {
        "secrets_directory": str(tmp_path),
        "workers": 1,
        "unmanaged": "keep",
        "models": [{"name": "stopped", "model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", "free": True}],
        "keys": [{"alias": "stopped", "team": "stopped", "models": ["stopped"]}],
    }
    task(litellm_tenants, **whole, teams=[team])
    assert lists_models(proxy, value) == 200
    blocked = task(litellm_tenants, **whole, teams=[{**team, "state": "blocked"}])
    assert effective(blocked)["proven"] is True
    assert lists_models(proxy, value) == 401
    unblocked = task(litellm_tenants, **whole, teams=[{**team, "state": "unblocked"}])
    assert effective(unblocked)["proven"] is True
    alone = task(litellm_team, team="stopped", state="blocked", cache_time=1)
    assert effective(alone)["proven"] is False
    # A run that finds it so asks nobody, once the cache's time is over.
    forward.seen.clear()
    later = task(litellm_tenants, **whole, teams=[{**team, "state": "blocked"}], cache_time=0)
    assert not any("effective" in one for one in later["objects"])
    assert ("GET", "/v1/models") not in forward.seen
