# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway for tests: in a state directory and on ports of its own, beside the user's, removed at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import leftovers
import ports
from checkout import BIN, end_in_order, run

INVENTORY = Path(__file__).resolve().parent / "inventory.yml"


@dataclass(frozen=True)
class Place:
    """Where a gateway lives."""

    name: str
    state: Path
    port: int
    database_port: int
    simulator_port: int

    @property
    def url(self) -> str:
        """The proxy's address."""
        return f"http://127.0.0.1:{self.port}"

    def play(self, playbook: str, *arguments: str) -> None:
        """Run a playbook for this gateway; ends the step when it fails."""
        run(BIN / "ansible-playbook", playbook, "--inventory", INVENTORY, *self.arguments(), *arguments)

    def arguments(self) -> list[str]:
        """The extra variables that make a run this gateway's."""
        variables = {
            "gateway_name": self.name,
            "gateway_state_dir": self.state,
            "gateway_port": self.port,
            "gateway_database_port": self.database_port,
            "gateway_simulator_port": self.simulator_port,
        }
        return [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]


@contextmanager
def place(name: str) -> Iterator[Place]:
    """An empty state directory and free ports. Nothing of the gateway made there survives; leftovers fail the step."""
    end_in_order()
    # A short path: the names of UNIX sockets below it have little room.
    state = Path(tempfile.mkdtemp(prefix="tollgate-"))
    identity = ""
    chosen = ports.free(3)
    try:
        yield Place(name, state, *chosen)
    finally:
        identity = leftovers.gateway_id(state)
        leftovers.end(state, identity)
        shutil.rmtree(state, ignore_errors=True)
        if identity:
            shutil.rmtree(leftovers.DATABASES / identity, ignore_errors=True)


@contextmanager
def running(name: str, *arguments: str) -> Iterator[Place]:
    """A working gateway, made by site.yml with these arguments more, and removed by the teardown playbook."""
    with place(name) as where:
        try:
            where.play("site.yml", *arguments)
            yield where
        finally:
            identity = leftovers.gateway_id(where.state)
            if identity:
                where.play("tollgate.llm.teardown", "-e", f"gateway_remove={name}")
        found = leftovers.sentences(where.state, identity, (where.port, where.database_port, where.simulator_port))
        if found:
            raise SystemExit("teardown left something behind:\n" + "\n".join(found))
