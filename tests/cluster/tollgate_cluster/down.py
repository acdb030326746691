# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes the cluster: what stays is what was installed, the cache, and the logs."""

from __future__ import annotations

import contextlib

from . import cgroups, namespaces
from .cache import remove
from .command import read
from .kernel import mounted_below
from .owner import refuse_foreign, turn
from .places import CHECKOUT_STATE, KUBECONFIG, STATE, UPSTREAM
from .progress import Progress
from .state import OWNER


def down(progress: Progress) -> bool:
    """End the node and remove its state; returns whether there was anything."""
    with turn(progress):
        refuse_foreign()
        there = namespaces.node() is not None or STATE.exists()
        if there:
            with progress.step("remove the cluster"):
                namespaces.end()
                clear()
        else:
            clear()
    return there


def clear() -> None:
    """Remove what a node leaves that has ended; the owner's name goes last."""
    namespaces.disconnect()
    cgroups.remove()
    for point in mounted_below(STATE):  # somebody's, to look inside: removing through it would be wrong
        read(f"unmount {point}", ["umount", str(point)])
    for name in (KUBECONFIG, CHECKOUT_STATE / "kubectl"):
        name.unlink(missing_ok=True)
    remove(UPSTREAM)
    if STATE.exists():
        for place in STATE.iterdir():
            if place != OWNER:
                remove(place)
        remove(STATE)
    with contextlib.suppress(OSError):  # it is not there, or the local gateway's things are in it
        STATE.parent.rmdir()
