# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of secrets, and words for looking into it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import Report, ensure
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.file_store import FileStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Wanted

Tree = dict[str, tuple[int, int, int, bytes]]


class Secrets:
    """The store under test with its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = FileStore(directory)

    def ensure(self, *wanted: Wanted, check_mode: bool = False) -> Report:
        """Make these secrets true."""
        return ensure(self.store, wanted, check_mode=check_mode)

    def actions(self, *wanted: Wanted) -> list[str]:
        """The actions of a run that succeeds."""
        report = self.ensure(*wanted)
        assert report.error is None, report.error
        return [outcome.action.value for outcome in report.outcomes]

    def file(self, name: str) -> Path:
        """A secret's file."""
        return self.directory / name

    def record(self, name: str) -> Path:
        """The note about a secret."""
        return self.directory / ".fingerprints" / name

    def leftovers(self) -> list[str]:
        """Temporary files, here and among the notes."""
        return sorted(path.name for path in self.directory.rglob("*.new"))

    def tree(self) -> Tree:
        """Everything below the directory, with modes, times and content."""
        found: Tree = {}
        for path in [self.directory, *self.directory.rglob("*")]:
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
        return found
