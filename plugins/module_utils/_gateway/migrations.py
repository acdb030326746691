# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prisma's migrations: what LiteLLM brings, what the database has, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection


@dataclass(frozen=True)
class Failed:
    """A row of C(_prisma_migrations) that was started and neither finished nor rolled back (Prisma's P3009)."""

    name: str
    started: str
    log: str


@dataclass(frozen=True)
class History:
    """The state of a database against a directory of migrations."""

    applied: Sequence[str]
    pending: Sequence[str]
    unknown: Sequence[str]  # applied, but this version does not know them: the database is newer
    failed: Sequence[Failed]

    @property
    def complete(self) -> bool:
        """Nothing to do and nothing broken."""
        return not self.pending and not self.failed


def brought(directory: Path) -> list[str]:
    """The migrations of a LiteLLM version: the folders of its extras package that hold a C(migration.sql)."""
    return sorted(entry.name for entry in directory.iterdir() if (entry / "migration.sql").is_file())


def history(connection: Connection[tuple[Any, ...]], known: Sequence[str]) -> History:
    """Compare the table C(_prisma_migrations) with what is known. An empty database has everything pending."""
    present = connection.execute("SELECT to_regclass('_prisma_migrations')").fetchone()
    if not present or present[0] is None:
        return History((), tuple(known), (), ())
    rows = connection.execute(
        "SELECT migration_name, started_at::text, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, "
        "coalesce(logs, '') FROM _prisma_migrations ORDER BY started_at"
    ).fetchall()
    applied = {row[0] for row in rows if row[2] and not row[3]}
    failed = [
        Failed(name, started, log)
        for name, started, finished, rolled_back, log in rows
        if not finished and not rolled_back and name not in applied
    ]
    return History(
        tuple(sorted(applied)),
        tuple(name for name in known if name not in applied),
        tuple(sorted(applied.difference(known))),
        tuple(failed),
    )


def explain(failed: Sequence[Failed], prisma: str) -> str:
    """What to say of failed migrations, with the command that goes on. C(prisma) is a ready command line."""
    first = failed[0]
    reason = next((line for line in first.log.splitlines() if line.startswith("ERROR")), "")
    return (
        f'migration "{first.name}" (started {first.started}) failed in this database (Prisma P3009). '
        f"{reason or 'It left no message: its process was ended in the middle.'} The proxy was not started. "
        f"Mend the cause, then say that it is to be tried again: {prisma} migrate resolve --rolled-back {first.name} "
        f"(or --applied, if its changes are all there), and run again."
    )
