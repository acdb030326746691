# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this machine: who listens on a port, who belongs to a gateway or to a run, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    import psutil
except ImportError:
    PSUTIL_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    PSUTIL_IMPORT_ERROR = None


def start_time(pid: int) -> str | None:
    """The kernel's start time of a process in clock ticks since boot, with the boot's id: together they name a
    process for ever, as a pid alone does not. None when there is no such process (or only its zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{fields[19]}"


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty when it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def parent_of(pid: int) -> int:
    """The parent's pid, 0 when the process is gone."""
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        )
    except (OSError, ValueError, IndexError):
        return 0


def ancestors(pid: int) -> list[int]:
    """The pids above a process, its parent first."""
    found: list[int] = []
    while (pid := parent_of(pid)) > 0 and pid not in found:
        found.append(pid)
    return found


def all_pids() -> Iterator[int]:
    """Every process that /proc shows."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def with_environment(name: str, value: str) -> list[int]:
    """Pids of the processes that were started with C(name=value) in their environment, as far as we may read it."""
    wanted = f"{name}={value}".encode()
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def listeners(port: int) -> list[int | None]:
    """Pids that listen on a TCP port of this machine; None stands for a process of somebody else."""
    return [
        connection.pid
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    ]


def describe(pid: int | None) -> str:
    """A process in words, without its arguments' values (they may be private)."""
    if pid is None:
        return "a process of another user"
    arguments = command_line(pid)
    name = Path(arguments[0]).name if arguments else "?"
    return f'process {pid} "{name}"'


def end(pids: Iterable[int], patience: float = 10.0) -> list[int]:
    """End these processes: asked first, killed after C(patience) seconds. Returns the pids that were alive."""
    mine = {os.getpid(), *ancestors(os.getpid())}
    alive = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid not in mine:
                alive.append(psutil.Process(pid))
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    stubborn = psutil.wait_procs(alive, timeout=patience)[1]
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience)
    return [process.pid for process in alive]


def proportional_memory(pids: Iterable[int]) -> int:
    """Bytes of memory (PSS: shared pages divided among those who share them) of some processes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        top = psutil.Process(pid)
        return [pid, *(child.pid for child in top.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []
