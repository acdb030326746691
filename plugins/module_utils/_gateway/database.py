# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a gateway's database, and connections to it from our own modules."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .error import GatewayError

if TYPE_CHECKING:
    from psycopg import Connection

try:
    import psycopg
    from psycopg import sql
except ImportError:
    PSYCOPG_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    PSYCOPG_IMPORT_ERROR = None

# libpq's own words for a URL (libpq-connect, "Parameter Key Words"); Prisma adds its own, which libpq refuses.
LIBPQ = {"host", "sslmode", "sslrootcert", "sslcert", "sslkey", "options", "application_name", "connect_timeout"}

ARGUMENTS: dict[str, Any] = {
    "url_file": {"type": "path"},
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 5432},
    "name": {"type": "str", "default": "litellm"},
    "user": {"type": "str", "default": "litellm"},
    "password_file": {"type": "path", "no_log": False},
}


@dataclass(frozen=True)
class Database:
    """Where the database is: a URL in a file, or its parts with the password in a file."""

    url_file: str | None
    host: str
    port: int
    name: str
    user: str
    password_file: str | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Database:
        """From a module's option C(database)."""
        return cls(**{field: options[field] for field in ARGUMENTS})

    def ensure_schema(self) -> None:
        """Make the schema that the URL names, as Prisma's own engine does. Raises GatewayError when that is refused."""
        if not self.url_file:
            return
        schema = _for_libpq(Path(self.url_file).read_text(encoding="utf-8").strip())[1]
        with self.connect() as connection:
            row = connection.execute("SELECT to_regnamespace(%s)", (f'"{schema}"',)).fetchone()
            if row and row[0] is not None:
                return
            try:
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            except psycopg.Error as error:
                raise GatewayError(
                    f'database: the schema "{schema}" is missing and can\'t be made: {str(error).splitlines()[0]}.',
                    next_step=f'Make it as the owner: CREATE SCHEMA "{schema}" AUTHORIZATION <the gateway\'s role>;',
                ) from error

    def connect(self, timeout: int = 5) -> Connection[tuple[Any, ...]]:
        """A connection in autocommit. Raises GatewayError with PostgreSQL's answer (never with the password)."""
        try:
            if self.url_file:
                url, schema = _for_libpq(Path(self.url_file).read_text(encoding="utf-8").strip())
                connection = psycopg.connect(url, autocommit=True, connect_timeout=timeout)
                connection.execute("SELECT set_config('search_path', %s, false)", (f'"{schema}"',))
                return connection
            password = Path(self.password_file or "").read_text(encoding="utf-8").strip()
            return psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.name,
                user=self.user,
                password=password,
                autocommit=True,
                connect_timeout=timeout,
            )
        except OSError as error:
            raise GatewayError(f"database: {error.filename}: {error.strerror}.") from error
        except (psycopg.ProgrammingError, ValueError) as error:
            # libpq quotes a URL that it can't read, with its password.
            raise GatewayError(
                f"database: the URL in {self.url_file} can't be read.",
                next_step="It is postgresql://user:password@host:port/name, with %-codes for special characters.",
            ) from error
        except psycopg.Error as error:
            raise GatewayError(f"database {self}: {' '.join(str(error).split())}.") from error

    def __str__(self) -> str:
        return f"(URL in {self.url_file})" if self.url_file else f"{self.name} on {self.host}:{self.port}"


def url_problem(url: str) -> str:
    """What is wrong with a database's URL, without quoting it: it holds a password. Empty when nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "can't be read; write special characters of the password as %-codes"
    checks = {
        "must begin with postgresql://": parts.scheme not in ("postgresql", "postgres"),
        "holds a blank; write %20": any(char.isspace() for char in url),
        "holds a % that begins no code; write %25": bool(re.search(r"%(?![0-9A-Fa-f]{2})", url)),
        "holds a #; write %23": "#" in url,
        "names no host": not parts.hostname and "host=" not in parts.query,
        "has no port between 1 and 65535": port == 0,
        "names no database; it ends in /name": not parts.path.strip("/"),
    }
    return next((text for text, wrong in checks.items() if wrong), "")


def _for_libpq(url: str) -> tuple[str, str]:
    """A Prisma URL without the parameters that only Prisma knows, and the schema that it names."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    schema = dict(query).get("schema", "public")
    kept = urlencode([(key, value) for key, value in query if key in LIBPQ])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, kept, "")), schema
