# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: a proxy with its database, and a declared set of any size for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import psycopg
from gateway import Place

CONCURRENCY = 8  # as the module's default
MODEL = "bench-model"
TEAM = "bench-team"
# A few of each other kind, so that each costs its page.
OTHERS: dict[str, list[dict[str, Any]]] = {
    "models": [
        {
            "name": MODEL,
            "model": "hosted_vllm/bench",
            "api_base": "http://127.0.0.1:9/v1",
            "input_cost_per_token": 1e-06,
            "output_cost_per_token": 2e-06,
        }
    ],
    "teams": [{"team": f"{TEAM}-{number}", "models": [MODEL], "max_budget": 100} for number in range(3)],
    "users": [{"user": f"bench-user-{number}", "rpm_limit": 60} for number in range(3)],
    "budgets": [{"budget": f"bench-budget-{number}", "max_budget": 1} for number in range(3)],
    "credentials": [
        {"credential": f"bench-credential-{number}", "values": {"api_base": "http://127.0.0.1:9/v1"}}
        for number in range(3)
    ],
    "customers": [{"customer": f"bench-customer-{number}", "alias": f"shop {number}"} for number in range(3)],
}
# A key's row again, under other names. The columns of the table differ between LiteLLM's versions.
COPY = """
INSERT INTO "LiteLLM_VerificationToken"
SELECT (jsonb_populate_record(known, jsonb_build_object('token', new.token, 'key_alias', new.alias))).*
FROM "LiteLLM_VerificationToken" AS known, unnest(%s::text[], %s::text[]) AS new (token, alias)
WHERE known.token = %s
"""


@dataclass
class Subject:
    """A gateway, and a directory for the values of keys."""

    place: Place
    store: Path
    values: dict[str, str] = field(default_factory=dict)  # of the keys by their aliases

    @property
    def key_file(self) -> Path:
        """Where the master key is."""
        return self.place.state / "secrets" / "litellm-master-key"

    @contextmanager
    def client(self, connections: int = CONCURRENCY) -> Iterator[httpx.Client]:
        """A bare client of the proxy."""
        with httpx.Client(
            base_url=self.place.url,
            headers={"Authorization": f"Bearer {self.key_file.read_text().strip()}"},
            timeout=120,
            trust_env=False,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        ) as http:
            yield http

    def aliases(self, count: int) -> list[str]:
        """The names of the first so many keys."""
        return [f"bench-{number}" for number in range(count)]

    def new_values(self, count: int) -> None:
        """Give each of so many keys a value that no key has had before, and store it."""
        for alias in self.aliases(count):
            self.values[alias] = f"sk-{token_hex(24)}"
            (self.store / alias).write_text(f"{self.values[alias]}\n")

    def keys(self, count: int, **changed: Any) -> list[dict[str, Any]]:
        """Entries of so many keys."""
        return [
            {
                "alias": alias,
                "team": f"{TEAM}-0",
                "models": [MODEL],
                "max_budget": 20,
                "budget_duration": "30d",
                "rpm_limit": 60,
                **changed,
            }
            for alias in self.aliases(count)
        ]

    def options(self, keys: Sequence[dict[str, Any]], others: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's options for this set."""
        return {
            "api_url": self.place.url,
            "api_key_file": str(self.key_file),
            "secrets_directory": str(self.store),
            **(OTHERS if others is None else others),
            "keys": list(keys),
        }

    def bodies(self, count: int) -> list[dict[str, Any]]:
        """What a client sends to make the same keys."""
        return [
            {
                "key": self.values[entry["alias"]],
                "key_alias": entry["alias"],
                "team_id": entry["team"],
                **{name: entry[name] for name in ("models", "max_budget", "budget_duration", "rpm_limit")},
                "metadata": {"tollgate_owner": "tollgate"},
            }
            for entry in self.keys(count)
        ]

    def copies(self, count: int) -> None:
        """So many keys in all: rows of the database like that of the first one, which the module has made."""
        first, *missing = self.aliases(count)
        with self._database() as database:
            known = {row[0] for row in database.execute('SELECT key_alias FROM "LiteLLM_VerificationToken"')}
            missing = [alias for alias in missing if alias not in known]
            tokens = [token(self.values[alias]) for alias in missing]
            database.execute(COPY, (tokens, missing, token(self.values[first])))
            database.execute('ANALYZE "LiteLLM_VerificationToken"')

    def no_keys(self) -> None:
        """Remove the row of every key, which takes LiteLLM itself minutes where there are thousands."""
        with self._database() as database:
            database.execute('DELETE FROM "LiteLLM_VerificationToken"')

    def database_version(self) -> str:
        """The version of PostgreSQL."""
        with self._database() as database:
            major, minor = divmod(database.info.server_version, 10000)
        return f"{major}.{minor}"

    def _database(self) -> psycopg.Connection[Any]:
        password = (self.place.state / "secrets" / "litellm-db-password").read_text().strip()
        return psycopg.connect(
            host="127.0.0.1", port=self.place.database_port, user="litellm", dbname="litellm", password=password
        )


def token(value: str) -> str:
    """LiteLLM's name of a key."""
    return hashlib.sha256(value.encode()).hexdigest()
