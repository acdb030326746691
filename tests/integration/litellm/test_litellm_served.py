# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that their backends do not serve: the simulator lists what it serves, to its own key only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.modules import litellm_model, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward


@pytest.fixture
def backend(task: Task) -> dict[str, Any]:
    """The simulator, as an entry's backend."""
    place = json.loads(os.environ["TOLLGATE_TEST_PLACE"])
    secrets = Path(place["state"]) / "secrets"
    task.secrets.append((secrets / "vllm-api-key").read_text().strip())
    return {
        "name": "served",
        "model": "hosted_vllm/qwen-local",
        "api_base": f"http://127.0.0.1:{place['simulator_port']}/v1",
        "api_key_file": str(secrets / "vllm-api-key"),
        "free": True,
    }


def test_model_that_is_served_is_made_and_asked_for_once(task: Task, forward: Forward, backend: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"models": [backend], "unmanaged": "keep", "served_names": "refuse"}
    for check in (True, False):
        result = task(litellm_tenants, check=check, **whole)
        assert not result.get("msg"), result["msg"]
        assert result["summary"]["created"] == 1
    forward.seen.clear()
    assert task(litellm_tenants, **whole)["changed"] is False
    assert forward.writes() == []


def test_model_that_is_not_served_is_refused_or_warned_of(
    task: Task, forward: Forward, backend: dict[str, Any], tmp_path: Path
) -> None:
    def declared(check: str, **more: Any) -> dict[str, Any]:
        options = {"models": [{**backend, **more}], "unmanaged": "keep", "served_names": check}
        return task(litellm_tenants, **options)

    misspelt = {"model": "hosted_vllm/qwen-locl"}
    sentence = 'model "served": http://127.0.0.1:'
    message = declared("refuse", **misspelt)["msg"]
    assert sentence in message
    assert '/v1 does not serve "qwen-locl", did you mean "qwen-local"? Correct model or api_base.' in message
    (tmp_path / "key").write_text("not-its-key-at-all")
    task.secrets.append("not-its-key-at-all")
    message = declared("refuse", api_key_file=str(tmp_path / "key"))["msg"]
    assert "refuses the model's key (401). Correct where it comes from." in message
    assert forward.writes() == []
    warned = declared("warn", **misspelt)
    assert warned["summary"]["created"] == 1
    assert any("does not serve" in str(warning) for warning in warned["warnings"])
    assert declared("refuse", **misspelt)["changed"] is False  # asked when it changes only


def test_backend_that_can_not_be_asked_is_a_warning(task: Task, backend: dict[str, Any]) -> None:
    result = task(
        litellm_model,
        **{name: value for name, value in backend.items() if name not in ("api_key_file", "api_base")},
        api_base="http://127.0.0.1:9/v1",
        served_names="refuse",
    )
    assert result["summary"]["created"] == 1
    assert any("could not be asked what it serves" in str(warning) for warning in result["warnings"])
