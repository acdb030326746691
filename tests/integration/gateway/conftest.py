# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway under test, and how a user runs its playbooks."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checkout import BIN, ran
from gateway import INVENTORY

# Tables whose rows are what was declared; a second run may not touch one.
# Spend moves by itself, and a row's updated_at with it; settings_updated_at tells of changes to a key.
_ROW = "(to_jsonb(t) - 'spend' - 'total_spend' - 'last_active' - 'last_used_at' - 'updated_at')::text"
DECLARED: dict[str, LiteralString] = {
    "LiteLLM_VerificationToken": f'SELECT {_ROW} FROM "LiteLLM_VerificationToken" t',  # noqa: S608 (constants)
    "LiteLLM_TeamTable": f'SELECT {_ROW} FROM "LiteLLM_TeamTable" t',  # noqa: S608 (constants)
    "LiteLLM_ProxyModelTable": f'SELECT {_ROW} FROM "LiteLLM_ProxyModelTable" t',  # noqa: S608 (constants)
    "LiteLLM_BudgetTable": f'SELECT {_ROW} FROM "LiteLLM_BudgetTable" t',  # noqa: S608 (constants)
}
# What a run may write although nothing changed: verdicts, its lock, logs; and what the database does by itself.
RESTLESS = ("verdicts", "log", "postgres", "run/lock.json", "run/lock.flock", "run/tmp")


@dataclass(frozen=True)
class Ran:
    """A finished ansible-playbook."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        """The recap's count of changed tasks."""
        recap = next(line for line in reversed(self.output.splitlines()) if "changed=" in line)
        return int(recap.split("changed=")[1].split()[0])


@dataclass(frozen=True)
class Gateway:
    """The gateway that the step has made."""

    place: dict[str, Any]

    @property
    def state(self) -> Path:
        return Path(self.place["state"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.place['port']}"

    def secret(self, name: str) -> str:
        return (self.state / "secrets" / name).read_text().strip()

    def command(self, playbook: str, *arguments: str) -> list[str]:
        variables = {
            "gateway_name": self.place["name"],
            "gateway_state_dir": str(self.state),
            "gateway_port": self.place["port"],
            "gateway_database_port": self.place["database_port"],
            "gateway_simulator_port": self.place["simulator_port"],
        }
        return [
            str(BIN / "ansible-playbook"),
            playbook,
            "--inventory",
            str(INVENTORY),
            "-e",
            json.dumps(variables),
            *arguments,
        ]

    def play(self, playbook: str, *arguments: str, fails: bool = False) -> Ran:
        """Run a playbook to its end."""
        done = ran(*self.command(playbook, *arguments))
        assert bool(done.returncode) is fails, done.stdout
        return Ran(done.returncode, done.stdout)

    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.place["database_port"],
            user="litellm",
            dbname="litellm",
            password=self.secret("litellm-db-password"),
            autocommit=True,
        )

    def rows(self) -> dict[str, list[Any]]:
        """Every declared row, with its date of change."""
        with self.database() as connection:
            return {table: sorted(connection.execute(query).fetchall()) for table, query in DECLARED.items()}

    def files(self) -> dict[str, tuple[int, int, int]]:
        """Every file with its mode, size and time, but those that each run writes."""
        found = {}
        for path in sorted(self.state.rglob("*")):
            name = str(path.relative_to(self.state))
            if name.startswith(RESTLESS):
                continue
            status = path.lstat()
            moved = 0 if path.is_dir() else status.st_mtime_ns
            found[name] = (status.st_mode, 0 if path.is_dir() else status.st_size, moved)
        return found

    def chat(self, key: str, timeout: float = 30, **body: Any) -> httpx.Response:
        """A short completion."""
        return httpx.post(
            f"{self.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {key}"},
            json={
                "model": "qwen-local",
                "messages": [{"role": "user", "content": "ping"}],
                "max_tokens": 8,
                **body,
            },
            timeout=timeout,
            trust_env=False,
        )

    def admin(self, method: str, path: str, **options: Any) -> Any:
        """A call of the management API with the master key."""
        headers = {"Authorization": f"Bearer {self.secret('litellm-master-key')}"}
        answer = httpx.request(
            method, f"{self.url}{path}", headers=headers, timeout=30, trust_env=False, **options
        ).raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    return Gateway(json.loads(os.environ["TOLLGATE_TEST_PLACE"]))
