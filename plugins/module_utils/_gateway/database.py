# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a gateway's database, and connections to it from our own modules."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .._kubernetes.connection import NamedCluster
from .._kubernetes.service_port import ARGUMENTS as SERVICE
from .._kubernetes.service_port import ServicePort
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
# For modules that can reach a database inside a cluster.
CLUSTER_ARGUMENTS: dict[str, Any] = {
    **ARGUMENTS,
    "service": {"type": "dict", "options": SERVICE},
    "password_secret": {"type": "str", "no_log": False},
}
ENCODING = "UTF8"  # else texts of a database without an encoding (SQL_ASCII) are bytes
# libpq begins with the address, which is a port of this machine that leads to a Service.
ADDRESS = re.compile(r"connection (?:to server )?at \S+(?: \(\S+\))?, port \d+ failed: ")


@dataclass(frozen=True)
class Database:
    """Where the database is: a URL in a file, or its parts with the password in a file.

    C(service) is what messages call it when host and port lead to a Service of a cluster, which also wins over the
    URL's; C(trouble) says why its last connection failed.
    """

    url_file: str | None
    host: str
    port: int
    name: str
    user: str
    password_file: str | None
    password: str | None = field(default=None, repr=False)
    service: str = ""
    trouble: Callable[[], str] = field(default=str, repr=False)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Database:
        """From a module's option C(database)."""
        return cls(**{name: options[name] for name in ARGUMENTS})

    @contextlib.contextmanager
    def through(self, option: Mapping[str, Any] | None, cluster: NamedCluster) -> Iterator[Database]:
        """The same database behind a Service, if one is given, as long as the block runs. Raises Unreachable."""
        if not option:
            yield self
            return
        service = ServicePort.of(option)
        with cluster.forwarded(service) as forward:
            named = f"{self.name} on {service}" if not self.url_file else f"on {service} (URL in {self.url_file})"
            yield replace(self, host=forward.host, port=forward.port, service=named, trouble=lambda: forward.trouble)

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
                address: dict[str, Any] = {"host": self.host, "port": self.port} if self.service else {}
                connection = psycopg.connect(
                    url, autocommit=True, connect_timeout=timeout, client_encoding=ENCODING, **address
                )
                connection.execute("SELECT set_config('search_path', %s, false)", (f'"{schema}"',))
                return connection
            password = self.password or Path(self.password_file or "").read_text(encoding="utf-8").strip()
            return psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.name,
                user=self.user,
                password=password,
                autocommit=True,
                connect_timeout=timeout,
                client_encoding=ENCODING,
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
            raise GatewayError(f"database {self}: {self._reason(error)}.") from error

    def _reason(self, error: Exception) -> str:
        said = " ".join(str(error).split())
        return self.trouble().rstrip(".") or ADDRESS.sub("", said) if self.service else said

    def __str__(self) -> str:
        if self.service:
            return self.service
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
