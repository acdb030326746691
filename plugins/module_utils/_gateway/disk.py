# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free space where a gateway writes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .error import GatewayError
from .verdict import Check

# The database's first files, logs and a margin, in bytes.
NEEDED = 512 * 1024 * 1024


def places(state: Path, *, embedded: bool) -> list[Path]:
    """Where a gateway writes: its state directory and, as root, where its database lies or will lie."""
    found = [state]
    if embedded and os.geteuid() == 0:
        database = state / "postgres"
        found.append(database.resolve() if database.exists() else Path("/var/lib"))
    return found


def free(wanted: Path) -> int:
    """Free bytes where C(wanted) lies or would be made."""
    place = next(folder for folder in (wanted, *wanted.parents) if folder.exists())
    return shutil.disk_usage(place).free


def refuse_full(wanted: Path) -> None:
    """Raise GatewayError where a run could not write what it has to."""
    if (found := free(wanted)) < NEEDED:
        raise GatewayError(
            f"{wanted}: {found // 2**20} MiB are free there, {NEEDED // 2**20} MiB are needed.",
            next_step="Free some space, or choose a gateway_state_dir on another disk. Nothing was changed.",
        )


def check(state: Path, *, embedded: bool) -> Check:
    """For a verdict: the least free space of these places."""
    place, least = min(((place, free(place)) for place in places(state, embedded=embedded)), key=lambda found: found[1])
    detail = f"{least // 2**20} MiB free in {place}"
    if least < NEEDED:
        detail += f", {NEEDED // 2**20} MiB are needed: free some space, a full disk stops the database"
    return Check("disk", least >= NEEDED, detail)
