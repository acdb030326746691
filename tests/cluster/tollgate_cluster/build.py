# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the table's components, each when it is missing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache as remembered
from pathlib import Path

from . import command
from .cache import Cache
from .component import Component
from .components import COMPONENTS, IMAGES
from .failure import ClusterError
from .go import GO_LOCK, MODULES, OBJECTS, GoPrograms, GoSources
from .lock import alone_if_free
from .places import CACHE, LOGS
from .progress import Progress
from .workshop import Recipe, Workshop, fingerprint

LIMIT = 7 << 30  # bytes; with the local gateway's part the whole cache stays below 12 GiB
WORDS = ("real", "differs")  # fields for people

CACHED = Cache(CACHE)


@remembered
def key(name: str) -> str:
    """SHA-256 over everything that the component is made from."""
    component = _component(name)
    recipe = component.recipe
    parts = {
        "revision": getattr(type(recipe), "REVISION", 1),
        "version": component.version,
        "recipe": type(recipe).__name__,
        "fields": _fields(recipe),
        "sources": fingerprint(recipe.sources) if recipe.sources else "",
        "needs": [key(need) for need in recipe.needs],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _fields(recipe: Recipe) -> dict[str, object]:
    """What the row says that makes a difference. A field that has its default is left out: a new one moves no key."""
    assert dataclasses.is_dataclass(recipe)
    fields = dataclasses.asdict(recipe)
    for each in dataclasses.fields(recipe):
        default = each.default_factory() if callable(each.default_factory) else each.default
        if getattr(recipe, each.name) == default or each.name in WORDS:
            del fields[each.name]
    return fields


def find(name: str) -> Path | None:
    """The finished component, if it is there and whole."""
    return CACHED.find(name, key(name))


def built(name: str, progress: Progress) -> Path:
    """The directory of the finished component; it is made, with all that it needs, when it is missing."""
    if found := find(name):
        return found
    component = _component(name)
    needed = {need: built(need, progress) for need in component.recipe.needs}

    def waiting(process: str) -> None:
        if process not in ("unknown", str(os.getpid())):
            progress.note(f"{name}: process {process} builds it, waiting")

    with CACHED.making(name, key(name), waiting) as place:
        if place:
            log = LOGS / f"build-{name}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
            with progress.step(f"build {name} {component.version}"):
                component.recipe.make(Workshop(name, component.version, place.path, needed, log, (place.lock,)))
    return CACHED.path(name, key(name))


def image_names(row: str) -> list[str]:
    """What built() calls the images of a component."""
    images = _component(row).images
    if not images:
        with_images = [name for name, component in COMPONENTS.items() if component.images]
        raise ClusterError(f'The component "{row}" has no image.', f"These have: {', '.join(with_images)}.")
    return [image.name for image in images]


def built_all(names: Sequence[str], progress: Progress) -> None:
    """Make what is missing of these, two at a time: one that compiles Go, and one that packs something else.

    Removes what killed builds left, and after something was made what the cache holds above its limit.
    """
    for name in CACHED.sweep():
        progress.note(f"{name}: removed what an interrupted build left")
    missing = [name for name in _with_needs(names) if not find(name)]
    progress.expect(len(missing))
    compiled = [name for name in missing if _compiles(name)]
    lanes = [compiled, [name for name in missing if name not in compiled]]
    with ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(_lane, lane, progress) for lane in lanes]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            command.cancel()
            raise
    if missing:
        _trim(progress)


def _trim(progress: Progress) -> None:
    current = {CACHED.path(name, key(name)) for name in (*COMPONENTS, *IMAGES)}
    with alone_if_free(GO_LOCK) as free:
        for path in CACHED.trim(LIMIT, current, [OBJECTS, MODULES] if free else []):
            progress.note(f"removed {path.name} from the cache, which is to stay below {LIMIT >> 30} GiB")


def _lane(names: Sequence[str], progress: Progress) -> None:
    for name in names:
        built(name, progress)


def _with_needs(names: Sequence[str]) -> list[str]:
    """These and all that they need, in an order in which they can be made."""
    ordered: dict[str, None] = {}
    for name in names:
        for need in _with_needs(_component(name).recipe.needs):
            ordered[need] = None
        ordered[name] = None
    return list(ordered)


def _compiles(name: str) -> bool:
    """Whether it waits for a Go build of its own."""
    recipe = _component(name).recipe
    return isinstance(recipe, (GoPrograms, GoSources)) or any(_compiles(need) for need in recipe.needs)


def _component(name: str) -> Component:
    found = COMPONENTS.get(name) or IMAGES.get(name)
    if not found:
        raise ClusterError(f'There is no component "{name}".', f"There are: {', '.join(COMPONENTS)}.")
    return found
