# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that several gateways share: each finds its secrets under their names, and the store has a prefix before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from .store import Outcome, Store
from .write_once import Observation, Place, Wanted

Value = TypeVar("Value")


class ById(Mapping[str, Value]):
    """What is declared by name, to be asked for by the names of the store."""

    def __init__(self, declared: Mapping[str, Value], prefix: str) -> None:
        self._declared, self._prefix = declared, prefix

    def __getitem__(self, name: str) -> Value:
        return self._declared[name.removeprefix(self._prefix)]

    def __iter__(self) -> Iterator[str]:
        return (f"{self._prefix}{name}" for name in self._declared)

    def __len__(self) -> int:
        return len(self._declared)


class Prefixed:
    """The secrets of a store whose names begin with a prefix, which is left out here."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store, self._prefix = store, prefix

    def problems(self) -> list[str]:
        return self._store.problems()

    def place(self, name: str) -> Place:
        return self._store.place(f"{self._prefix}{name}")

    def location(self, name: str) -> Mapping[str, Any]:
        return self._store.location(f"{self._prefix}{name}")

    def observe(self, names: Sequence[str]) -> dict[str, Observation]:
        found = self._store.observe([f"{self._prefix}{name}" for name in names])
        return {name: found[f"{self._prefix}{name}"] for name in names}

    def apply(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        named = {f"{self._prefix}{one.name}": one for one in wanted}
        for outcome in self._store.apply([replace(one, name=name) for name, one in named.items()]):
            yield replace(outcome, wanted=named[outcome.wanted.name])
