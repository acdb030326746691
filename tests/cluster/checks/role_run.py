# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one role of the collection on the cluster under test, as a play does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollgate_checks.cluster import Cluster
from tollgate_cluster.places import CHECKOUT

BIN = Path(sys.executable).parent
LIMIT = 600  # seconds
RECAP = re.compile(r"^localhost +: +(?P<counts>ok=.*)$", re.M)


@dataclass(frozen=True)
class Run:
    """How a role ended, and all that it printed."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> int:
        """How many tasks have changed something; fails when the role did not end well."""
        assert self.code == 0, self.output[-6000:]
        found = RECAP.search(self.output)
        assert found, self.output[-3000:]
        return int(re.findall(r"changed=(\d+)", found["counts"])[0])

    @property
    def refusal(self) -> str:
        """The output on one line; fails when the role ended well."""
        assert self.code != 0, self.output[-3000:]
        return " ".join(self.output.replace("''", "'").split())


@dataclass(frozen=True)
class Role:
    """A role as in a play, against one namespace."""

    name: str
    cluster: Cluster
    place: Path
    given: dict[str, Any]
    secrets: tuple[str, ...] = ()  # what it must not print

    def run(self, *words: str, **variables: Any) -> Run:
        """Run it to its end, well or not, with everything that it can be made to print."""
        task = {"name": "Role", "ansible.builtin.import_role": {"name": f"tollgate.llm.{self.name}"}}
        play = {"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": [task]}
        (self.place / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        began = time.monotonic()
        done = subprocess.run(
            [
                *(str(BIN / "ansible-playbook"), "--inventory", "localhost,", "-vv", "--diff", *words),
                *("--extra-vars", json.dumps({**self.given, **variables}), str(self.place / "play.yml")),
            ],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections"),
                "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
                "ANSIBLE_FORCE_COLOR": "0",
                "K8S_AUTH_KUBECONFIG": str(self.cluster.kubeconfig),
            },
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        run = Run(done.returncode, done.stdout + done.stderr, time.monotonic() - began)
        assert not [number for number, value in enumerate(self.secrets) if value in run.output], (
            "a secret is in the output"
        )
        return run
