# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test waits for: predicates over objects."""

from __future__ import annotations

from collections.abc import Callable

from .objects import Object

Predicate = Callable[[Object], object]


def condition(kind: str, status: str = "True") -> Predicate:
    """The object has this condition."""

    def holds(found: Object) -> bool:
        conditions = found.get("status", {}).get("conditions", [])
        return any(entry["type"] == kind and entry["status"] == status for entry in conditions)

    holds.__doc__ = kind if status == "True" else f"{kind} {status}"
    return holds


def phase(*wanted: str) -> Predicate:
    """The object is in one of these phases."""

    def holds(found: Object) -> bool:
        return found.get("status", {}).get("phase") in wanted

    holds.__doc__ = " or ".join(wanted)
    return holds


def restarts(least: int) -> Predicate:
    """A container of the pod was started again so many times."""

    def holds(found: Object) -> bool:
        return any(entry["restartCount"] >= least for entry in found.get("status", {}).get("containerStatuses", []))

    holds.__doc__ = f"restarted {least} times"
    return holds


def started(found: Object) -> bool:
    """started"""
    statuses = found.get("status", {}).get("containerStatuses", [])
    return bool(statuses) and all(entry["started"] for entry in statuses)


ready = condition("Ready")
unready = condition("Ready", "False")
available = condition("Available")
complete = condition("Complete")
succeeded = phase("Succeeded")
bound = phase("Bound")
