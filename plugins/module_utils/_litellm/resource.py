# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of LiteLLM object: its fields, and the calls that read and write it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from .client import NOT_FOUND, Client, LiteLLMError
from .field import Clear, Field
from .meaning import nothing
from .secrecy import opened

Row = Mapping[str, Any]
Changes = Mapping[str, tuple[Any, Any]]
PAUSE = 0.5
PAGE = 500  # names in one request that takes a list of them
# So few objects are looked up one by one; of more, everything is read.
FEW = 2
OURS = "tollgate_"  # what names of ours begin with, in metadata
# Says in an object's metadata which declaration has made it.
MARK = "tollgate_owner"
# Entries of metadata that are not the user's: the server's, and ours.
SERVERS_METADATA = (
    MARK,
    "tollgate_members",
    "tollgate_rotation",
    "service_account_id",
    "team_member_budget_id",
    "logging",
)


@dataclass(frozen=True)
class Declared:
    """One entry of the gateway file."""

    name: str
    fields: Mapping[str, Any]  # what was given, null included; nothing else
    absent: bool = False
    value: str | None = field(default=None, repr=False)  # a key's text
    value_to_come: bool = False  # check mode before the first run: the text will have been made by then
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # a model's secret parameters
    with_keys: bool = False  # a team may be deleted with whatever keys it has
    pruned: bool = False  # found in the proxy, and not declared
    grace: int = 0  # seconds that a key's old value stays valid beside the stored one
    used_before: bool | None = None  # whether the proxy had a key of this text; None: nobody has asked yet
    settles: bool = False  # the run waits until a block, or its end, holds for every worker
    was: str = ""  # the name under which it was declared first
    shown: str = ""  # the declared name, where C(name) is an id that stays

    @property
    def called(self) -> str:
        """The declared name."""
        return self.shown or self.name

    def given(self) -> dict[str, Any]:
        """Fields with a value."""
        return {name: value for name, value in self.fields.items() if value is not None}


class Conflict(Exception):
    """What is declared and what is there contradict each other; the text says what to do."""


