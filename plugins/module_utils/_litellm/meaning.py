# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two values mean the same to LiteLLM: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from .duration import WORDS
from .kind import Kind, amount, listed, moment

# LiteLLM keeps amounts as binary floats; the database's engines keep 15 digits or more.
TOLERANCE = Decimal("1e-9")


def same(kind: Kind, wanted: Any, actual: Any) -> bool:
    """Whether a declared value and the server's mean the same. Nothing, an empty list and false are one; 0 is not."""
    if nothing(wanted) or nothing(actual):
        return nothing(wanted) and nothing(actual)
    return COMPARISONS.get(kind, alike)(wanted, actual)


def alike(wanted: Any, actual: Any) -> bool:
    """Equal JSON values, where a number may be written as a text and 30 is 30.0."""
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return wanted is actual or (
            isinstance(wanted, bool) and isinstance(actual, bool) and bool(wanted) == bool(actual)
        )
    if isinstance(wanted, Mapping):
        return (
            isinstance(actual, Mapping)
            and set(wanted) == set(actual)
            and all(alike(value, actual[name]) for name, value in wanted.items())
        )
    if listed(wanted):
        return listed(actual) and len(wanted) == len(actual) and all(map(alike, wanted, actual))
    return bool(wanted == actual) or (amount(wanted) is not None and close(wanted, actual))


def close(one: Any, other: Any) -> bool:
    """Equal amounts, but for the noise of binary floats."""
    a, b = amount(one), amount(other)
    if a is None or b is None:
        return bool(one == other)
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


def nothing(value: Any) -> bool:
    """Whether a value means that there is none; 0 does not."""
    if isinstance(value, Mapping | str) or listed(value):
        return not value
    return value is None or value is False


def _duration(value: Any) -> str:
    return WORDS.get(str(value).lower(), str(value))


def _windows(value: Any) -> list[tuple[str, Decimal | None]]:
    found = [(_duration(window.get("budget_duration")), amount(window.get("max_budget"))) for window in value]
    return sorted(found, key=repr)


COMPARISONS: dict[Kind, Callable[[Any, Any], bool]] = {
    Kind.MONEY: close,
    Kind.NUMBER: close,
    Kind.POSITIVE: close,
    Kind.NAMES: lambda wanted, actual: listed(actual) and sorted(map(str, wanted)) == sorted(map(str, actual)),
    # The text counts: 24h and 1d are as long, but start again at other times.
    Kind.DURATION: lambda wanted, actual: _duration(wanted) == _duration(actual),
    Kind.TIME: lambda wanted, actual: moment(wanted) == moment(actual),
    Kind.WINDOWS: lambda wanted, actual: listed(actual) and _windows(wanted) == _windows(actual),
}
