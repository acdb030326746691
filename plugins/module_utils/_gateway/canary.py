# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary: a random text in the database, encrypted with its salt as LiteLLM encrypts its rows.

Who has it has no more than who has one of LiteLLM's own rows. It lies in a schema of its own: LiteLLM's C(db push)
drops tables that it does not know in the schema of its URL. Prisma's schema engine 6.19, run with LiteLLM's schema and
C(--accept-data-loss), did so in C(public) and left this schema as it was.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import cipher
from .database import PSYCOPG_IMPORT_ERROR
from .error import GatewayError

if PSYCOPG_IMPORT_ERROR is None:
    import psycopg

if TYPE_CHECKING:
    from psycopg import Connection

SCHEMA, TABLE = "tollgate", "tollgate.canary"
CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), "
    "sealed text NOT NULL, fingerprint text NOT NULL, written_at timestamptz NOT NULL DEFAULT now())"
)


@dataclass(frozen=True)
class Canary:
    """What was written: the encrypted text, and the name of the salt, as the stores of secrets call it."""

    sealed: str
    fingerprint: str

    def opened_by(self, salt: str) -> bool:
        """Whether it was encrypted with this salt. The fingerprint alone proves nothing."""
        return cipher.opens(self.sealed, salt)


def read(connection: Connection[tuple[Any, ...]]) -> Canary | None:
    """The database's canary. Raises GatewayError when it may not be read, or LiteLLM's tables are in its schema."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL, current_schema()", (TABLE,)).fetchone()
    there, current = row or (False, "")
    if current == SCHEMA:
        raise GatewayError(
            f'salt key: the URL names the schema "{SCHEMA}" for LiteLLM\'s tables.',
            "LiteLLM would drop the canary there.",
            "Name another schema.",
        )
    if not there:
        return None
    try:
        found = connection.execute("SELECT sealed, fingerprint FROM tollgate.canary").fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise _forbidden(error) from error
    return Canary(*found) if found else None


def write(connection: Connection[tuple[Any, ...]], salt: str, fingerprint: str) -> Canary:
    """The canary that is there afterwards: another run's when that was first. Raises GatewayError when forbidden."""
    try:
        with connection.transaction():
            # IF NOT EXISTS would ask for the right to make schemas even where the schema is there.
            row = connection.execute("SELECT to_regnamespace(%s) IS NULL", (SCHEMA,)).fetchone()
            if row and row[0]:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            connection.execute(CREATE)
            connection.execute(
                "INSERT INTO tollgate.canary (sealed, fingerprint) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (cipher.seal(secrets.token_hex(16), salt), fingerprint),
            )
        found = connection.execute("SELECT sealed, fingerprint FROM tollgate.canary").fetchone()
    except psycopg.errors.UniqueViolation:
        # Two runs made the schema or the table in the same moment; the other one's is there now.
        return write(connection, salt, fingerprint)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _forbidden(error) from error
    if found is None:
        raise GatewayError("salt key: the canary was removed while it was written.", next_step="Run again.")
    return Canary(*found)


def _forbidden(error: Exception) -> GatewayError:
    return GatewayError(
        f"salt key: the canary can't be kept in this database: {str(error).splitlines()[0]}.",
        next_step=f"As the owner of the database: CREATE SCHEMA {SCHEMA} AUTHORIZATION <the gateway's role>; or, when "
        f"it is there: GRANT ALL ON SCHEMA {SCHEMA} TO <it>; GRANT ALL ON ALL TABLES IN SCHEMA {SCHEMA} TO <it>;",
    )
