# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a gateway's database, and connections to it from our own modules."""

from __future__ import annotations

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
        except psycopg.Error as error:
            raise GatewayError(f"database {self}: {' '.join(str(error).split())}.") from error

    def __str__(self) -> str:
        return f"(URL in {self.url_file})" if self.url_file else f"{self.name} on {self.host}:{self.port}"


def _for_libpq(url: str) -> tuple[str, str]:
    """A Prisma URL without the parameters that only Prisma knows, and the schema that it names."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    schema = dict(query).get("schema", "public")
    kept = urlencode([(key, value) for key, value in query if key in LIBPQ])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, kept, "")), schema
