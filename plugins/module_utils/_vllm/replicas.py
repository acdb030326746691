# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many pods a model gets: what is declared, but for one that was stopped, or that something else scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
MANAGER = "tollgate"
STOPPED = "tollgate.llm/stopped"


@dataclass(frozen=True)
class Replicas:
    """C(number): to be applied; None leaves the field to whoever owns it."""

    number: int | None
    stopped: bool = False
    marked: bool = False  # by the annotation, so that it stays stopped
    force: bool = False  # somebody else owns the number, and is overruled
    note: str = ""

    @property
    def running(self) -> bool:
        """Whether there should be pods."""
        return not self.stopped and self.number != 0


def owners(deployment: Object) -> set[str]:
    """Who set `spec.replicas`."""
    rows = deployment["metadata"].get("managedFields") or []
    return {
        str(row.get("manager"))
        for row in rows
        if "f:replicas" in ((row.get("fieldsV1") or {}).get("f:spec") or {}) and row.get("subresource") != "status"
    }


def marked(deployment: Object) -> bool:
    """Whether it was stopped by us."""
    annotations: Mapping[str, str] = deployment["metadata"].get("annotations") or {}
    return annotations.get(STOPPED) == "true"


def decide(declared: int | None, live: Object | None, scale: str) -> Replicas:
    """SCALE: C(keep), C(up) or C(down). LIVE is the Deployment as it is."""
    if live is None:
        return Replicas(0, stopped=True, marked=True) if scale == "down" else Replicas(declared)
    now = live["spec"].get("replicas", 1)
    others = sorted(owners(live) - {MANAGER})
    if scale == "down":
        return Replicas(0, stopped=True, marked=True, force=bool(others) and now != 0)
    if scale == "up":
        wanted = (None if now else 1) if declared is None else declared
        return Replicas(wanted, force=bool(others) and wanted not in (None, now))
    if marked(live) and now == 0:
        return Replicas(0, stopped=True, marked=True)
    return _left_to(others, declared, now) if others else Replicas(declared)


def _left_to(others: list[str], declared: int | None, now: int) -> Replicas:
    if now == 0:
        return Replicas(None, stopped=True, note=f"scaled to 0 by {', '.join(others)}")
    note = f"{now} replicas as set by {', '.join(others)}" if declared not in (None, now) else ""
    return Replicas(None, note=note)
