# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the table's components, each when it is missing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import cache as remembered
from pathlib import Path

from .cache import Cache
from .components import COMPONENTS, Component
from .failure import ClusterError
from .places import CACHE, LOGS
from .progress import Progress
from .workshop import Workshop, fingerprint

REVISION = 1  # raise it when the code of the recipes changes what they make

CACHED = Cache(CACHE)


@remembered
def key(name: str) -> str:
    """SHA-256 over everything that the component is made from."""
    component = _component(name)
    recipe = component.recipe
    assert dataclasses.is_dataclass(recipe)
    parts = {
        "revision": REVISION,
        "version": component.version,
        "recipe": type(recipe).__name__,
        "fields": dataclasses.asdict(recipe),
        "sources": fingerprint(recipe.sources) if recipe.sources else "",
        "needs": [key(need) for need in recipe.needs],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def find(name: str) -> Path | None:
    """The finished component, if it is there and whole."""
    return CACHED.find(name, key(name))


def built(name: str, progress: Progress) -> Path:
    """The directory of the finished component; it is made, with all that it needs, when it is missing."""
    if found := find(name):
        return found
    component = _component(name)
    needed = {need: built(need, progress) for need in component.recipe.needs}
    waiting = f"{name}: process %s builds it, waiting"
    with CACHED.making(name, key(name), lambda process: progress.note(waiting % process)) as place:
        if place:
            log = LOGS / f"build-{name}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
            with progress.step(f"build {name} {component.version}"):
                component.recipe.make(Workshop(name, component.version, place.path, needed, log, (place.lock,)))
    return CACHED.path(name, key(name))


def _component(name: str) -> Component:
    if name not in COMPONENTS:
        raise ClusterError(f'There is no component "{name}".', f"There are: {', '.join(COMPONENTS)}.")
    return COMPONENTS[name]
