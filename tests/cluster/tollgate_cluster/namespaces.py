# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node from outside: it is started, found and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from .addresses import CABLE, INTERFACE, MACHINE_ADDRESS, NODE_ADDRESS, PODS, SERVICES
from .command import read
from .failure import ClusterError
from .places import SOURCES
from .programs import SYSTEM_PATH, log
from .progress import last_lines
from .state import SUPERVISORD

PATIENCE = 30  # seconds


def node() -> int | None:
    """The pid of the node's first process; None when there is no node."""
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = process.info["cmdline"] or []
        if str(SUPERVISORD) in line and _is_first(process.info["pid"]):
            return int(process.info["pid"])
    return None


def _is_first(pid: int) -> bool:
    """Whether it is number 1 of a process namespace just below ours."""
    numbers = _numbers(pid)
    return len(numbers) == len(_numbers(os.getpid())) + 1 and numbers[-1] == "1"


def _numbers(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[1:]
    return []


def members(pid: int) -> Iterator[psutil.Process]:
    """All processes of the node, those in its pods too; PID is the first one."""
    try:
        wanted = _namespace(pid)
    except OSError:
        return
    for process in psutil.process_iter():
        own = len(_numbers(process.pid)) - len(_numbers(pid))
        try:
            # A pod may have a process namespace of its own: what counts is that it lies inside the node's.
            if own >= 0 and (_namespace(process.pid) == wanted or (own > 0 and _inside(process, pid))):
                yield process
        except (OSError, psutil.Error):
            continue


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/pid").readlink())


def _inside(process: psutil.Process, pid: int) -> bool:
    return any(parent.pid == pid for parent in process.parents())


def start() -> int:
    """Start the node up to supervisord; returns its pid."""
    log("node").parent.mkdir(parents=True, exist_ok=True)
    words = ["unshare", "--fork", "--pid", "--mount", "--net", "--ipc", "--uts", "--propagation", "slave"]
    words += [sys.executable, "-m", "tollgate_cluster.node", str(SUPERVISORD)]
    with log("node").open("ab") as errors:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "PYTHONPATH": str(SOURCES)},
            cwd="/",
            start_new_session=True,
        )
    assert process.stdin and process.stdout
    # Killed before the last line, we leave nothing: the node ends when nobody can tell it to go on.
    with process.stdin, process.stdout:
        pid = node() if process.stdout.readline() == "ready\n" else None
        if pid is None:
            process.stdin.close()
            process.wait(PATIENCE)
            raise ClusterError("The node's namespaces can't be made:", last_lines(log("node"), 5))
        connect(pid)
        process.stdin.write("go on\n")
    return pid


def connect(pid: int) -> None:
    """Put the cable between this machine and the node's network. It vanishes with the node."""
    disconnect()
    ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    ip("link", "set", INTERFACE, "addrgenmode", "none")
    ip("address", "add", f"{MACHINE_ADDRESS}/{CABLE.prefixlen}", "dev", INTERFACE)
    ip("link", "set", INTERFACE, "up")
    for network in (PODS, SERVICES):
        ip("route", "add", str(network), "via", str(NODE_ADDRESS), "dev", INTERFACE)


def connected(interface: str = INTERFACE) -> bool:
    """Whether this machine has an interface of that name."""
    return interface in (name for _index, name in socket.if_nameindex())


def disconnect() -> None:
    """Remove the cable, if it is there."""
    if connected():
        with contextlib.suppress(ClusterError):  # it may go by itself at this moment
            ip("link", "delete", INTERFACE)


def ip(*words: str) -> str:
    """ip(8)."""
    return read(f"ip {' '.join(words)}", ["ip", *words])


def end() -> bool:
    """End the node at once, with everything in it. Returns whether there was one."""
    pid = node()
    if pid is not None:
        everyone = list(members(pid))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # the kernel ends all others, wherever they hang
        _ended, alive = psutil.wait_procs(everyone, PATIENCE)
        if alive:
            names = ", ".join(f"{process.pid} ({process.name()})" for process in alive)
            raise ClusterError(
                "The node was killed, but these processes don't end:",
                names,
                "They wait for the kernel, perhaps for a disk. Run it again later, or restart the machine.",
            )
    disconnect()
    deadline = time.monotonic() + PATIENCE
    while connected() and time.monotonic() < deadline:
        time.sleep(0.05)
    return pid is not None
