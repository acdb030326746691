# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an apply changed: the fields that differ, without what the server keeps for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .standing import Object

# The server's own, which says nothing about what was declared.
OWN = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
NOTHING = object()
LONGEST = 500  # characters of a value in a diff


def meant(found: Object | None) -> Object:
    """An object without its status and without what the server keeps for itself."""
    if found is None:
        return {}
    kept = {name: value for name, value in found.items() if name != "status"}
    kept["metadata"] = {name: value for name, value in (found.get("metadata") or {}).items() if name not in OWN}
    return kept


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Paths with both values; a list counts as one value unless it has as many entries as before."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            deeper = f"{path}.{name}" if path else str(name)
            yield from differences(before.get(name, NOTHING), after.get(name, NOTHING), deeper)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{number}]")
    elif before != after:
        yield path, before, after


def shown(value: Any) -> Any:
    """A value for a diff: a text of many pages is cut."""
    if value is NOTHING:
        return None
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}... ({len(value)} characters)"
    return value
