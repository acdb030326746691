# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the proxy that nobody has declared, and what becomes of them: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .guards import some
from .kind import Kind
from .meaning import nothing, same
from .plan import Action
from .resource import MARK, OURS, Declared, Resource, Row
from .resources.customer import private
from .resources.member import DROPPED

POLICIES = ("report", "keep", "adopt", "prune")
# A value of these may hold anything, a secret too: only its entries are named.
# Of these, too, only declared entries count.
FREE = ("litellm_params", "values")
OPAQUE = (Kind.PARTS, Kind.DICT)


@dataclass(frozen=True)
class Policy:
    """What a declared set does about the rest of the proxy, and how far it goes."""

    unmanaged: str = "keep"
    owner: str = ""
    most: int = 0  # so many objects may be pruned in one run
    stop_on_error: bool = False

    def looks(self, resource: Resource) -> bool:
        """Whether objects of this kind that are not declared are of interest."""
        return self.unmanaged != "keep" and bool(resource.marked_in)


@dataclass(frozen=True)
class Undeclared:
    """One such object."""

    resource: Resource
    row: Row

    @property
    def name(self) -> str:
        """What it is called."""
        return called(self.resource, self.row)

    @property
    def owner(self) -> str:
        """The declaration that made it, if one did."""
        return self.resource.owner_of(self.row)

    def shown(self, *, with_entry: bool) -> dict[str, Any]:
        """What a result says of it."""
        entry = {"entry": self.resource.shown(self.row)} if with_entry else {}
        return {
            "kind": self.resource.kind,
            "name": self.name,
            "owner": self.owner or None,
            "changeable": self.resource.changeable(self.row),
            **self.resource.result(Declared(self.name, {}), self.row),
            **entry,
        }


def called(resource: Resource, row: Row) -> str:
    """The name of an object; of a key without an alias the beginning of its digest."""
    return resource.name_of(row) or str(row.get("token") or "")[:12]


def undeclared(resource: Resource, actions: Sequence[Action], rows: Sequence[Row]) -> list[Undeclared]:
    """What is in the proxy and not in the declaration."""
    known = {id(a.row) for a in actions if a.resource.kind == resource.kind and a.row is not None}
    named = {a.declared.name for a in actions if a.resource.kind == resource.kind}
    return [
        Undeclared(resource, row)
        for row in rows
        if id(row) not in known
        and resource.lasting(row)
        # Of several objects that share a declared name, that entry says what becomes of them. Models may share one.
        and (resource.kind == "model" or resource.stands_for(row) not in named)
    ]


def pruned(found: Sequence[Undeclared], owner: str) -> list[Action]:
    """The deletion of each that the same owner made or adopted, and then dropped from the declaration."""
    return [
        Action(one.resource, Declared(one.name, {}, absent=True, pruned=True), "deleted", one.row)
        for one in found
        if one.owner == owner and one.resource.changeable(one.row)
    ]


def adopted(found: Sequence[Undeclared], owner: str) -> list[Action]:
    """The marking of each that is nobody's."""
    actions = []
    for one in found:
        if one.owner or not one.resource.changeable(one.row):
            continue
        place = one.resource.marked_in
        fields = {place: {MARK: owner}}
        if one.resource.kind == "model":
            fields[place]["id"] = one.row["id"]
        declared = Declared(one.name, fields, pruned=True)
        actions.append(Action(one.resource, declared, "updated", one.row, one.resource.changes(declared, one.row)))
    return actions


def dropped(actions: Sequence[Action]) -> list[str]:
    """The members that leave teams since their entries do not name them any more, each in words."""
    return [
        f'{action.label}: members "{entry["user"]}"'
        for action in actions
        for entry in action.declared.fields.get("members") or []
        if entry.get(DROPPED)
    ]


def beyond(labels: Sequence[str], most: int) -> list[str]:
    """Why so many objects are not pruned in one run."""
    if len(labels) <= most:
        return []
    shown = some(labels)
    return [
        f"unmanaged: prune would delete {len(labels)} objects that are not declared any more ({shown}); max_deletions "
        f"allows {most} in one run. Declare what shall stay, or raise max_deletions for this run."
    ]


def not_in(declared: Declared, resource: Resource, row: Row) -> dict[str, Any]:
    """Fields of a declared object that have a value in the proxy and none in its entry.

    Of those that may hold anything, a secret too, only the names of what they hold.
    """
    found = {**_values(declared, resource, row), **resource.beside(declared, row)}
    return {
        name: sorted(value) if resource.field(name).kind in OPAQUE and isinstance(value, Mapping) else value
        for name, value in found.items()
    }


def _values(declared: Declared, resource: Resource, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in resource.fields:
        parts = line.kind is Kind.PARTS or line.name in FREE
        if (line.name in declared.fields and not parts) or line.create_only or line.name in resource.enriched:
            continue
        actual = resource.free_metadata(row) if line.name == "metadata" else line.actual(row)
        if parts and isinstance(actual, Mapping):
            # Of these only the declared entries count, so that there may be more.
            known = {*(declared.fields.get(line.name) or {}), *declared.secrets, "object_permission_id"}
            known |= {name for name in actual if str(name).startswith(OURS)}
            known |= {other.at.removeprefix(f"{line.name}.") for other in resource.fields}
            actual = {name: value for name, value in actual.items() if name not in known and not nothing(value)}
        if line.name == "budget_id" and private(str(actual)):
            continue  # LiteLLM's own row for the limits of one key or customer
        # A new team's alias is its name.
        if actual is not None and actual != declared.name and not same(line.kind, None, actual):
            found[line.name] = actual
    return found
