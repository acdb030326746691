# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role, as a playbook uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import misbehaving_backend as backend
from proof_gateway import BATCH_WRITE_AT, INPUT, OUTPUT, Gateway

CHECKOUT = Path(__file__).resolve().parents[3]
ANSIBLE_PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"


def test_the_role_proves_once_shows_the_verdict_then_and_never_reports_a_change(
    gateway: Gateway, models: Callable[..., str], tmp_path: Path
) -> None:
    name, file = models(backend.GOOD), tmp_path / "proof.json"
    variables = {
        "ansible_python_interpreter": sys.executable,
        "proof_api_url": gateway.url,
        "proof_api_key_file": str(gateway.key_file),
        "proof_models": [
            {"name": "an-embedding", "input_cost_per_token": 1e-6},
            {"name": name, "input_cost_per_token": float(INPUT), "output_cost_per_token": float(OUTPUT)},
        ],
        "proof_batch_write_at": BATCH_WRITE_AT,
        "proof_fingerprint": "one",
        "proof_verdict_file": str(file),
    }
    role = {"ansible.builtin.import_role": {"name": "tollgate.llm.proof"}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [role]}
    (tmp_path / "play.json").write_text(json.dumps([play]), encoding="utf-8")

    assert "the proof would be made" in played(tmp_path, "--check")
    assert not file.exists()
    assert f"{name} at {gateway.url}: proved in " in played(tmp_path)
    verdict: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert verdict["ok"]
    assert "nothing changed since the good proof 0 minutes ago" in played(tmp_path)
    assert json.loads(file.read_text(encoding="utf-8")) == verdict


def played(directory: Path, *arguments: str) -> str:
    """The output of the playbook, which must succeed without a change."""
    command = [str(ANSIBLE_PLAYBOOK), "-i", "localhost,", str(directory / "play.json"), "-vvv", "--diff", *arguments]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "changed=0" in run.stdout
    return " ".join(run.stdout.split())  # the lines are wrapped
