# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody does in the admin UI is found in every kind of object, and made right; by the calls of its pages."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from typing import Any

from admin_ui import session
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import token_id
from ansible_collections.tollgate.llm.plugins.modules import litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from forward_proxy import Forward
from proxy import Proxy

NAME = "admin-ui"
BACKEND = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9/v1"}
PRICES = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
DECLARED: dict[str, list[dict[str, Any]]] = {
    "budgets": [{"budget": NAME, "max_budget": 1}],
    "credentials": [{"credential": NAME, "values": {"api_base": "http://127.0.0.1:9/v1"}}],
    "models": [{"name": NAME, **BACKEND, **PRICES, "rpm": 5}],
    "users": [{"user": NAME, "max_budget": 1}],
    "teams": [{"team": NAME, "models": [NAME], "max_budget": 1, "members": [{"user": NAME, "max_budget": 1}]}],
    "keys": [{"alias": NAME, "models": [NAME], "team": NAME, "max_budget": 1}],
    "customers": [{"customer": NAME, "max_budget": 1}],
}


def test_what_the_admin_ui_changes_and_deletes_of_every_kind_is_found_and_made_right(
    task: Task, forward: Forward, proxy: Proxy, tmp_path: Path
) -> None:
    value = f"sk-{token_hex(24)}"
    task.secrets.append(value)
    (tmp_path / NAME).write_text(value)
    declared: dict[str, Any] = {**DECLARED, "secrets_directory": str(tmp_path), "owner": NAME}
    assert task(litellm_tenants, **declared)["summary"]["created"] == len(DECLARED)

    def did(**summary: int) -> dict[str, list[str]]:
        """The changed fields by kind, of check mode and of a run, after which nothing is left to do."""
        forward.seen.clear()
        predicted = task(litellm_tenants, check=True, **declared)
        assert forward.writes() == []
        result = task(litellm_tenants, **declared)
        assert not result.get("msg"), result["msg"]
        assert {what: number for what, number in result["summary"].items() if number} == summary
        assert (result["objects"], result["diff"]) == (predicted["objects"], predicted["diff"])
        assert task(litellm_tenants, **declared)["changed"] is False
        return {one["kind"]: one["fields"] for one in result["objects"]}

    with session(proxy.url, proxy.key) as ui:

        def send(path: str, **body: Any) -> None:
            ui.post(path, json=body).raise_for_status()

        send("/budget/update", budget_id=NAME, max_budget=9)
        changed = {"credential_name": NAME, "credential_values": {"api_base": "http://x"}, "credential_info": {}}
        ui.patch(f"/credentials/{NAME}", json=changed).raise_for_status()
        patch = {"litellm_params": {"rpm": 9}, "model_info": {"id": NAME}}
        ui.patch(f"/model/{NAME}/update", json=patch).raise_for_status()
        send("/user/update", user_id=NAME, max_budget=9)
        send("/team/update", team_id=NAME, team_alias=NAME, models=["all-proxy-models"], max_budget=9)
        send("/team/member_update", team_id=NAME, user_id=NAME, role="user", max_budget_in_team=9)
        send("/key/update", key=token_id(value), models=[], max_budget=9)
        customer = proxy.get("/customer/info", end_user_id=NAME)["litellm_budget_table"]["budget_id"]
        send("/budget/update", budget_id=customer, max_budget=9)
        assert did(updated=len(DECLARED)) == {
            "budget": ["max_budget"],
            "credential": ["values.api_base"],
            "model": ["rpm"],
            "user": ["max_budget"],
            "team": ["max_budget", "members", "models"],
            "key": ["max_budget", "models"],
            "customer": ["max_budget"],
        }
        send("/key/delete", keys=[token_id(value)])
        send("/team/delete", team_ids=[NAME])
        send("/user/delete", user_ids=[NAME])
        send("/model/delete", id=NAME)
        send("/budget/delete", id=NAME)
        ui.delete(f"/credentials/{NAME}").raise_for_status()
        proxy.post("/customer/delete", user_ids=[NAME])  # the pages of the UI can't
        did(created=len(DECLARED))
