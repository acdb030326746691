# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret leaves its store: not in output, not in a process list, not in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from checkout import ROOT
from secret_scan import scan

if TYPE_CHECKING:
    from conftest import Gateway

CHANGE = {
    "gateway_keys": [
        {"alias": "low", "team": "research", "models": ["qwen-local"], "max_budget": 0.02},
        {"alias": "high", "team": "research", "models": ["qwen-local"], "max_budget": 5},
        {"alias": "default", "team": "product", "models": ["qwen-local"], "max_budget": 100},
    ],
    "gateway_proof_always": True,
}


def test_no_secret_is_anywhere_but_in_its_store(gateway: Gateway, tmp_path: Path) -> None:
    """After runs that change, fail, predict and prove, at the highest verbosity, with differences shown."""
    runs = (
        ("site.yml", ("-e", json.dumps(CHANGE)), False),
        ("site.yml", ("--check",), False),
        ("site.yml", (), False),
        ("playbooks/status.yml", (), False),
        ("site.yml", ("-e", json.dumps({"gateway_keys": [{"alias": "default"}]})), True),
    )
    outputs = []
    for number, (playbook, arguments, fails) in enumerate(runs):
        output = tmp_path / f"{number}.txt"
        output.write_text(gateway.play(playbook, "-vvv", "--diff", *arguments, fails=fails).output)
        outputs.append(output)
    data = (gateway.state / "postgres").resolve()
    roots = [gateway.state, data, ROOT, Path.home() / ".ansible", tmp_path]
    allowed = [gateway.state / "client.env"]
    assert [str(finding) for finding in scan(gateway.state, outputs, roots, allowed)] == []
