# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one role of the collection on the cluster under test, as a play does."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_run import BIN, environment
from tollgate_checks.cluster import Cluster
from tollgate_cluster.places import CHECKOUT

LIMIT = 1500  # seconds
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


def play_role(
    cluster: Cluster,
    directory: Path,
    role: str,
    given: dict[str, Any],
    *words: str,
    entry: str = "main",
    kubeconfig: Path | None = None,
) -> Run:
    """Run a role's entry point to its end, well or not, with everything that it can be made to print."""
    called = {"name": f"tollgate.llm.{role}", "tasks_from": entry}
    tasks = [{"name": "Role", "ansible.builtin.import_role": called}]
    return play_tasks(cluster, directory, tasks, given, *words, kubeconfig=kubeconfig)


def play_tasks(
    cluster: Cluster,
    directory: Path,
    tasks: list[dict[str, Any]],
    given: dict[str, Any],
    *words: str,
    kubeconfig: Path | None = None,
) -> Run:
    """Run tasks in the same way."""
    play = {"hosts": "localhost", "gather_facts": False, "connection": "local"}
    (directory / "play.json").write_text(json.dumps([{**play, "tasks": tasks}]), encoding="utf-8")
    (directory / "given.json").touch(mode=0o600)  # what a user writes down may be a secret
    (directory / "given.json").write_text(json.dumps(given), encoding="utf-8")
    began = time.monotonic()
    done = subprocess.run(
        [
            *(str(BIN / "ansible-playbook"), "--inventory", "localhost,", "-vvv", "--diff", *words),
            *("--extra-vars", f"@{directory / 'given.json'}", str(directory / "play.json")),
        ],
        cwd=CHECKOUT,
        env=environment(ANSIBLE_FORCE_COLOR="0", K8S_AUTH_KUBECONFIG=str(kubeconfig or cluster.kubeconfig)),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr, time.monotonic() - began)


@dataclass(frozen=True)
class Role:
    """A role as in a play, against one namespace."""

    name: str
    cluster: Cluster
    place: Path
    given: dict[str, Any]
    secrets: tuple[str, ...] = ()  # what it must not print

    def run(self, *words: str, **variables: Any) -> Run:
        """Run it; no secret may be in what it prints."""
        run = play_role(self.cluster, self.place, self.name, {**self.given, **variables}, *words)
        assert not [number for number, value in enumerate(self.secrets) if value in run.output], (
            "a secret is in the output"
        )
        return run
