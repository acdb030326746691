# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that gets another value, while the old one stays valid for a time: pure.

LiteLLM's /key/regenerate needs a licence. Here a second key is made of the new value, under an alias of its own, with
the limits, the metadata and the spend of the first; the first gets a date of expiry. After it the second is billed what
the first has spent meanwhile, the first is deleted, and the second gets its alias. The metadata of the first names the
second before that is made, and the metadata of the second says how far that is, so that any run can go on with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ..duration import canonical
from ..field import Field
from ..kind import Kind
from ..meaning import nothing

Row = Mapping[str, Any]
ROTATION = "tollgate_rotation"
MADE, GRACE, BILLED = "made", "grace", "billed"
OVER = "over"


def mark(row: Row) -> Mapping[str, Any]:
    """What a key's metadata says of its rotation: of the old one C(to), of the new one all the rest."""
    found = (row.get("metadata") or {}).get(ROTATION)
    return found if isinstance(found, Mapping) else {}


def alias(name: str, token: str = "") -> str:
    """The alias of the new key as long as the old one has its own; without the token how it begins."""
    return f"{name}~{token[:10]}"


def started(name: str, old: Row, grace: int) -> dict[str, Any]:
    """What the metadata of the new key says first."""
    counted = {"spend": old.get("spend") or 0, "reset": old.get("budget_reset_at")}
    return {"alias": name, "from": old["token"], "seconds": grace, "phase": MADE, **counted}


def owed(row: Row, old: Row) -> float:
    """Dollars that the old key has spent since the new one was made, in the period of its budget that is not over."""
    found, spent = mark(row), float(old.get("spend") or 0)
    if found.get("phase") == BILLED:
        return 0.0
    same_period = found.get("reset") == old.get("budget_reset_at")
    return max(spent - float(found.get("spend") or 0), 0.0) if same_period else spent


def seconds(grace: str) -> int:
    """A time of grace in seconds. Raises ValueError for months, which have no fixed length."""
    count, unit = canonical(grace)
    if unit != "seconds":
        raise ValueError(f'"{grace}" has no fixed length: say it in days')
    return count


def next_phase(row: Row) -> str:
    """What comes next for a new key; empty when nothing does yet."""
    found = mark(row)
    if found.get("phase") == MADE:
        return GRACE
    ended = found.get("phase") == GRACE and moment(found["until"]) <= now()
    return OVER if ended or found.get("phase") == BILLED else ""


def limits(fields: Sequence[Field], row: Row) -> dict[str, Any]:
    """The values of a key, but for its metadata, that another one is to have too."""
    found: dict[str, Any] = {}
    for line in fields:
        apart = line.create_only or line.enterprise or line.inside or line.update_only
        if apart or (line.at or line.name).startswith("metadata"):
            continue
        value = line.actual(row)
        if line.kind is Kind.PARTS and isinstance(value, Mapping):
            parts = {name: item for name, item in value.items() if not nothing(item)}
            value = {name: item for name, item in parts.items() if name != "object_permission_id"}
        if not nothing(value):
            found[line.name] = value
    if "soft_budget" in found:
        found.pop("budget_id", None)  # LiteLLM's own row for it
    return found


def free(row: Row) -> dict[str, Any]:
    """Its metadata, with the fields that are kept there, without what is said of a rotation."""
    return {name: value for name, value in (row.get("metadata") or {}).items() if name != ROTATION}


def left(row: Row) -> int | None:
    """Seconds until a key expires; None when it does not."""
    if not row.get("expires"):
        return None
    return max(int((moment(row["expires"]) - now()).total_seconds()), 0)


def moment(text: Any) -> datetime:
    """A date of LiteLLM's or ours, in UTC."""
    found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def after(count: int) -> str:
    """The date in so many seconds."""
    return (now() + timedelta(seconds=count)).isoformat(timespec="seconds")


def now() -> datetime:
    """This moment."""
    return datetime.now(tz=UTC)
