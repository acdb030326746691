# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a field of a LiteLLM object is: its type, where it lives, how it is compared, how it is cleared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from .kind import CHECKS, Kind
from .meaning import alike, same


class Clear(Enum):
    """What the server takes for "no value"."""

    NULL = "null"
    EMPTY_LIST = "[]"
    EMPTY_DICT = "{}"
    FALSE = "false"
    EMPTY_TEXT = '""'
    LEFT_OUT = "left out of metadata"
    REFUSED = "refused"

    def value_to_send(self) -> Any:
        """The JSON value that clears; never called for LEFT_OUT and REFUSED."""
        empty: dict[Clear, Any] = {
            Clear.NULL: None,
            Clear.EMPTY_LIST: [],
            Clear.EMPTY_DICT: {},
            Clear.FALSE: False,
            Clear.EMPTY_TEXT: "",
        }
        return empty[self]


@dataclass(frozen=True)
class Field:
    """One line of a resource's table."""

    name: str
    kind: Kind
    clear: Clear = Clear.NULL
    at: str = ""  # a dotted place in what the server answers, when it is not the field's name
    sent: str = ""  # the name in a request, when it is not the field's
    create_only: bool = False  # a value that differs later is left alone
    fixed: str = ""  # why the server can't change it later, if it can't: what differs then is refused
    update_only: bool = False  # creation ignores it
    inside: bool = False  # an update takes it only inside metadata
    by: str = "update"  # which of the resource's calls changes it
    unlisted: bool = False  # LiteLLM's OpenAPI document does not name it, but LiteLLM honours it
    choices: tuple[str, ...] = ()
    why_not_cleared: str = ""
    enterprise: bool = False  # without a licence LiteLLM refuses it, swallows it, or refuses every call later
    since: str = ""  # the first version that has it, if not all supported ones do
    until: str = ""  # the last one
    clear_since: str = ""  # the first version that can clear it, if that came later

    def of(self, version: str) -> bool:
        """Whether a version of LiteLLM has it. One that can't be told is taken for the newest."""
        now = numbers(version)
        if not now:
            return not self.until
        return (not self.since or now >= numbers(self.since)) and (not self.until or now <= numbers(self.until))

    def clears(self, version: str) -> bool:
        """Whether a version of LiteLLM can clear it."""
        return self.clear is not Clear.REFUSED and replace(self, since=self.clear_since).of(version)

    def problem(self, value: Any) -> str:
        """Why a declared value can't be taken; empty when it can. None means "clear it"."""
        if value is None:
            return f"can't be cleared: {self.why_not_cleared}" if self.clear is Clear.REFUSED else ""
        trouble = CHECKS[self.kind](value)
        if not trouble and self.choices and value not in self.choices:
            trouble = f"must be one of {', '.join(self.choices)}"
        if not trouble or str(value) in trouble:
            return trouble
        return f"{trouble}, not {value!r}"

    def actual(self, row: Mapping[str, Any]) -> Any:
        """The server's value in an object as it answers it."""
        value: Any = row
        for part in (self.at or self.name).split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if self.kind in (Kind.DICT, Kind.RATES) and isinstance(value, str):
            return json.loads(value)  # some engines answer a JSON column as its text
        return value

    def shown(self, row: Mapping[str, Any]) -> Any:
        """The server's value as it would be declared."""
        value = self.actual(row)
        if self.kind is Kind.WINDOWS and value:
            return [{name: window.get(name) for name in ("budget_duration", "max_budget")} for window in value]
        if self.kind is Kind.PARTS and isinstance(value, Mapping):
            own = {name: part for name, part in value.items() if name != f"{self.name}_id"}
            return {name: part for name, part in own.items() if part not in (None, [], {})}
        return value

    def change(self, wanted: Any, actual: Any) -> tuple[Any, Any] | None:
        """What differs, before and after; None when nothing does."""
        if self.kind is Kind.PARTS and wanted is not None:
            stored = actual if isinstance(actual, Mapping) else {}
            changed = {name: value for name, value in wanted.items() if not _same_part(value, stored.get(name))}
            return ({name: stored.get(name) for name in changed}, changed) if changed else None
        return None if same(self.kind, wanted, actual) else (actual, wanted)

    def to_send(self, wanted: Any) -> Any:
        """The JSON value of a declared one."""
        if wanted is None:
            return self.clear.value_to_send()
        if self.kind is Kind.WINDOWS:
            return [{**window, "max_budget": float(window["max_budget"])} for window in wanted]
        return float(wanted) if self.kind is Kind.MONEY else wanted


def numbers(version: str) -> tuple[int, ...]:
    """A version to compare."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else ()


def _same_part(wanted: Any, stored: Any) -> bool:
    empty: tuple[Any, ...] = (None, [], {}, "")
    return (wanted in empty and stored in empty) or alike(wanted, stored)
