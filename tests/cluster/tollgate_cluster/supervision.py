# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What supervisord says of the node's programs, and what it is told."""

from __future__ import annotations

import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from .failure import ClusterError
from .programs import log
from .progress import last_lines
from .state import SOCKET

PATIENCE = 20  # seconds until supervisord answers
RUNNING = ("RUNNING", "STARTING", "BACKOFF")
GIVEN_UP = ("FATAL", "STOPPED", "UNKNOWN")  # what has EXITED is about to be started again


@dataclass(frozen=True)
class Member:
    """One program: its state in supervisord's words, its pid in the node, and since how many seconds it runs."""

    name: str
    state: str
    pid: int
    seconds: int


def _api() -> Any:
    transport = SupervisorTransport(serverurl=f"unix://{SOCKET}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def members() -> dict[str, Member]:
    """All programs; empty when supervisord does not answer."""
    try:
        found = _api().getAllProcessInfo()
    except (OSError, xmlrpc.client.Error):
        return {}
    return {row["name"]: _member(row) for row in found}


def _member(row: dict[str, Any]) -> Member:
    running = row["statename"] == "RUNNING"
    return Member(row["name"], row["statename"], row["pid"], row["now"] - row["start"] if running else 0)


def wait() -> None:
    """Wait until supervisord answers."""
    deadline = time.monotonic() + PATIENCE
    while not members():
        if time.monotonic() > deadline:
            raise ClusterError(
                "supervisord does not answer:", last_lines(log("node"), 5) or last_lines(log("supervisord"), 5)
            )
        time.sleep(0.05)


def stopped() -> list[str]:
    """The programs that neither run nor are about to."""
    return [name for name, member in members().items() if member.state not in RUNNING]


def runs(name: str) -> bool:
    """Whether a program is up."""
    found = members().get(name)
    return found is not None and found.state == "RUNNING"


def gave_up(name: str) -> bool:
    """Whether a program ended at once each time that it was started."""
    found = members().get(name)
    return found is not None and found.state == "FATAL"


def start(names: Iterable[str]) -> list[str]:
    """Start those that don't run; returns their names."""
    found = members()
    started = [name for name in names if found[name].state not in RUNNING]
    for name in started:
        try:
            _api().startProcess(name, False)
        except xmlrpc.client.Fault as error:
            raise ClusterError(f"{name} could not be started:", error.faultString, f"Its log: {log(name)}") from error
    return started


def check(names: Iterable[str]) -> None:
    """ClusterError with the end of its log when a program was given up."""
    found = members()
    for name in names:
        if name in found and found[name].state in GIVEN_UP:
            raise ClusterError(f"{name} does not run:", last_lines(log(name)), f"The whole log: {log(name)}")
