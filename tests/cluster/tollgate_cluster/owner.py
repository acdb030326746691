# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose cluster it is, and whose turn: one cluster per machine, one command at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import namespaces
from .failure import ClusterError
from .places import CHECKOUT
from .progress import Progress
from .state import OWNER

# A directory that is always there: locking it leaves no file behind.
LOCKED = Path("/var/lib")


@contextmanager
def turn(progress: Progress) -> Iterator[None]:
    """Hold the machine's lock for clusters."""
    descriptor = os.open(LOCKED, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note(f"process {_holder(descriptor)} works on the machine's cluster, waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    inode = str(os.fstat(descriptor).st_ino)
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        fields = line.split()
        if "FLOCK" in fields and any(field.endswith(f":{inode}") for field in fields):
            return fields[fields.index("FLOCK") + 3]
    return "unknown"


def owner() -> Path | None:
    """The checkout whose cluster the state directory holds; None when there is no cluster."""
    try:
        return Path(json.loads(OWNER.read_text(encoding="utf-8"))["checkout"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Path("unknown")


def refuse_foreign() -> None:
    """ClusterError when another checkout's cluster runs, and that checkout still exists."""
    found = owner()
    if found not in (None, CHECKOUT) and (found / "Makefile").exists() and namespaces.node() is not None:
        raise ClusterError(
            f"The cluster that runs on this machine belongs to another checkout: {found}.",
            "There is one cluster per machine: it owns addresses and a state directory.",
            f"Remove it (make -C {found} cluster-down), or use it: "
            f"TOLLGATE_KUBECONFIG={found}/.tollgate/cluster/kubeconfig",
        )


def claim() -> None:
    """Write down that the cluster is this checkout's."""
    OWNER.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    OWNER.write_text(json.dumps({"checkout": str(CHECKOUT)}), encoding="utf-8")
