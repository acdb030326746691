# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still there of a removed gateway: processes, listening ports, files. Exit code 1 when anything is."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import psutil
from ports import listening

DATABASES = Path("/var/lib/tollgate")  # as root, PostgreSQL's files lie here


def gateway_id(state: Path) -> str:
    """The id in a state directory's marker; empty without one."""
    try:
        return str(json.loads((state / "gateway.json").read_text(encoding="utf-8")).get("id", ""))
    except (OSError, ValueError):
        return ""


def processes(state: Path, identity: str) -> list[psutil.Process]:
    """Processes that carry the gateway's id in their environment or its state directory in their command."""
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        # Processes of other users hide both; those that end meanwhile are no leftovers.
        with contextlib.suppress(psutil.Error):
            carries = bool(identity) and process.environ().get("TOLLGATE_GATEWAY") == identity
            names = any(f"{state}/" in f"{argument}/" for argument in process.cmdline())
            if process.pid not in mine and (carries or names):
                found.append(process)
    return found


def sentences(state: Path, identity: str, ports: Iterable[int]) -> list[str]:
    """One sentence per leftover."""
    found = [f"process {process.pid} runs: {process.name()}" for process in processes(state, identity)]
    found += [f"port {port} is served" for port in ports if listening(port)]
    found += [f"{path} exists" for path in sorted(state.glob("*"))]
    if identity and (DATABASES / identity).exists():
        found.append(f"{DATABASES / identity} exists")
    return found


def end(state: Path, identity: str) -> None:
    """End what a failed removal left running, by process id."""
    running = processes(state, identity)
    for process in running:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    alive = psutil.wait_procs(running, timeout=20)[1]
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()


def main() -> None:
    """Look and say."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--state", type=Path, required=True)
    arguments.add_argument("--id", default="")
    arguments.add_argument("ports", nargs="*", type=int)
    options = arguments.parse_args()
    found = sentences(options.state, options.id, options.ports)
    if found:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
