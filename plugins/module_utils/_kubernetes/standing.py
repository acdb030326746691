# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object of Kubernetes has come to: as wanted, not yet, or never by itself; and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

Object = dict[str, Any]


class Outlook(Enum):
    """How it will go on."""

    MET = "met"
    PENDING = "pending"
    HOPELESS = "hopeless"  # nothing but a change by somebody can heal it


@dataclass(frozen=True)
class Standing:
    """Where an object stands, and why."""

    outlook: Outlook
    why: str = ""
    next_step: str = ""
    certain: bool = True  # else it has to last for a while: what is missing may be on its way

    @property
    def met(self) -> bool:
        """It is as wanted."""
        return self.outlook is Outlook.MET


def met(why: str = "") -> Standing:
    """As wanted."""
    return Standing(Outlook.MET, why)


def pending(why: str) -> Standing:
    """Not yet."""
    return Standing(Outlook.PENDING, why)


def hopeless(why: str, next_step: str = "", *, certain: bool = True) -> Standing:
    """Never by itself."""
    return Standing(Outlook.HOPELESS, why, next_step, certain)


def status(found: Object) -> Object:
    """What its controller says of it."""
    return found.get("status") or {}


def conditions(holder: Object) -> dict[str, Object]:
    """The conditions of a status, or of a part of one, by type."""
    return {row["type"]: row for row in holder.get("conditions") or []}


def described(row: Object) -> str:
    """A condition in words: type, reason, message."""
    reason = f" ({row['reason']})" if row.get("reason") else ""
    message = f": {row['message']}" if row.get("message") else ""
    return f"{row['type']} is {row['status']}{reason}{message}"


def current(found: Object, row: Object | None = None) -> bool:
    """Whether the controller has seen the last change of the specification, as far as it says what it has seen."""
    seen = (row or {}).get("observedGeneration") or status(found).get("observedGeneration")
    return seen is None or seen >= (found["metadata"].get("generation") or 0)


def has(found: Object, holder: Object, kind: str, value: str = "True") -> Standing:
    """A condition with that value, of the last change of the specification."""
    row = conditions(holder).get(kind)
    if row is None:
        return pending(f"no condition {kind} yet")
    if row["status"] != value:
        return pending(described(row))
    if not current(found, row):
        return pending(f"{kind} is {value}, but of an earlier change of the specification")
    return met(described(row))


def worst(standings: list[Standing]) -> Standing:
    """The one that decides: a hopeless one, else one that is pending, else all are met."""
    for outlook in (Outlook.HOPELESS, Outlook.PENDING):
        for standing in standings:
            if standing.outlook is outlook:
                return standing
    return met(", ".join(dict.fromkeys(standing.why for standing in standings if standing.why)))
