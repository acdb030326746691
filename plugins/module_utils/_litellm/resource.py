# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of LiteLLM object: its fields, and the calls that read and write it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .client import Client
from .field import Field

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Declared:
    """One entry of the gateway file."""

    name: str
    fields: Mapping[str, Any]  # what was given, null included; nothing else
    absent: bool = False
    value: str | None = field(default=None, repr=False)  # a key's text
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # a model's secret parameters


class Resource(ABC):
    """One table and its calls. Everything about a kind that another file needs is here."""

    kind: str
    identity: str  # the option that names an object
    fields: Sequence[Field]
    options: Sequence[str] = ()  # what an entry may hold beside its fields

    def field(self, name: str) -> Field:
        """A line of the table."""
        return next(line for line in self.fields if line.name == name)

    def named(self) -> set[str]:
        """Every name that an entry may have."""
        return {self.identity, "state", *self.options, *(line.name for line in self.fields)}

    def changes(self, declared: Declared, row: Row) -> dict[str, tuple[Any, Any]]:
        """Declared fields that differ, each with the server's value and the wanted one."""
        found = {}
        for name, wanted in declared.fields.items():
            line = self.field(name)
            if line.create_only:
                continue
            actual = line.actual(row)
            if not line.same(wanted, actual):
                found[name] = (actual, wanted)
        return found

    @abstractmethod
    def read(self, client: Client) -> list[Row]:
        """All objects, in as few requests as the server allows."""

    @abstractmethod
    def find(self, declared: Declared, rows: Sequence[Row]) -> Row | None:
        """The row of an entry. Raises Conflict when it can't be told."""

    @abstractmethod
    def create(self, client: Client, declared: Declared) -> None:
        """Make it, and see that it is there."""

    @abstractmethod
    def update(self, client: Client, declared: Declared, row: Row, changes: Mapping[str, tuple[Any, Any]]) -> None:
        """Send what differs, nothing else."""

    @abstractmethod
    def delete(self, client: Client, row: Row) -> None:
        """Remove it."""

    def result(self, declared: Declared) -> dict[str, Any]:  # noqa: ARG002 (a key adds its token_id)
        """What a result says of an object beside its name."""
        return {}


class Conflict(Exception):
    """Two things claim to be the same object."""
