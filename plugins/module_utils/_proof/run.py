# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run made a key, and whether that run still goes on: a proof must not remove the keys of another one at work."""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One proof at work. C(place) names the machine since its last boot and its process numbers' namespace."""

    id: str
    place: str
    pid: int
    started: str

    @classmethod
    def here(cls) -> Run:
        """This process."""
        pid = os.getpid()
        identity = secrets.token_hex(4)
        return cls(id=identity, place=_place() or f"unknown-{identity}", pid=pid, started=_start_of(pid) or "")

    @classmethod
    def from_mark(cls, mark: Any) -> Run | None:
        """The run that a key's mark names; None when it is no such mark."""
        if not isinstance(mark, dict):
            return None
        identity, place, pid, started = (mark.get(name) for name in ("id", "place", "pid", "started"))
        if isinstance(identity, str) and isinstance(place, str) and isinstance(pid, int) and isinstance(started, str):
            return cls(identity, place, pid, started)
        return None

    def mark(self) -> dict[str, Any]:
        """What a key of this run carries in its metadata."""
        return asdict(self)

    def is_gone(self) -> bool:
        """Whether the run is known to have ended: it ran in this place and its process is no longer there.

        A run of another machine, or of another container on this one, is never known to have ended.
        """
        if self.place != _place():
            return False
        start = _start_of(self.pid)
        return start is None or start != self.started


def _place() -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _start_of(pid: int) -> str | None:
    """When a process started, in clock ticks since the boot (field 22 of /proc/PID/stat); None when there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return status.rpartition(")")[2].split()[19]
