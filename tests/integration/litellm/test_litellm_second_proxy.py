# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two proxies on one database, one of two workers: blocks that hold for all, and objects of a configuration file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm import block
from ansible_collections.tollgate.llm.plugins.modules import (
    litellm_credential,
    litellm_info,
    litellm_key,
    litellm_model,
    litellm_team,
    litellm_tenants,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from proxy import Proxy
from second_proxy import WORKERS, balanced, beside

ALL = 1 + WORKERS
CONNECTIONS = 16
CACHE = 5  # seconds that the second proxy keeps a key
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
CONFIGURED: dict[str, Any] = {
    "general_settings": {"user_api_key_cache_ttl": CACHE},
    "model_list": [{"model_name": "configured", "litellm_params": BACKEND, "model_info": {"id": "configured"}}],
    "credential_list": [
        {"credential_name": "configured", "credential_values": {"api_base": "http://x"}, "credential_info": {}}
    ],
}


@pytest.fixture(scope="module")
def second(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The other proxy."""
    state = Path(os.environ["TOLLGATE_TEST_STATE"])
    with (
        beside(state, tmp_path_factory.mktemp("second"), CONFIGURED) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {proxy.key}"}, timeout=60) as http,
    ):
        yield Proxy(url, proxy.key, http)


@pytest.fixture
def asked(second: Proxy) -> Task:
    """Runs modules against it."""
    return Task(second.url, second.key)


def lists_models(proxy: Proxy, value: str) -> int:
    """The status of a call that any valid key may make."""
    return proxy.http.get("/v1/models", headers={"Authorization": f"Bearer {value}"}).status_code


def effective(result: dict[str, Any]) -> dict[str, Any]:
    """What the result says of the only object that was waited for."""
    assert not result.get("msg"), result["msg"]
    return next(one["effective"] for one in result["objects"] if "effective" in one)


def answers(proxy: Proxy, value: str) -> set[int]:
    """What many connections say, which each worker takes some of."""
    headers = {"Authorization": f"Bearer {value}"}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        calls = [
            pool.submit(httpx.get, f"{proxy.url}/v1/models", headers=headers, timeout=60)
            for _each in range(CONNECTIONS)
        ]
        return {call.result().status_code for call in calls}


def test_block_holds_for_both_workers_of_one_proxy(asked: Task, second: Proxy) -> None:
    """One of them carries it out, while both have the key in their memory."""
    asked.secrets.append(f"sk-{token_hex(24)}")
    key: dict[str, Any] = {"alias": "stopped", "value": asked.secrets[0], "workers": WORKERS}
    asked(litellm_key, **key, models=["configured"])
    assert answers(second, asked.secrets[0]) == {200}
    for state, status in (("blocked", 401), ("unblocked", 200)):
        found = effective(asked(litellm_key, **key, state=state))
        assert (found["proven"], found["workers"]) == (True, WORKERS)
        assert answers(second, asked.secrets[0]) == {status}


def test_block_holds_for_every_worker_when_the_module_ends(proxy: Proxy, second: Proxy, tmp_path: Path) -> None:
    """It is written by one worker, while the other one has the key in its memory."""
    values = {"stopped": f"sk-{token_hex(24)}", "member": f"sk-{token_hex(24)}"}
    for name, value in values.items():
        (tmp_path / name).write_text(value)
    first = Task(proxy.url, proxy.key, list(values.values()))
    key: dict[str, Any] = {"alias": "stopped", "value": values["stopped"]}
    team = {"team": "stopped", "models": ["configured"]}
    whole: dict[str, Any] = {"secrets_directory": str(tmp_path), "unmanaged": "keep", "teams": [team]}
    whole["keys"] = [{"alias": "member", "team": "stopped", "models": ["configured"]}]
    assert first(litellm_key, **key, models=["configured"])["changed"]
    assert first(litellm_tenants, **whole)["changed"]
    with balanced([proxy.url, second.url]) as both:
        everyone = Task(both, proxy.key, list(values.values()))
        for state, status, before in (("blocked", 401, 200), ("unblocked", 200, 401)):
            assert [lists_models(second, value) for value in values.values()] == [before, before]
            assert first(litellm_key, **key, blocked=state == "blocked")["changed"]
            assert first(litellm_team, team="stopped", blocked=state == "blocked")["changed"]
            # Unless the machine is so slow that the time is over, the second one does not know it yet.
            result = everyone(litellm_key, **key, state=state, workers=ALL)
            assert lists_models(second, values["stopped"]) == status
            found = effective(result)
            assert (result["changed"], found["proven"], found["workers"]) == (False, True, ALL)
            whole["teams"] = [{**team, "state": state}]
            result = everyone(litellm_tenants, **whole, workers=ALL)
            assert lists_models(second, values["member"]) == status
            found = effective(result)
            assert (result["changed"], found["proven"], found["workers"]) == (False, True, ALL)


def test_worker_that_was_not_met_is_not_taken_for_proven(asked: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "MEETING", 0.0)
    value = f"sk-{token_hex(24)}"
    asked.secrets.append(value)
    key: dict[str, Any] = {"alias": "stopped", "value": value}
    asked(litellm_key, **key, models=["configured"])
    result = asked(litellm_key, **key, state="blocked", cache_time=CACHE, workers=ALL)
    assert effective(result)["proven"] is False
    assert any("of 3 workers took no connection" in str(warning) for warning in result["warnings"])
    # Who does not know how many there are waits until none of them can hold what was before.
    assert effective(asked(litellm_key, **key, state="blocked", cache_time=CACHE))["proven"] is True


def test_what_the_configuration_file_holds_is_shown_and_left_alone(asked: Task, second: Proxy) -> None:
    """LiteLLM refuses to change it: neither is it adopted, nor pruned, nor declared."""
    read = asked(litellm_info, kinds=["models", "credentials"])["objects"]
    assert "configured" in {found["name"] for found in read["models"]}
    everything: dict[str, Any] = {"models": [], "credentials": [], "owner": "configured-test"}
    found = {(one["kind"], one["name"]): one["changeable"] for one in asked(litellm_tenants, **everything)["unmanaged"]}
    assert found["model", "configured"] is False
    assert found["credential", "configured"] is False
    for unmanaged in ("adopt", "prune"):
        predicted = asked(litellm_tenants, check=True, **everything, unmanaged=unmanaged)
        assert not [one for one in predicted["objects"] if one["name"] == "configured"]
        assert "configured" in {one["name"] for one in predicted["unmanaged"]}
    for module, options in (
        (litellm_model, {"name": "configured", **BACKEND}),
        (litellm_credential, {"credential": "configured", "values": {"api_base": "http://y"}}),
    ):
        for state in ("present", "absent"):
            message = asked(module, **options, state=state)["msg"]
            assert "the proxy's config.yaml has a" in message
            assert message.endswith("Nothing was changed.")
    assert second.model("configured")
