# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets as files: `<directory>/<name>`, 0600 in a directory of 0700.

Beside them, `.fingerprints/<name>` notes what a write-once file held, so that an emptied, changed or lost file is
noticed. Removing such a note is harmless: the file is then adopted again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from .file_directory import Directory, UnsafeFileError
from .fingerprint import fingerprint
from .store import Outcome, StoreError
from .value import LARGEST, without_line_break
from .write_once import Action, Holds, Mode, Observation, Place, Wanted, decide

RECORDS = ".fingerprints"
RECORD = re.compile(rb"sha256:[0-9a-f]{12}\n?")
PREVIOUS = ".previous"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ROUNDS = 20


class FileStore:
    """A directory of secrets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def place(self, name: str) -> Place:
        path, record = self.directory / name, self.directory / RECORDS / name
        return Place(str(path), f"Put the old value back into {path}, for example from a backup", f"rm {record}")

    def location(self, name: str) -> dict[str, str]:
        return {"path": str(self.directory / name)}

    def problems(self) -> list[str]:
        if not self.directory.is_absolute():
            return [f"directory {self.directory} must be an absolute path."]
        try:
            with Directory.opened(self.directory) as directory:
                if directory is None:
                    return self._creatable()
                with Directory.opened(self.directory / RECORDS, inside=directory):
                    pass
        except UnsafeFileError as error:
            return [f"{error}."]
        except OSError as error:
            return [f"directory {self.directory} can't be read: {error.strerror}."]
        return []

    def _creatable(self) -> list[str]:
        parent = next(path for path in self.directory.parents if path.exists())
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
            return []
        return [f"directory {self.directory} does not exist, and can't be created in {parent}."]

    def observe(self, names: Sequence[str]) -> dict[str, Observation]:
        with Directory.opened(self.directory) as directory:
            if directory is None:
                return {name: Observation() for name in names}
            return {name: _observe(directory, name) for name in names}

    def apply(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        name = ""
        try:
            with Directory.opened(self.directory, create=True) as directory:
                if directory is None:
                    raise StoreError(f"{self.directory} vanished while it was being used.")
                with (
                    Directory.opened(self.directory / RECORDS, inside=directory, create=True),
                    directory.locked() as locked,
                ):
                    for entry in wanted:
                        name = entry.name
                        yield self._make_true(directory, entry, locked)
                    if locked:
                        _sweep(directory)
        except UnsafeFileError as error:
            raise StoreError(f"{error}.") from error
        except OSError as error:
            raise StoreError(self._explain(error, name)) from error

    def _make_true(self, directory: Directory, wanted: Wanted, locked: bool) -> Outcome:
        for _round in range(ROUNDS):
            existing = _observe(directory, wanted.name)
            decision = decide(existing, wanted, self.place(wanted.name))
            value = existing.value
            match decision.action:
                case Action.REFUSE:
                    raise StoreError(f'secret "{wanted.name}": {decision.reason}.')
                case Action.CREATE:
                    value = _new_value(wanted)
                    if not _create(directory, wanted, value):
                        continue  # somebody else was first: look again, and take theirs
                case Action.FILL | Action.REPLACE if not locked:
                    raise StoreError(
                        f"{self.directory / wanted.name} can't be replaced safely: this file system has no locks. "
                        "Move the directory to a local file system."
                    )
                case Action.FILL:
                    value = _new_value(wanted)
                    _fill(directory, wanted, value)
                case Action.REPLACE:
                    value = _new_value(wanted)
                    _replace(directory, wanted, existing.value or "", value)
                case Action.ADOPT:
                    _record(directory, wanted.name, value)
                case Action.REMOVE:
                    value = None
                    _remove(directory, wanted.name)
            return Outcome(wanted, decision.action, value)
        raise StoreError(f"{self.directory / wanted.name} comes and goes: another program is changing it.")

    def _explain(self, error: OSError, name: str) -> str:
        path = self.directory / name
        if error.errno in NO_SPACE:
            return f"{path}: {error.strerror}. No secret was damaged. Make room on that file system and run again."
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            return f"{path}: {error.strerror}. The directory must lie on a file system with hard links."
        return f"{path}: {error.strerror}. No secret was damaged; run again when that is cured."


def _new_value(wanted: Wanted) -> str:
    if wanted.value is not None:
        return wanted.value
    if wanted.generate is None:
        raise StoreError(f'secret "{wanted.name}": neither generate nor a value is declared.')
    return wanted.generate.new()


def _observe(directory: Directory, name: str) -> Observation:
    try:
        seen = _look(directory, name)
        # A run beside this one may have been between two of its steps.
        unsettled = seen.recorded != seen.fingerprint and not seen.unfinished
        return _look(directory, name) if unsettled else seen
    except UnsafeFileError as error:
        return Observation(obstacle=str(error))
    except OSError as error:
        return Observation(obstacle=f"{directory.path / name} can't be read: {error.strerror}")


def _look(directory: Directory, name: str) -> Observation:
    # The record first: it is written after the file, so a record without a file means a loss.
    recorded = _recorded(directory, name)
    found = directory.read(name, LARGEST + 2)
    if found is None:
        return Observation(recorded=recorded)
    data, inode = found
    if len(data) > LARGEST + len("\r\n"):
        raise UnsafeFileError(f"{directory.path / name} has more than {LARGEST} bytes and can't be a secret")
    try:
        value = without_line_break(data.decode())
    except UnicodeDecodeError:
        raise UnsafeFileError(f"{directory.path / name} is not UTF-8 text: store binary values encoded") from None
    if not value:
        return Observation(Holds.EMPTY, recorded=recorded)
    unfinished = recorded is None and any(directory.inode(twin) == inode for twin in _temporaries(directory, name))
    return Observation(Holds.VALUE, value, recorded, unfinished)


def _recorded(directory: Directory, name: str) -> str | None:
    path = directory.path / RECORDS
    with Directory.opened(path, inside=directory) as records:
        found = None if records is None else records.read(name, 64)
    if found is None:
        return None
    if not RECORD.fullmatch(found[0]):
        raise UnsafeFileError(f"{path / name} is damaged. If the secret beside it is right: rm {path / name}")
    return found[0].decode().strip()


def _record(directory: Directory, name: str, value: str | None) -> None:
    """Note a value's fingerprint, or with None forget it."""
    with Directory.opened(directory.path / RECORDS, inside=directory, create=True) as records:
        if records is None:
            return
        if value is None:
            records.remove(name)
            records.sync()
        else:
            records.overwrite(name, f"{fingerprint(value)}\n".encode())


