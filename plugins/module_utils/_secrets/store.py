# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every secret store offers. A new kind of store is one file beside this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .write_once import Action, Observation, Place, Wanted


class StoreError(Exception):
    """A store could not do its work. `changed` says that something was written all the same."""

    def __init__(self, message: str, *, changed: bool = False) -> None:
        super().__init__(message)
        self.changed = changed


@dataclass(frozen=True, slots=True)
class Outcome:
    """One secret after the run; `action` is what really happened (a race may turn `create` into `adopt`)."""

    wanted: Wanted
    action: Action
    value: str | None = field(default=None, repr=False)


class Store(Protocol):
    """Where secrets lie. `observe` only reads; both calls take lists, so that a remote store can be concurrent."""

    def problems(self) -> list[str]:
        """Why the store as a whole can't be used."""

    def place(self, name: str) -> Place:
        """The words for one secret's place."""

    def location(self, name: str) -> Mapping[str, Any]:
        """Where it lies, as keys of the result: a path, or a resource name with its version."""

    def observe(self, names: Sequence[str]) -> Mapping[str, Observation]:
        """What the store holds under these names."""

    def apply(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        """Make these secrets true, each by itself, decided afresh; raises StoreError at the first that fails."""
