# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to make the proxy as declared: pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .index import Index
from .resource import MARK, Conflict, Declared, Resource, Row


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
        return f'{self.resource.kind} "{self.declared.called}"'

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


def plan(
    resource: Resource,
    declared: Sequence[Declared],
    rows: Sequence[Row],
    *,
    owner: str = "",
    adopt: bool = False,
    prune: bool = False,
) -> tuple[list[Action], list[str]]:
    """An action for each entry, and a sentence for each that can't be planned.

    What is made carries its owner's mark, with C(adopt) also what was there. With C(prune) goes what an entry dropped.
    """
    actions: list[Action] = []
    problems: list[str] = []
    index = Index(resource, rows)
    for entry in declared:
        try:
            actions.append(_action(resource, entry, index.near(entry), owner, adopt=adopt, prune=prune))
        except Conflict as conflict:
            problems.append(f'{resource.kind} "{entry.called}": {conflict}')
    return actions, problems


def marked(resource: Resource, declared: Declared, owner: str, row: Row | None = None) -> Declared:
    """The entry with its owner's mark."""
    place = resource.marked_in
    if not (owner and place) or declared.absent:
        return declared
    given = declared.fields.get(place)
    if given is None and place in declared.fields and row is not None:
        # null clears what is free in it, which is another thing than the mark.
        given = dict.fromkeys(resource.free_metadata(row))
    return replace(
        declared, fields={**declared.fields, place: {**(given or {}), MARK: owner, **resource.marks(declared, row)}}
    )


def _action(
    resource: Resource, entry: Declared, rows: Sequence[Row], owner: str, *, adopt: bool, prune: bool
) -> Action:
    row = resource.find(entry, rows)
    if entry.absent:
        return Action(resource, entry, "deleted" if row else "unchanged", row)
    if row is None:
        missing = resource.incomplete(entry)
        if missing:
            raise Conflict(missing)
        return Action(resource, marked(resource, entry, owner), "created")
    whose = resource.owner_of(row)
    if prune and owner and whose == owner:
        entry = resource.without_dropped(entry, row)
    if owner and ((adopt and not whose) or (whose == owner and resource.marks(entry, row))):
        entry = marked(resource, entry, owner, row)
    changes = resource.changes(entry, row)
    return Action(resource, entry, "updated" if changes else "unchanged", row, changes)
