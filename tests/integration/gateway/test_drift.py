# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed in the admin UI is found, and the declared part of it made right by the next run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from admin_ui import session

if TYPE_CHECKING:
    from conftest import Gateway

FAILED = 2


@pytest.fixture
def admin_ui(gateway: Gateway) -> Iterator[httpx.Client]:
    """Logged in as the browser does: the calls of its pages carry the key of that session."""
    with session(gateway.url, gateway.secret("litellm-master-key")) as http:
        yield http


def drift(gateway: Gateway, target: Path, *, fails: bool = False, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
    """The report; it is kept with the verdicts too. Nothing is written to the proxy."""
    rows = gateway.rows()
    ran = gateway.play("playbooks/drift.yml", "-e", f"gateway_drift_file={target}", *arguments, fails=fails)
    assert ran.code == (FAILED if fails else 0)
    assert gateway.rows() == rows
    assert target.read_text() == (gateway.state / "verdicts" / "drift.json").read_text()
    report: dict[str, Any] = json.loads(target.read_text())
    assert report["ok"] is not fails
    return report


def test_a_gateway_as_declared_has_no_drift(gateway: Gateway, tmp_path: Path) -> None:
    report = drift(gateway, tmp_path / "drift.json")
    assert report["as_declared"] == 6
    assert [report[part] for part in ("different", "beside", "undeclared", "problems")] == [[], [], [], []]


def test_what_the_admin_ui_changed_is_found(gateway: Gateway, admin_ui: httpx.Client, tmp_path: Path) -> None:
    def send(path: str, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = admin_ui.post(path, json=body).raise_for_status().json()
        return answer

    keys = {
        row["key_alias"]: row
        for row in admin_ui.get("/key/list", params={"return_full_object": "true", "size": 100}).json()["keys"]
    }
    # Edit a key's budget and rate limit, block another, delete a third; edit a team and a model.
    high = keys["high"]
    send("/key/update", key=high["token"], key_alias="high", models=high["models"], max_budget=500, rpm_limit=7)
    send("/key/block", key=keys["low"]["token"])
    send("/key/delete", keys=[keys["default"]["token"]])
    send("/team/update", team_id="research", team_alias="Research!", models=["all-proxy-models"], tpm_limit=9)
    change = {"litellm_params": {"input_cost_per_token": 0.5, "temperature": 0.1}, "model_info": {"id": "qwen-local"}}
    admin_ui.patch("/model/qwen-local/update", json=change).raise_for_status()
    # And make one of each.
    made = send("/key/generate", key_alias="made in the UI", models=["qwen-local"], team_id="product", max_budget=1)
    team = send("/team/new", team_alias="Made in the UI", models=[])["team_id"]
    parameters = {"model": "hosted_vllm/x", "api_base": "http://127.0.0.1:9/v1"}
    model = send("/model/new", model_name="made-in-the-ui", litellm_params=parameters, model_info={})["model_id"]
    try:
        report = drift(gateway, tmp_path / "drift.json", fails=True)
        different = {(one["kind"], one["name"]): one for one in report["different"]}
        assert {identity: one["is"] for identity, one in different.items()} == {
            ("model", "qwen-local"): "different",
            ("team", "research"): "different",
            ("key", "high"): "different",
            ("key", "default"): "missing",
        }
        assert different["key", "high"]["fields"] == {"max_budget": {"declared": 5, "actual": 500.0}}
        price = {"declared": 0.000001, "actual": 0.5}
        assert different["model", "qwen-local"]["fields"] == {"input_cost_per_token": price}
        assert different["team", "research"]["fields"]["models"]["actual"] == ["all-proxy-models"]
        beside = {(one["kind"], one["name"]): one["fields"] for one in report["beside"]}
        assert beside == {
            ("model", "qwen-local"): {"litellm_params": ["temperature"]},
            ("team", "research"): {"alias": "Research!", "tpm_limit": 9},
            ("key", "high"): {"rpm_limit": 7},
            ("key", "low"): {"blocked": True},
        }
        strangers = {(one["kind"], one["name"]) for one in report["undeclared"]}
        assert strangers == {("key", "made in the UI"), ("team", team), ("model", "made-in-the-ui")}
        assert made["key"] not in json.dumps(report)
        assert 'key "made in the UI": not declared, made by hand' in report["sentences"]
        assert 'key "low": not in its entry: blocked True' in report["sentences"]
    finally:
        send("/key/delete", key_aliases=["made in the UI"])
        send("/team/delete", team_ids=[team])
        send("/model/delete", id=model)
        send("/key/unblock", key=keys["low"]["token"])
        send("/key/update", key=high["token"], rpm_limit=None)
        send("/team/update", team_id="research", team_alias="research", tpm_limit=None)
        assert gateway.play("playbooks/tenants.yml").changed >= 1
    # A parameter of a model can't be removed; declaring it anew does.
    left = drift(gateway, tmp_path / "drift.json", fails=True)
    assert (left["different"], left["undeclared"]) == ([], [])
    assert left["beside"] == [{"kind": "model", "name": "qwen-local", "fields": {"litellm_params": ["temperature"]}}]
    send("/model/delete", id="qwen-local")
    gateway.play("playbooks/tenants.yml")
    drift(gateway, tmp_path / "drift.json")


def test_a_declaration_that_can_not_be_compared_is_a_problem_of_the_report(gateway: Gateway, tmp_path: Path) -> None:
    wrong = json.dumps({"gateway_keys": [{"alias": "x", "models": ["no-such-model"]}]})
    report = drift(gateway, tmp_path / "drift.json", fails=True, arguments=("-e", wrong))
    assert report["problems"][0].startswith('key "x": no model "no-such-model" is declared')
    nobody = ("-e", "gateway_url=http://127.0.0.1:9")
    report = drift(gateway, tmp_path / "drift.json", fails=True, arguments=nobody)
    assert "no answer from http://127.0.0.1:9" in report["problems"][0]
    assert report["different"] == []
