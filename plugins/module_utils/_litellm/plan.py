# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to make the proxy as declared: pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .resource import Conflict, Declared, Resource, Row


@dataclass(frozen=True)
class Action:
    """One object and what is done to it."""

    resource: Resource
    declared: Declared
    what: str  # created, updated, unchanged, deleted
    row: Row | None = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The object in a sentence."""
        return f'{self.resource.kind} "{self.declared.name}"'

    @property
    def writes(self) -> bool:
        """Whether it sends anything."""
        return self.what != "unchanged"

    def before(self) -> dict[str, Any]:
        """The declared fields that differ, as the server has them."""
        return {name: old for name, (old, new) in self.changes.items()}

    def after(self) -> dict[str, Any]:
        """The same as they will be; of a new object all declared ones."""
        if self.what == "created":
            return self.declared.given()
        return {name: new for name, (old, new) in self.changes.items()}


def plan(resource: Resource, declared: Sequence[Declared], rows: Sequence[Row]) -> tuple[list[Action], list[str]]:
    """An action for each entry, and a sentence for each that can't be planned."""
    actions: list[Action] = []
    problems: list[str] = []
    for entry in declared:
        try:
            actions.append(_action(resource, entry, rows))
        except Conflict as conflict:
            problems.append(f'{resource.kind} "{entry.name}": {conflict}')
    return actions, problems


def _action(resource: Resource, entry: Declared, rows: Sequence[Row]) -> Action:
    row = resource.find(entry, rows)
    if entry.absent:
        return Action(resource, entry, "deleted" if row else "unchanged", row)
    if row is None:
        missing = resource.incomplete(entry)
        if missing:
            raise Conflict(missing)
        return Action(resource, entry, "created")
    changes = resource.changes(entry, row)
    return Action(resource, entry, "updated" if changes else "unchanged", row, changes)
