# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups that the node's pods live in: one subtree, in each hierarchy of version 1 or in the one of 2."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from .failure import ClusterError

ROOT = "/tollgate"
MOUNTED = Path("/sys/fs/cgroup")
NEEDED = ("cpu", "cpuset", "memory", "pids")
PATIENCE = 10  # seconds; a group may be removed some moments after its last process


def unified(mounted: Path = MOUNTED) -> bool:
    """Whether version 2 is in charge."""
    return (mounted / "cgroup.controllers").exists()


def controllers(mounted: Path = MOUNTED) -> set[str]:
    """The controllers that can be used."""
    if unified(mounted):
        return set((mounted / "cgroup.controllers").read_text(encoding="ascii").split())
    hierarchies = [path for path in mounted.iterdir() if (path / "cgroup.procs").exists()] if mounted.is_dir() else []
    return {name for path in hierarchies for name in path.name.split(",")}


def make(mounted: Path = MOUNTED) -> None:
    """Make the subtree."""
    for place in _places(mounted):
        place.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # Version 1: a new group has no processors and takes no process.
            with contextlib.suppress(FileNotFoundError):
                if not unified(mounted) and not (place / name).read_text(encoding="ascii").strip():
                    (place / name).write_text((place.parent / name).read_text(encoding="ascii"), encoding="ascii")
    if unified(mounted):
        for group in (mounted, mounted / ROOT[1:]):
            for name in controllers(mounted):
                with contextlib.suppress(OSError):
                    (group / "cgroup.subtree_control").write_text(f"+{name}", encoding="ascii")


def remove(mounted: Path = MOUNTED) -> None:
    """Remove the subtree; nothing may run in it any more."""
    deadline = time.monotonic() + PATIENCE
    while groups := found(mounted):
        for group in groups:
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline and found(mounted):
            raise ClusterError(
                f"The control group {groups[0]} can't be removed.",
                "A process is still in it.",
                f"Look into {groups[0] / 'cgroup.procs'}, end it, and run `make cluster-down` again.",
            )
        time.sleep(0.05)


def found(mounted: Path = MOUNTED) -> list[Path]:
    """All groups of the subtree, the innermost first."""
    groups = [path for place in _places(mounted) if place.is_dir() for path in [place, *_below(place)]]
    return sorted(groups, key=lambda path: -len(path.parts))


def _below(group: Path) -> list[Path]:
    return [path for path in group.rglob("*") if path.is_dir()]


def _places(mounted: Path) -> list[Path]:
    if unified(mounted):
        return [mounted / ROOT[1:]]
    hierarchies = {path.resolve() for path in mounted.iterdir() if (path / "cgroup.procs").exists()}
    return sorted(path / ROOT[1:] for path in hierarchies)
