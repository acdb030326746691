# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a field of a LiteLLM object is: its type, where it lives, how it is compared, how it is cleared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from .duration import canonical

# LiteLLM keeps amounts as binary floats; both engines keep 15 digits or more.
TOLERANCE = Decimal("1e-9")


class Clear(Enum):
    """What the server takes for "no value"."""

    NULL = "null"
    EMPTY_LIST = "[]"
    EMPTY_DICT = "{}"
    FALSE = "false"
    EMPTY_TEXT = '""'
    REFUSED = "refused"

    def value_to_send(self) -> Any:
        """The JSON value that clears; never called for REFUSED."""
        empty: dict[Clear, Any] = {
            Clear.NULL: None,
            Clear.EMPTY_LIST: [],
            Clear.EMPTY_DICT: {},
            Clear.FALSE: False,
            Clear.EMPTY_TEXT: "",
        }
        return empty[self]


class Kind(Enum):
    """A type as a user writes it, its check and its comparison."""

    TEXT = "a text"
    NUMBER = "a whole number, 0 or more"
    MONEY = "dollars, 0 or more"
    FLAG = "true or false"
    DURATION = "a duration such as 24h or 30d"
    NAMES = "a list of texts"
    DICT = "a dictionary"
    WINDOWS = "a list of {budget_duration, max_budget}"


@dataclass(frozen=True)
class Field:
    """One line of a resource's table."""

    name: str
    kind: Kind
    clear: Clear = Clear.NULL
    at: str = ""  # a dotted place in what the server answers, when it is not the field's name
    create_only: bool = False
    why_not_cleared: str = ""

    def problem(self, value: Any) -> str:
        """Why a declared value can't be taken; empty when it can. None means "clear it"."""
        if value is None:
            return f"can't be cleared: {self.why_not_cleared}" if self.clear is Clear.REFUSED else ""
        return CHECKS[self.kind](value)

    def actual(self, row: Mapping[str, Any]) -> Any:
        """The server's value in an object as it answers it."""
        value: Any = row
        for part in (self.at or self.name).split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def same(self, wanted: Any, actual: Any) -> bool:
        """Whether both mean the same."""
        return bool(_meaning(self.kind, wanted) == _meaning(self.kind, actual)) or (
            self.kind is Kind.MONEY and wanted is not None and actual is not None and close(wanted, actual)
        )

    def to_send(self, wanted: Any) -> Any:
        """The JSON value of a declared one."""
        if wanted is None:
            return self.clear.value_to_send()
        return float(wanted) if self.kind is Kind.MONEY else wanted


def close(one: Any, other: Any) -> bool:
    """Equal amounts, but for the noise of binary floats."""
    a, b = Decimal(str(one)), Decimal(str(other))
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


def _meaning(kind: Kind, value: Any) -> Any:
    if value is None or value in ([], {}, "", False):
        return None
    match kind:
        case Kind.NAMES:
            return sorted(map(str, value))
        case Kind.MONEY:
            return Decimal(str(value))
        case Kind.DURATION:
            try:
                return canonical(str(value))
            except ValueError:
                return value
        case Kind.WINDOWS:
            windows = (dict(window) for window in value)
            return sorted(
                (repr(_meaning(Kind.DURATION, window.get("budget_duration"))), Decimal(str(window.get("max_budget"))))
                for window in windows
            )
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        return "must be a text"
    return "holds a control character" if any(ord(char) < ord(" ") for char in value) else ""


def _number(value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return "" if good else "must be a whole number, 0 or more, or null for none"


def _money(value: Any) -> str:
    hint = "must be dollars, 0 or more, or null for none"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return hint
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return hint
    return "" if amount.is_finite() and amount >= 0 else hint


def _duration(value: Any) -> str:
    try:
        canonical(str(value))
    except ValueError as error:
        return str(error)
    return ""


def _names(value: Any) -> str:
    good = isinstance(value, list) and all(isinstance(item, str) and not _text(item) for item in value)
    return "" if good else "must be a list of texts"


def _windows(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return "must be a list of {budget_duration, max_budget}"
    seen = []
    for window in value:
        if set(window) != {"budget_duration", "max_budget"}:
            return "each window has exactly budget_duration and max_budget"
        # LiteLLM takes any text and any number here and never says so.
        trouble = _duration(window["budget_duration"]) or _money(window["max_budget"])
        if trouble:
            return trouble
        seen.append(canonical(str(window["budget_duration"])))
    return "" if len(seen) == len(set(seen)) else "two windows have the same budget_duration"


CHECKS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.FLAG: lambda value: "" if isinstance(value, bool) else "must be true or false",
    Kind.DURATION: _duration,
    Kind.NAMES: _names,
    Kind.DICT: lambda value: "" if isinstance(value, Mapping) else "must be a dictionary",
    Kind.WINDOWS: _windows,
}