def _create(directory: Directory, wanted: Wanted, value: str) -> bool:
    """False when another creator was first."""
    if wanted.mode is Mode.VERSIONED:
        _record(directory, wanted.name, None)
    temporary = directory.write_temporary(wanted.name, value.encode())
    try:
        published = directory.publish(temporary, wanted.name)
    except OSError:
        directory.remove(temporary)
        raise
    if published:
        _note(directory, wanted, value)
    directory.remove(temporary)
    return published


def _fill(directory: Directory, wanted: Wanted, value: str) -> None:
    """Under the directory's lock: a whole new file over the empty one."""
    temporary = directory.write_temporary(wanted.name, value.encode())
    try:
        directory.put_over(temporary, wanted.name)
    except OSError:
        directory.remove(temporary)
        raise
    _note(directory, wanted, value)
    directory.remove(temporary)


def _replace(directory: Directory, wanted: Wanted, old: str, value: str) -> None:
    """Under the directory's lock: the new version over the old one, of which a copy is kept."""
    _record(directory, wanted.name, None)
    directory.overwrite(f"{wanted.name}{PREVIOUS}", old.encode())
    directory.overwrite(wanted.name, value.encode())


def _note(directory: Directory, wanted: Wanted, value: str) -> None:
    """Until this is done the temporary name of the file stays: it proves to the next run who made the file."""
    try:
        _record(directory, wanted.name, value if wanted.mode is Mode.WRITE_ONCE else None)
    except OSError as error:
        raise StoreError(
            f"{directory.path / wanted.name} was written, but could not be noted in {RECORDS}: {error.strerror}. "
            "Run again when that is cured.",
            changed=True,
        ) from error


def _remove(directory: Directory, name: str) -> None:
    _record(directory, name, None)
    directory.remove(f"{name}{PREVIOUS}")
    directory.remove(name)
    directory.sync()


def _temporaries(directory: Directory, name: str = "") -> list[str]:
    start = f".{name}." if name else "."
    return [entry for entry in directory.names() if entry.startswith(start) and entry.endswith(".new")]


def _sweep(directory: Directory) -> None:
    """Under the lock no other run is writing: what is temporary was left by a killed one. Cleaning may fail."""
    with contextlib.suppress(OSError, UnsafeFileError):
        for entry in _temporaries(directory):
            name = entry.split(".")[1]
            if directory.inode(entry) != directory.inode(name) or _recorded(directory, name) is not None:
                directory.remove(entry)
        with Directory.opened(directory.path / RECORDS, inside=directory) as records:
            if records is not None:
                for entry in _temporaries(records):
                    records.remove(entry)
