# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache: one directory for each thing that was built, under a name made of everything it was built from.

An entry appears by one rename, with a list of its files. What is truncated, changed, somebody else's or half made is
not taken for an entry: it is thrown away and built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .lock import alone, alone_if_free

FORMAT = 1
LIST = ".entry.json"


@dataclass(frozen=True)
class Place:
    """Where an entry is being made."""

    path: Path
    lock: int  # the descriptor of its lock


class Cache:
    """Entries below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries = root / "entries"
        self._making = root / "making"
        self._locks = root / "locks"

    def path(self, name: str, key: str) -> Path:
        """Where the entry lies, or would."""
        return self.entries / f"{name}-{key[:16]}"

    def find(self, name: str, key: str) -> Path | None:
        """The entry, if it is there and whole."""
        path = self.path(name, key)
        if fault(path, name, key):
            return None
        os.utime(path / LIST)  # the last use, for trim()
        return path

    @contextmanager
    def making(self, name: str, key: str, waiting: Callable[[str], None] | None = None) -> Iterator[Place | None]:
        """An empty directory which becomes the entry when the block ends well; None when the entry is there by then."""
        with alone(self._locks / name, waiting) as lock:
            if self.find(name, key):
                yield None
                return
            place = self._making / name
            remove(place)  # what a killed build left
            remove(self.path(name, key))
            place.mkdir(parents=True, mode=0o755)
            try:
                yield Place(place, lock)
                _seal(place, name, key)
                self.entries.mkdir(parents=True, exist_ok=True)
                place.rename(self.path(name, key))
            finally:
                remove(place)

    def sweep(self) -> list[str]:
        """Remove what killed builds left; returns the names."""
        swept = []
        for place in sorted(self._making.glob("*")):
            with alone_if_free(self._locks / place.name) as free:
                if free:
                    remove(place)
                    swept.append(place.name)
        return swept

    def trim(self, limit: int, current: set[Path], removable: list[Path]) -> list[Path]:
        """Get below LIMIT bytes: first `removable` directories in their order, then the entries that are not `current`,
        the one that was not used for the longest time first. Returns what was removed."""
        removed: list[Path] = []
        size = disk_use(self.root)
        if size <= limit:
            return removed
        old = sorted((path for path in self.entries.glob("*") if path not in current), key=_last_use)
        for path in [*removable, *old]:
            if size <= limit:
                break
            if path.exists():
                size -= disk_use(path)
                remove(path)
                removed.append(path)
        return removed


def listed(entry: Path, file: str) -> str:
    """The SHA-256 of one file of an entry, as its list has it."""
    return str(json.loads((entry / LIST).read_text(encoding="utf-8"))["files"][file][2])


def fault(path: Path, name: str, key: str) -> str:
    """Why PATH is not the entry NAME with KEY; empty when it is."""
    try:
        if path.stat().st_uid != os.getuid():
            return "belongs to another user"
        listed = json.loads((path / LIST).read_text(encoding="utf-8"))
        if [listed["format"], listed["name"], listed["key"]] != [FORMAT, name, key]:
            return "is the entry of something else"
        return next(filter(None, (_file_fault(path / file, *about) for file, about in listed["files"].items())), "")
    except FileNotFoundError as error:
        return f"{error.filename} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"cannot be read: {error}"


def _file_fault(path: Path, size: int, modified: int, digest: str) -> str:
    """The time stands for the content, so that a check takes a moment; where it differs, SHA-256 decides."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return "" if str(path.readlink()) == digest else f"{path.name} points elsewhere"
    if found.st_size != size:
        return f"{path.name} has {found.st_size} bytes instead of {size}"
    if found.st_mtime_ns != modified and _digest(path) != digest:
        return f"{path.name} was changed"
    return ""


def _seal(place: Path, name: str, key: str) -> None:
    """Write the list of the entry's files: size, time and SHA-256 of each, or where a link points."""
    files: dict[str, tuple[int, int, str]] = {}
    for path in sorted(place.rglob("*")):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            files[str(path.relative_to(place))] = (0, 0, str(path.readlink()))
        elif stat.S_ISREG(found.st_mode):
            files[str(path.relative_to(place))] = (found.st_size, found.st_mtime_ns, _digest(path))
    listed = {"format": FORMAT, "name": name, "key": key, "made": int(time.time()), "files": files}
    temporary = place / f"{LIST}.new"
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(listed, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(place / LIST)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _last_use(entry: Path) -> float:
    try:
        return (entry / LIST).stat().st_mtime
    except OSError:
        return 0.0


def disk_use(path: Path) -> int:
    """Bytes on disk below PATH; a file with several links counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for folder, _folders, files in os.walk(path):
        for file in files:
            try:
                found = os.lstat(f"{folder}/{file}")
            except OSError:
                continue
            if (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return total


def remove(path: Path) -> None:
    """Remove a directory, also one that has directories without write permission, as Go's module cache does."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for found in os.walk(path):
        folder = Path(found[0])
        folder.chmod(stat.S_IMODE(folder.lstat().st_mode | stat.S_IRWXU))
    shutil.rmtree(path, ignore_errors=True)
