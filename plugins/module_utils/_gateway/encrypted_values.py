# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values in a gateway's database that LiteLLM encrypts, and whose salt they were encrypted with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from . import cipher
from .database import PSYCOPG_IMPORT_ERROR

if PSYCOPG_IMPORT_ERROR is None:
    from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection

DEEPEST = 20  # levels of a document


class Holds(Enum):
    """Which strings of a column LiteLLM encrypts."""

    TEXT = "the column is one of them"
    FIELDS = "those at the top of a document; deeper ones are plain"
    STRINGS = "some in a document, at any depth"
    WHOLE = "the document, when it is one string; one with fields is plain"
    MARKED = "those that a mark tells apart from plain ones"


@dataclass(frozen=True)
class Column:
    """A column with encrypted values, and the one that names its rows."""

    table: str
    key: str
    name: str
    holds: Holds


# litellm/proxy/db/master_key_migration.py, _SECRET_COLUMNS; a test compares them. What is in their documents is read
# from the places that write them.
COLUMNS = (
    Column("LiteLLM_ProxyModelTable", "model_id", "litellm_params", Holds.FIELDS),
    Column("LiteLLM_CredentialsTable", "credential_id", "credential_values", Holds.FIELDS),
    Column("LiteLLM_Config", "param_name", "param_value", Holds.STRINGS),
    Column("LiteLLM_SSOConfig", "id", "sso_settings", Holds.FIELDS),
    Column("LiteLLM_CacheConfig", "id", "cache_settings", Holds.FIELDS),
    Column("LiteLLM_ConfigOverrides", "config_type", "config_value", Holds.FIELDS),
    Column("LiteLLM_MCPServerTable", "server_id", "credentials", Holds.FIELDS),
    Column("LiteLLM_MCPServerTable", "server_id", "static_headers", Holds.WHOLE),
    Column("LiteLLM_MCPServerTable", "server_id", "env_vars", Holds.STRINGS),
    Column("LiteLLM_MCPServerTable", "server_id", "env", Holds.WHOLE),
    Column("LiteLLM_MCPServerOAuthClient", "server_id", "credentials", Holds.FIELDS),
    Column("LiteLLM_MCPUserCredentials", "id", "credential_b64", Holds.TEXT),
    Column("LiteLLM_MCPUserEnvVars", "id", "values_b64", Holds.TEXT),
    Column("LiteLLM_SSOIdentityAssertion", "user_id", "assertion_b64", Holds.TEXT),
    Column("LiteLLM_SearchToolsTable", "search_tool_id", "litellm_params", Holds.FIELDS),
    Column("LiteLLM_GuardrailsTable", "guardrail_id", "litellm_params", Holds.MARKED),
    Column("LiteLLM_TeamTable", "team_id", "metadata", Holds.MARKED),
    Column("LiteLLM_VerificationToken", "token", "metadata", Holds.MARKED),
    Column("LiteLLM_UserTable", "user_id", "metadata", Holds.MARKED),
    Column("LiteLLM_DeletedTeamTable", "id", "metadata", Holds.MARKED),
    Column("LiteLLM_DeletedVerificationToken", "id", "metadata", Holds.MARKED),
)
PRESENT = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ANY (current_schemas(false)) "
    "AND table_name = ANY (%s)"
)


@dataclass(frozen=True)
class Value:
    """An encrypted value: where it is, and the names of the salts that open it."""

    column: Column
    row: str
    opened_by: frozenset[str]

    def __str__(self) -> str:
        return f'{self.column.table}.{self.column.name} where {self.column.key} is "{self.row}"'


def read(
    connection: Connection[tuple[Any, ...]], salts: Mapping[str, str], limit: int | None = None
) -> Iterator[Value]:
    """Every encrypted value, tried with each of the salts, which have names.

    LIMIT: so many rows of each column, and none of the large tables in which marked values are searched for.
    """
    tables = sorted({column.table for column in COLUMNS})
    present = {(row[0], row[1]) for row in connection.execute(PRESENT, (tables,)).fetchall()}
    chosen = [
        column
        for column in COLUMNS
        if (column.table, column.name) in present and (limit is None or column.holds is not Holds.MARKED)
    ]
    if not chosen:
        return
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL("(SELECT {}, {}::text, {}::text FROM {} WHERE {} IS NOT NULL{}{})").format(
            number,
            sql.Identifier(column.key),
            sql.Identifier(column.name),
            sql.Identifier(column.table),
            sql.Identifier(column.name),
            sql.SQL(" AND {}::text LIKE {}").format(sql.Identifier(column.name), f"%{cipher.MARK}%")
            if column.holds is Holds.MARKED
            else sql.SQL(""),
            sql.SQL("") if limit is None else sql.SQL(" LIMIT {}").format(limit),
        )
        for number, column in enumerate(chosen)
    )
    for number, row, stored in connection.execute(query):
        column = chosen[number]
        for value in encrypted(column.holds, stored):
            found = frozenset(name for name, salt in salts.items() if cipher.opens(value, salt))
            # Plain values may stand beside encrypted ones. What a salt opens is none, by its MAC.
            if found or cipher.is_marked(value) or cipher.looks_sealed(value):
                yield Value(column, str(row), found)


def encrypted(holds: Holds, stored: str) -> list[str]:
    """The strings of a column's text that LiteLLM may have encrypted."""
    if holds is Holds.TEXT:
        return [stored]
    document = _document(stored)
    match holds:
        case Holds.WHOLE:
            return [document] if isinstance(document, str) else []
        case Holds.FIELDS:
            fields = document.values() if isinstance(document, dict) else []
            return [value for value in fields if isinstance(value, str)]
        case Holds.MARKED:
            return [value for value in _strings(document) if cipher.is_marked(value)]
        case _:
            return list(_strings(document))


def _document(stored: str) -> Any:
    """The column's JSON, which some versions of LiteLLM wrote as a string of JSON."""
    try:
        document = json.loads(stored)
        if isinstance(document, str) and document.startswith(("{", "[")):
            document = json.loads(document)
    except ValueError:
        return None
    return document


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < DEEPEST and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner, depth + 1)
