# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of a local gateway, in one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import disk, migrations, processes
from .database import Database
from .error import GatewayError
from .readiness import HTTPX_IMPORT_ERROR
from .runtime import Runtime
from .state_directory import StateDirectory
from .supervisor import Supervisor
from .verdict import Check, now, read

if HTTPX_IMPORT_ERROR is None:
    import httpx


@dataclass(frozen=True)
class Look:
    """What is looked at. Every part is tried, whatever the others say."""

    state: Path
    url: str
    ports: Mapping[str, int]
    database: Database
    runtime: Runtime
    models: Sequence[str]
    api_key_file: Path

    def verdict(self) -> dict[str, Any]:
        """The verdict; C(ok) is true when every check is."""
        marker = StateDirectory(self.state).marker
        supervisor = Supervisor(self.state.absolute(), str(marker.get("id", "")))
        members = self._processes(supervisor)
        proof = read(self.state, "proof")
        checks = [
            self._supervised(supervisor, members),
            *self._ports(supervisor),
            *self._database(),
            *self._models(),
            disk.check(self.state, embedded="database" in self.ports),
            Check("proof", bool(proof.get("ok")), f"{proof.get('started')}" if proof else "never run"),
        ]
        return {
            "wave": "status",
            "ok": all(check.ok for check in checks),
            "started": now(),
            "gateway": {"name": marker.get("name"), "url": self.url, "state_dir": str(self.state)},
            "versions": self._versions(),
            "ports": dict(self.ports),
            "processes": members,
            "memory_mib": round(sum(member["memory_mib"] for member in members), 1),
            "last_proof": proof,
            "checks": [asdict(check) for check in checks],
        }

    def _versions(self) -> dict[str, str]:
        stamp = self.runtime.stamp
        return {"litellm": stamp.get("litellm", ""), "prisma_engine": stamp.get("engine", "")}

    def _processes(self, supervisor: Supervisor) -> list[dict[str, Any]]:
        if supervisor.pid is None:
            return []
        own = processes.proportional_memory([supervisor.pid])
        found = [{"name": "supervisord", "state": "RUNNING", "pid": supervisor.pid, "memory_mib": _mib(own)}]
        for name, member in supervisor.members().items():
            family = processes.family(member["pid"]) if member["pid"] else []
            found.append(
                {
                    "name": name,
                    "state": member["statename"],
                    "pid": member["pid"],
                    "uptime": member["now"] - member["start"] if member["pid"] else 0,
                    "memory_mib": _mib(processes.proportional_memory(family)),
                }
            )
        return found

    def _supervised(self, supervisor: Supervisor, members: Sequence[Mapping[str, Any]]) -> Check:
        if supervisor.pid is None:
            return Check("processes", ok=False, detail="nothing runs. Start it: make up")
        down = [f"{member['name']} is {member['state']}" for member in members if member["state"] != "RUNNING"]
        return Check("processes", not down, ", ".join(down) or f"{len(members)} run")

    def _ports(self, supervisor: Supervisor) -> list[Check]:
        family = set(processes.family(supervisor.pid)) if supervisor.pid else set()
        checks = []
        for name, port in self.ports.items():
            pids = processes.listeners(port)
            ours = bool(pids) and all(pid in family for pid in pids)
            foreign = ", ".join(processes.describe(pid) for pid in pids if pid not in family)
            detail = (
                f"{port} is ours"
                if ours
                else f"{port} is taken by {foreign}"
                if foreign
                else f"nothing listens on {port}"
            )
            checks.append(Check(f"port {name}", ours, detail))
        return checks

    def _database(self) -> list[Check]:
        try:
            with self.database.connect() as connection:
                row = connection.execute("SELECT pg_database_size(current_database()), version()").fetchone()
                size, version = row if row else (0, "?")
                found = [Check("database", ok=True, detail=f"{version.split(' on ')[0]}, {size // 2**20} MiB")]
                history = migrations.history(connection, migrations.brought(self.runtime.migrations))
                detail = f"{len(history.applied)} applied, {len(history.pending)} missing, {len(history.failed)} failed"
                found.append(Check("migrations", history.complete, detail))
        except (GatewayError, OSError) as error:
            return [Check("database", ok=False, detail=str(error))]
        return found

    def _models(self) -> list[Check]:
        try:
            key = self.api_key_file.read_text(encoding="utf-8").strip()
            ready = httpx.get(f"{self.url}/health/readiness", timeout=5, trust_env=False)
            answer = httpx.get(
                f"{self.url}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False
            )
            served = sorted(model["id"] for model in answer.json()["data"])
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
            return [Check("proxy", ok=False, detail=f"{self.url}: {error or type(error).__name__}")]
        missing = sorted(set(self.models) - set(served))
        detail = f"not served: {', '.join(missing)}" if missing else ", ".join(served) or "none declared"
        connected = ready.json().get("db") == "connected"
        return [
            Check(
                "proxy", ready.status_code == httpx.codes.OK and connected, f"{ready.status_code}, {ready.text[:200]}"
            ),
            Check("models", not missing, detail),
        ]


def _mib(count: int) -> float:
    return round(count / 2**20, 1)
