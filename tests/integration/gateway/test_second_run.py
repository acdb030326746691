# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that finds everything as declared, and one that only looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Gateway

MORE = {
    "gateway_keys": [
        {"alias": "low", "team": "research", "models": ["qwen-local"], "max_budget": 0.02},
        {"alias": "default", "team": "product", "models": ["qwen-local"], "max_budget": 100},
        {"alias": "a new one", "team": "product", "models": ["qwen-local"], "max_budget": 1},
    ]
}


def test_second_run_changes_nothing(gateway: Gateway) -> None:
    gateway.play("site.yml")
    rows, files = gateway.rows(), gateway.files()
    ran = gateway.play("site.yml")
    assert ran.changed == 0
    assert gateway.files() == files
    assert gateway.rows() == rows


def test_each_wave_alone_changes_nothing(gateway: Gateway) -> None:
    for wave in ("secrets", "data", "serving", "gateway", "tenants", "proof"):
        assert gateway.play(f"playbooks/{wave}.yml").changed == 0, wave


def test_every_wave_leaves_a_good_verdict(gateway: Gateway) -> None:
    for wave in ("secrets", "data", "serving", "gateway", "tenants", "proof"):
        verdict = json.loads((gateway.state / "verdicts" / f"{wave}.json").read_text())
        assert {"wave", "ok", "started", "seconds", "checks"} <= set(verdict)
        assert verdict["ok"] is True, verdict
        assert all(set(check) >= {"name", "ok", "detail"} for check in verdict["checks"])


def test_check_mode_predicts_and_writes_nothing(gateway: Gateway) -> None:
    rows, files = gateway.rows(), gateway.files()
    verdicts = {path: path.read_text() for path in (gateway.state / "verdicts").iterdir()}
    ran = gateway.play("site.yml", "--check", "--diff", "-e", json.dumps(MORE))
    assert ran.changed > 0
    assert "a new one" in ran.output
    assert gateway.files() == files
    assert gateway.rows() == rows
    assert {path: path.read_text() for path in (gateway.state / "verdicts").iterdir()} == verdicts


def test_check_mode_of_an_unchanged_gateway_predicts_no_change(gateway: Gateway) -> None:
    assert gateway.play("site.yml", "--check").changed == 0


def test_status_is_good_and_complete(gateway: Gateway, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]  # pytest's own
    target = tmp_path_factory.mktemp("status") / "status.json"
    gateway.play("playbooks/status.yml", "-e", f"gateway_status_file={target}")
    verdict = json.loads(target.read_text())
    assert verdict["ok"] is True
    assert {process["name"] for process in verdict["processes"]} == {"supervisord", "postgres", "simulator", "litellm"}
    assert verdict["versions"]["litellm"]
    assert verdict["memory_mib"] < 1536
