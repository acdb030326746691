# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What litellm_info reads of the real proxy."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.modules import litellm_info, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.samples import SAMPLES, TOGETHER, entry
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

# Not beside others in one object, or of things that LiteLLM gives their ids.
# Two of each kind, and what the samples name.
COUNTS = {"budgets": 4, "credentials": 4, "models": 4, "users": 4, "teams": 4, "keys": 2, "customers": 2}
APART = {"soft_budget", "budget_id", "team", "duration", "access_group_ids", "litellm_params"}


def declared(world: dict[str, str], store: Path) -> dict[str, Any]:
    """One object of each kind with all of its fields, and one with the least."""
    found: dict[str, Any] = {}
    for resource in RESOURCES:
        lines = [line for line in resource.fields if not line.enterprise and line.name not in APART]
        rich = {line.name: SAMPLES[resource.kind][line.name].one for line in lines}
        found[resource.plural] = [
            {**entry(resource, f"info-{resource.kind}"), **rich},
            entry(resource, f"info-plain-{resource.kind}"),
        ]
    found["models"][1]["free"] = True
    found["keys"][0] |= TOGETHER["config"]
    found["models"][0] |= {"api_key_secret": "provider", "litellm_params": {"timeout": 30.0}}
    found["credentials"][0]["secret_values"] = {"api_key": {"secret": "provider"}}
    for name in ("sample-one", "sample-two"):
        found["models"].append(
            {"name": name, "model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1", "free": True}
        )
    return {**found, "secrets_directory": str(store)}


def test_what_is_read_declares_what_is_there_and_shows_no_secret(
    task: Task, forward: Forward, world: dict[str, str], tmp_path: Path
) -> None:
    for name in ("info-key", "info-plain-key", "provider"):
        value = f"sk-{token_hex(24)}"
        (tmp_path / name).write_text(value)
        task.secrets.append(value)
    wanted = declared(world, tmp_path)
    assert not (made := task(litellm_tenants, **wanted)).get("msg"), made["msg"]
    forward.seen.clear()
    result = task(litellm_info, details=True)
    assert not result.get("msg"), result["msg"]
    assert forward.writes() == []
    assert forward.undeclared() == []
    read = {
        plural: [found["entry"] for found in objects if found["name"].startswith(("info-", "sample-"))]
        for plural, objects in result["objects"].items()
    }
    assert {plural: len(entries) for plural, entries in read.items()} == COUNTS
    again = task(
        litellm_tenants,
        **{plural: [{**found, **_free(plural, found)} for found in entries] for plural, entries in read.items()},
        secrets_directory=str(tmp_path),
    )
    assert not again.get("msg"), again["msg"]
    assert again["changed"] is False, again["diff"]
    for resource in RESOURCES:
        rich = next(found for found in read[resource.plural] if found[resource.identity] == f"info-{resource.kind}")
        given = {
            line.name
            for line in resource.fields
            if wanted[resource.plural][0].get(line.name) not in (None, [], False) and not line.create_only
        }
        assert set(rich) >= given, resource.kind


def _free(plural: str, found: dict[str, Any]) -> dict[str, Any]:
    """What is no fact of the proxy: that a model shall cost nothing."""
    return {"free": True} if plural == "models" and not any("cost" in name for name in found) else {}


def test_texts_that_others_stored_under_names_of_secrets_are_hidden(task: Task, proxy: Proxy) -> None:
    secret = "not-for-everybody"
    task.secrets.append(secret)
    proxy.post(
        "/key/generate",
        key="sk-info-0123456789abcdef",
        key_alias="info-key",
        models=["m"],
        metadata={"webhook": {"api_key": secret}, "owner": "me"},
    )
    (found,) = [each for each in task(litellm_info, kinds=["keys"])["objects"]["keys"] if each["name"] == "info-key"]
    assert found["entry"]["metadata"] == {"webhook": {"api_key": "(hidden)"}, "owner": "me"}
