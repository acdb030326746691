# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time for a state directory; a killed run's lock is taken over, and what it left running is ended."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import processes, temporary
from .error import GatewayError
from .files import write_file

# Every process that a task starts carries this variable: `environment:` of the waves sets it.
RUN_VARIABLE = "TOLLGATE_RUN"


@dataclass(frozen=True)
class Taken:
    """A lock that was taken: the run's id, the orphans that were ended, and who held it before (a dead pid)."""

    run: str
    ended: tuple[int, ...] = ()
    before: int | None = None


class RunLock:
    """The file C(run/lock.json): which ansible-playbook works on this gateway.

    A pid may be used again, so the owner is named by pid and start time. Its death frees the lock: there is nothing
    to release, and C(kill -9) leaves nothing to clean by hand.
    """

    def __init__(self, state: Path) -> None:
        self.path = state / "run" / "lock.json"

    def owner(self) -> dict[str, object]:
        """Who wrote the lock last; empty when nobody did or the file is torn."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def held_by(self, pid: int) -> bool:
        """Whether this living process holds the lock."""
        owner = self.owner()
        return owner.get("pid") == pid and _alive(owner)

    def check(self, pid: int) -> None:
        """Raise GatewayError when another living run holds the lock."""
        owner = self.owner()
        if _alive(owner) and owner.get("pid") != pid:
            raise GatewayError(
                f"{self.path.parent.parent}: another run works on this gateway since {owner.get('since')} "
                f"(process {owner.get('pid')}).",
                next_step="Wait for it to end, or end it; one run at a time. Nothing was changed.",
            )

    def take(self, pid: int) -> Taken:
        """Take the lock for the ansible-playbook C(pid), and end and remove what a killed run left.

        Taking it again in the same run is free.
        """
        with self._exclusively():
            self.check(pid)
            owner = self.owner()
            started = processes.start_time(pid)
            if owner.get("pid") == pid and owner.get("started") == started:
                return Taken(str(owner["run"]))
            run = f"{pid}.{(started or '').rpartition('/')[2]}"
            ended = end_orphans(owner)
            temporary.sweep(self.path.parent.parent)
            content = {
                "pid": pid,
                "started": started,
                "run": run,
                "arguments": _face(pid),
                "directory": _directory_of(pid),
                "since": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            }
            write_file(self.path, json.dumps(content, indent=2) + "\n")
            before = owner.get("pid")
            return Taken(run, tuple(ended), before if isinstance(before, int) else None)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        descriptor = os.open(self.path.with_suffix(".flock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def end_orphans(owner: dict[str, object]) -> list[int]:
    """End what a dead run left: its tasks' processes, and ansible's own workers, which go on after their parent."""
    if not owner or _alive(owner):
        return []
    tasks = processes.with_environment(RUN_VARIABLE, str(owner.get("run")))
    return processes.end([*_workers(owner), *tasks])


def _workers(owner: dict[str, object]) -> list[int]:
    """Forks of the dead ansible-playbook: its very arguments and directory, younger than it, adopted by init.

    A living run of the same command has another parent (a shell, make) and can't be taken for one.
    """
    face, directory = owner.get("arguments"), owner.get("directory")
    if not face or not directory:
        return []
    boot, born = _split(str(owner.get("started") or "/0"))
    found = []
    for pid in processes.all_pids():
        if processes.parent_of(pid) not in _reapers() or _face(pid) != face:
            continue
        pid_boot, pid_born = _split(processes.start_time(pid) or "/0")
        if pid_boot == boot and pid_born >= born and _directory_of(pid) == directory:
            found.append(pid)
    return found


def _face(pid: int) -> str:
    """A digest of a process's arguments: `-e` may have put a secret among them."""
    return hashlib.sha256("\0".join(processes.command_line(pid)).encode()).hexdigest()


def _split(start_time: str) -> tuple[str, int]:
    boot, ticks = start_time.rsplit("/", 1)
    return boot, int(ticks)


def _reapers() -> set[int]:
    """Who inherits orphans: process 1, and a user's systemd above us."""
    above = processes.ancestors(os.getpid())
    return {1, *(pid for pid in above if (processes.command_line(pid) or [""])[0].endswith("systemd"))}


def _alive(owner: dict[str, object]) -> bool:
    pid = owner.get("pid")
    return isinstance(pid, int) and owner.get("started") is not None and processes.start_time(pid) == owner["started"]


def _directory_of(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""
