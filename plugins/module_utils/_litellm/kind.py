# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of fields as a user writes them, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from .duration import canonical

LARGEST = 2**63 - 1  # what the database holds; LiteLLM answers 500 to more


class Kind(Enum):
    """A type, its check and (in meaning.py) its comparison."""

    TEXT = "a text"
    NUMBER = "a whole number, 0 or more"
    POSITIVE = "a whole number, 1 or more"
    MONEY = "dollars, 0 or more"
    FLAG = "true or false"
    DURATION = "a duration such as 24h or 30d"
    NAMES = "a list of texts"
    RECORDS = "a list of dictionaries"
    RATES = "a dictionary of whole numbers, 0 or more"
    DICT = "a dictionary"
    PARTS = "a dictionary of which only declared entries count"
    WINDOWS = "a list of {budget_duration, max_budget}"
    TIME = "a time such as 2030-01-31T00:00:00Z"
    MEMBERS = "a list of members of a team"


def listed(value: Any) -> bool:
    """Whether a value is a list, also one that Ansible has wrapped."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        return "must be a text"
    return "holds a control character" if any(ord(char) < ord(" ") for char in value) else ""


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST


def _number(value: Any) -> str:
    return "" if _whole(value, 0) else "must be a whole number, 0 or more, or null for none"


def _positive(value: Any) -> str:
    return "" if _whole(value, 1) else "must be a whole number, 1 or more, or null for none"


def amount(value: Any) -> Decimal | None:
    """A finite number of 0 or more, written as a number or as a text of digits; None when it is something else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def _money(value: Any) -> str:
    return "" if amount(value) is not None else "must be dollars, 0 or more, or null for none"


def _duration(value: Any) -> str:
    try:
        canonical(str(value))
    except ValueError as error:
        return f"is wrong: {error}"
    return ""


def moment(value: Any) -> datetime | None:
    """A time as ISO 8601 writes it, of UTC when it does not say; None when it is none."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _time(value: Any) -> str:
    return "" if moment(value) else "must be a time such as 2030-01-31T00:00:00Z"


def _names(value: Any) -> str:
    return "" if listed(value) and not any(map(_text, value)) else "must be a list of texts"


def _records(value: Any) -> str:
    good = listed(value) and all(isinstance(item, Mapping) for item in value)
    return "" if good else "must be a list of dictionaries"


def _dictionary(value: Any) -> str:
    good = isinstance(value, Mapping) and not any(map(_text, value))
    return "" if good else "must be a dictionary with texts as keys"


def _rates(value: Any) -> str:
    good = not _dictionary(value) and all(_whole(number, 0) for number in value.values())
    return "" if good else "must be a dictionary of whole numbers, 0 or more"


def _windows(value: Any) -> str:
    if _records(value):
        return "must be a list of {budget_duration, max_budget}"
    seen = []
    for window in value:
        if set(window) != {"budget_duration", "max_budget"}:
            return "must have exactly budget_duration and max_budget in each entry"
        # LiteLLM takes any text and any number here and never says so.
        for name, trouble in (
            ("budget_duration", _duration(window["budget_duration"])),
            ("max_budget", _money(window["max_budget"])),
        ):
            if trouble:
                return f"{name} {trouble}"
        seen.append(canonical(str(window["budget_duration"])))
    return "" if len(seen) == len(set(seen)) else "has two entries of the same budget_duration"


CHECKS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.POSITIVE: _positive,
    Kind.MONEY: _money,
    Kind.FLAG: lambda value: "" if isinstance(value, bool) else "must be true or false",
    Kind.DURATION: _duration,
    Kind.NAMES: _names,
    Kind.RECORDS: _records,
    Kind.RATES: _rates,
    Kind.DICT: _dictionary,
    Kind.PARTS: _dictionary,
    Kind.WINDOWS: _windows,
    Kind.TIME: _time,
    Kind.MEMBERS: _records,
}
