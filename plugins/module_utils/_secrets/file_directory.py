# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private directory, and the few ways in which files come and go there without ever being half written.

Every operation is relative to the directory's descriptor, so that nobody can exchange the path in between.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

LOCK_SECONDS = 60.0
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking: opening a pipe that somebody put there must not hang.
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL)


class UnsafeFileError(Exception):
    """A file or directory is not what a secret may lie in; the text says what to run."""


def check(path: Path, status: os.stat_result, *, directory: bool = False) -> None:
    """Refuse links, foreign owners and access for others."""
    kind, mode = ("directory", 0o700) if directory else ("file", 0o600)
    if stat.S_ISLNK(status.st_mode):
        raise UnsafeFileError(f"{path} is a symbolic link: put the real {kind} there")
    if not (stat.S_ISDIR if directory else stat.S_ISREG)(status.st_mode):
        raise UnsafeFileError(f"{path} is not a {kind}: move it away")
    if status.st_uid != os.geteuid():
        raise UnsafeFileError(
            f"{path} belongs to user {status.st_uid}, but this run is user {os.geteuid()}. "
            f"Run as the owner, or run: chown {os.geteuid()} {path}"
        )
    if status.st_mode & 0o077:
        raise UnsafeFileError(
            f"{path} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}). Run: chmod {mode:04o} {path}"
        )


class Directory:
    """An open directory with mode 0700 of our own."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path, *, inside: Directory | None = None, create: bool = False) -> Iterator[Directory | None]:
        """Open and check it; None when it does not exist. `inside`: the path is an entry of that directory."""
        parent = None if inside is None else inside.descriptor
        name = str(path) if inside is None else path.name
        if create:
            _make(path, parent, name)
        descriptor = None
        try:
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=parent, follow_symlinks=False)
                check(path, status, directory=True)
                descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=parent)
                check(path, os.fstat(descriptor), directory=True)
            yield None if descriptor is None else cls(path, descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def read(self, name: str, limit: int) -> tuple[bytes, int] | None:
        """At most limit + 1 bytes of a checked file, and its inode; None when there is no such file."""
        path = self.path / name
        try:
            check(path, os.stat(name, dir_fd=self.descriptor, follow_symlinks=False))
            descriptor = os.open(name, OPEN_FILE, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(descriptor)
            check(path, status)
            data = b""
            while len(data) <= limit and (piece := os.read(descriptor, limit + 1 - len(data))):
                data += piece
            return data, status.st_ino
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """Every entry."""
        return os.listdir(self.descriptor)  # noqa: PTH208 (pathlib takes no descriptor)

    def inode(self, name: str) -> int | None:
        """The inode of an entry, or None."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_ino
        except FileNotFoundError:
            return None

    def write_temporary(self, name: str, data: bytes) -> str:
        """A complete file beside its later place, on the disk; its name. On failure nothing of it is left."""
        temporary = f".{name}.{secrets.token_hex(8)}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=self.descriptor)
        try:
            try:
                os.fchmod(descriptor, 0o600)
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            self.remove(temporary)
            raise
        return temporary

    def publish(self, temporary: str, name: str) -> bool:
        """Give the temporary file its name, unless the name is taken; the kernel decides between racing callers."""
        try:
            os.link(temporary, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)
        except FileExistsError:
            return False
        self.sync()
        return True

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace a file as a whole: at each moment it holds the old bytes or the new ones."""
        temporary = self.write_temporary(name, data)
        try:
            self.rename(temporary, name)
        except BaseException:
            self.remove(temporary)
            raise
        self.sync()

    def put_over(self, temporary: str, name: str) -> None:
        """Replace a file by the temporary one, which keeps its temporary name as well."""
        second = f"{temporary.removesuffix('.new')}.second.new"
        os.link(temporary, second, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)
        try:
            self.rename(second, name)
        except BaseException:
            self.remove(second)
            raise
        self.sync()

    def rename(self, old: str, new: str) -> None:
        """Rename within the directory, over what is there."""
        os.rename(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove an entry if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Bring the directory's entries to the disk."""
        os.fsync(self.descriptor)

    @contextlib.contextmanager
    def locked(self, seconds: float = LOCK_SECONDS) -> Iterator[bool]:
        """Hold the directory's lock, which the kernel drops when a holder dies; False: there are no locks here."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        errno.ETIMEDOUT, f"another run has held it for {seconds:.0f} s; see who: fuser -v {self.path}"
                    ) from None
                time.sleep(0.01)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                yield False
                return
            else:
                break
        try:
            yield True
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)


def _make(path: Path, parent: int | None, name: str) -> None:
    if parent is None and not path.parent.exists():
        _make(path.parent, None, str(path.parent))
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return
    above = os.open(path.parent if parent is None else ".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
    try:
        os.fsync(above)
    finally:
        os.close(above)