class Resource(ABC):
    """One table and its calls. Everything about a kind that another file needs is here."""

    kind: str
    identity: str  # the option that names an object
    fields: Sequence[Field]
    calls: ClassVar[Mapping[str, str]]  # every endpoint that is used, by what it is for: "create": "POST /key/generate"
    asks: ClassVar[Mapping[str, Sequence[str]]] = {}  # what these calls get in their query
    options: Sequence[str] = ()  # what an entry may hold beside its fields
    refers: ClassVar[Mapping[str, str]] = {}  # fields that name an object of another kind, which must be there first
    left_out: ClassVar[
        Mapping[str, str]
    ] = {}  # what LiteLLM takes in these calls and the table leaves out, with the reason

    @property
    def plural(self) -> str:
        """The option of a list of entries."""
        return f"{self.kind}s"

    def path(self, purpose: str) -> str:
        """The path of a call."""
        return self.calls[purpose].partition(" ")[2]

    def objections(self, entry: Mapping[str, Any], *, complete: bool) -> list[str]:  # noqa: ARG002 (each kind has its own)
        """What can't work in an entry whose fields are each right by themselves."""
        return []

    def name_of(self, row: Row) -> str:
        """The declared name of a row."""
        return str(row.get(self.identity) or "")

    def names_in(self, row: Row) -> Iterable[str]:
        """The names by which an entry may find a row."""
        return (self.name_of(row),)

    def names_sought(self, declared: Declared) -> Iterable[str]:
        """Those by which this entry does."""
        return (declared.name,)

    def stands_for(self, row: Row) -> str:
        """The name of the entry that a row belongs to."""
        return self.name_of(row)

    enriched: Sequence[str] = ()  # fields in which the server has more than was declared
    states: Sequence[str] = ("present", "absent")
    deleted_one_by_one: bool = False  # of two deletions at once LiteLLM would lose a part of one
    marked_in: str = ""  # the field that can hold the owner's mark; a kind without one is never looked for undeclared

    def field(self, name: str) -> Field:
        """A line of the table."""
        return next(line for line in self.fields if line.name == name)

    def named(self) -> set[str]:
        """Every name that an entry may have."""
        return {self.identity, "state", *self.options, *(line.name for line in self.fields)}

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        """Declared fields that differ, each with the server's value and the wanted one. May raise Conflict."""
        found = {}
        for name, wanted in declared.fields.items():
            line = self.field(name)
            if line.create_only and wanted is not None:
                continue
            actual = line.actual(row)
            if name == "metadata" and wanted is None:
                actual = self.free_metadata(row)
            change = line.change(wanted, actual)
            if change and line.fixed:
                raise Conflict(f"{name} is {actual!r} and can't become {wanted!r}: {line.fixed}.")
            if change:
                found[name] = change
        return found

    def body(self, wanted: Mapping[str, Any], row: Row) -> dict[str, Any]:
        """The request that sets fields, None clears. C(row) is the object as it is, empty for a new one."""
        sent: dict[str, Any] = {}
        left_out = {
            name for name, value in wanted.items() if value is None and self.field(name).clear is Clear.LEFT_OUT
        }
        for name, value in wanted.items():
            line = self.field(name)
            if name == "router_settings" and value is not None:
                sent[name] = _merged(line.actual(row) or {}, value)
            elif name != "metadata" and name not in left_out and not (row and line.inside):
                sent[line.sent or name] = line.to_send(value)
        kept_there = any(self.field(name).at.startswith("metadata.") for name in wanted)
        inside_only = bool(row) and any(self.field(name).inside for name in wanted)
        if left_out or inside_only or "metadata" in wanted or (kept_there and row.get("metadata")):
            # LiteLLM replaces metadata wholesale, then adds the fields that it keeps there. For a team, up to 1.97, a
            # field that is sent alone replaces the rest too.
            stored = row.get("metadata") or {}
            if "metadata" in wanted and wanted["metadata"] is None:
                free = self.free_metadata(row)
                stored = {key: value for key, value in stored.items() if key not in free}
            inside = {name: value for name, value in wanted.items() if row and self.field(name).inside}
            whole = _merged(stored, {**inside, **(wanted.get("metadata") or {})})
            sent["metadata"] = {key: value for key, value in whole.items() if key not in left_out}
        return sent

    def free_metadata(self, row: Row) -> dict[str, Any]:
        """Entries of metadata that are no field's and not the server's."""
        taken = {line.at.removeprefix("metadata.") for line in self.fields if line.at.startswith("metadata.")}
        stored = row.get("metadata") or {}
        return {key: value for key, value in stored.items() if key not in (*taken, *SERVERS_METADATA)}

    def incomplete(self, declared: Declared) -> str:  # noqa: ARG002 (each kind has its own rule)
        """Why a new object can't be made of this entry; empty when it can."""
        return ""

    def sent(self, wanted: Mapping[str, Any]) -> Iterator[tuple[str, Field]]:
        """The fields that these values set, each with the beginning of a sentence about it."""
        for line in self.fields:
            if wanted.get(line.name) is not None:
                yield "", line
            elif line.name in wanted and line.clear_since:
                yield "", replace(line, name=f"{line.name}: null", since=line.clear_since)

    @abstractmethod
    def read(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        """The objects that the entries may mean, in as few requests as the server allows."""

    def read_whole(self, client: Client, declared: Sequence[Declared]) -> list[Row]:
        """All objects of the kind, also when few are declared."""
        return self.read(client, declared)

    def owner_of(self, row: Row) -> str:
        """Which declaration has made it, by its mark; empty when none has."""
        if not self.marked_in:
            return ""
        return str((self.field(self.marked_in).actual(row) or {}).get(MARK) or "")

    def marks(self, declared: Declared, row: Row | None) -> Mapping[str, Any]:  # noqa: ARG002 (a team has members)
        """What stands beside the owner's mark."""
        return {}

    def without_dropped(self, declared: Declared, row: Row) -> Declared:  # noqa: ARG002 (a team has members)
        """The entry with the removal of what its owner had declared in it and has dropped."""
        return declared

    def lasting(self, row: Row) -> bool:  # noqa: ARG002 (of users one is not)
        """Whether it is an object like those that are declared, and not one that the server makes for itself."""
        return True

    def beside(self, declared: Declared, row: Row) -> dict[str, Any]:  # noqa: ARG002 (a team has members)
        """Values of a declared object beside the declared ones, where finding them takes more than the table."""
        return {}

    def changeable(self, row: Row) -> bool:  # noqa: ARG002 (a model of a file is not)
        """Whether the server lets it be changed and deleted."""
        return True

    @abstractmethod
    def every(self, client: Client) -> list[Row]:
        """All objects of the kind that the proxy has, page by page."""

    def detailed(self, client: Client, rows: Sequence[Row]) -> list[Row]:  # noqa: ARG002 (some lists leave things out)
        """The same rows with what a list leaves out, which costs a request for each."""
        return list(rows)

    def shown(self, row: Row) -> dict[str, Any]:
        """A row as an entry that declares it, without secrets."""
        found: dict[str, Any] = {self.identity: self.name_of(row)}
        for line in self.fields:
            value = self.free_metadata(row) if line.name == "metadata" else line.shown(row)
            if isinstance(value, Mapping):
                value = {key: item for key, item in value.items() if not str(key).startswith(OURS)}
            if not line.create_only and not nothing(value):
                found[line.name] = opened(value)
        if "all_models" in self.options and "models" not in found:
            found["all_models"] = True
        return found

    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        """The row of an entry. Raises Conflict when it can't be told."""
        return next((row for row in rows if self.name_of(row) == declared.name), None)

    def looked_up(self, client: Client, new: Sequence[Declared]) -> list[Declared]:  # noqa: ARG002 (only keys need it)
        """Entries that are about to be made, with what can be asked for all of them together."""
        return list(new)

    @abstractmethod
    def create(self, client: Client, declared: Declared) -> None:
        """Make it, and see that it is there."""

    @abstractmethod
    def update(self, client: Client, declared: Declared, row: Row, changes: Changes) -> None:
        """Send what differs, nothing else."""

    @abstractmethod
    def delete(self, client: Client, declared: Declared, row: Row) -> None:
        """Remove it."""

    def result(self, declared: Declared, row: Row | None) -> dict[str, Any]:  # noqa: ARG002 (a key adds its token_id)
        """What a result says of an object beside its name."""
        return {}

    def make(self, client: Client, declared: Declared, path: str, body: Mapping[str, Any]) -> None:
        """Create. A lost answer, or somebody who was faster, is cured by looking.

        Raises LiteLLMError when LiteLLM refuses it.
        """
        try:
            client.write("POST", path, body, again=False)
        except LiteLLMError as error:
            row = self.settled(client, declared)
            if row is None and error.status and not error.undone:
                raise
            if row is None:
                # It never arrived, was taken back, or is still being worked on. The identity is ours, so a second one
                # adds nothing.
                time.sleep(PAUSE)
                self._make_again(client, declared, path, body)
                return
            changes = self.changes(declared, row)
            if changes:
                self.update(client, declared, row, changes)

    def _make_again(self, client: Client, declared: Declared, path: str, body: Mapping[str, Any]) -> None:
        try:
            client.write("POST", path, body, again=False)
        except LiteLLMError:
            if self.settled(client, declared) is None:
                raise

    def settled(self, client: Client, declared: Declared) -> Row | None:
        """The object as it is now, looked up by itself."""
        rows = self.read(client, [declared])
        try:
            return self.find(declared, rows)
        except Conflict as conflict:
            raise LiteLLMError(str(conflict)) from conflict


def _merged(stored: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Declared entries over the stored ones; null removes one."""
    return {key: value for key, value in {**stored, **declared}.items() if value is not None}


def part(name: str) -> str:
    """A name as LiteLLM's search for a part of one takes it: it reaches PostgreSQL's LIKE as it is."""
    return name.replace("\\", "\\\\")


def gone(error: LiteLLMError) -> bool:
    """Whether a deletion failed since there was nothing to delete."""
    return error.status == NOT_FOUND


def unique(rows: Iterable[Row], name: str) -> list[Row]:
    """Rows, each once: a page may shift under the reader."""
    return list({row[name]: row for row in rows}.values())
