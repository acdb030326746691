# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows by the names that entries look for: pure. Among thousands an entry sees only the few that it may mean."""

from __future__ import annotations

from collections.abc import Sequence

from .resource import Declared, Resource, Row


class Index:
    """The rows of one kind."""

    def __init__(self, resource: Resource, rows: Sequence[Row]) -> None:
        self._resource = resource
        self._rows = rows
        self._places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            for name in filter(None, resource.names_in(row)):
                self._places.setdefault(name, []).append(place)

    def near(self, declared: Declared) -> list[Row]:
        """The rows that an entry may mean, in the order in which they were read."""
        found = {place for name in self._resource.names_sought(declared) for place in self._places.get(name, ())}
        return [self._rows[place] for place in sorted(found)]
