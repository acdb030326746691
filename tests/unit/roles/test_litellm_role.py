# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role litellm gives the proxy's processes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.tests.unit.roles import rendering

PATIENCE = "TIMEOUT_WORKER_HEALTHCHECK"  # of uvicorn, which LiteLLM's --timeout_worker_healthcheck reads


def environment(**variables: Any) -> dict[str, Any]:
    """The proxy's variables that are plain text."""
    objects = rendering.rendered("litellm", "proxy.yml.j2", {"litellm_configuration": "model_list: []", **variables})
    proxy = next(each for each in objects if each["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert proxy["args"][-1] == str(variables.get("litellm_workers", 1))
    return {each["name"]: each["value"] for each in proxy["env"] if "value" in each}


@pytest.mark.parametrize(
    ("variables", "patience"),
    [
        ({}, None),
        ({"litellm_workers": 2}, "120"),
        ({"litellm_workers": 2, "litellm_environment": {PATIENCE: "30"}}, "30"),
    ],
)
def test_workers_have_the_time_that_importing_litellm_takes(variables: dict[str, Any], patience: str | None) -> None:
    assert environment(**variables).get(PATIENCE) == patience
