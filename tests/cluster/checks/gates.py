# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module kubernetes_gate as a task does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tollgate_cluster.places import CHECKOUT

BIN = Path(sys.executable).parent
LIMIT = 300  # seconds


@dataclass(frozen=True)
class Answer:
    """What a gate said: its result, and what it printed while it waited."""

    result: dict[str, Any]
    output: str

    @property
    def message(self) -> str:
        """Why it failed, on one line; fails when it did not."""
        assert self.result.get("failed"), self.result
        return " ".join(self.result["msg"].split())


def gate(kubeconfig: Path, *words: str, **options: Any) -> Answer:
    """Wait; OPTIONS are the module's, WORDS are ansible's."""
    arguments = json.dumps({"kubeconfig": str(kubeconfig), **options})
    done = subprocess.run(
        [
            *(str(BIN / "ansible"), "localhost", "--inventory", "localhost,", "--connection", "local", *words),
            *("--module-name", "tollgate.llm.kubernetes_gate", "--args", arguments),
        ],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    before, _arrow, found = done.stdout.partition("=> ")
    assert found, done.stdout + done.stderr
    return Answer({**yaml.safe_load(found), "failed": "| FAILED!" in before}, before)
