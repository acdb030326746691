# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a gateway's programs, and explaining why one is not ready."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .database import Database
from .error import GatewayError

if TYPE_CHECKING:
    from .supervisor import Supervisor

try:
    import httpx
except ImportError:
    HTTPX_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    HTTPX_IMPORT_ERROR = None

# supervisord restarts a program that dies; after this many seconds of that it is not going to heal.
PATIENCE_WITH_RESTARTS = 15.0
INTERVAL = 0.1


@dataclass(frozen=True)
class Target:
    """What tells that a program is ready."""

    program: str
    url: str | None
    database: Database | None
    seconds: int

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Target:
        """From an entry of a module's option C(programs)."""
        database = Database.of(given["ready_database"]) if given["ready_database"] else None
        return cls(given["name"], given["ready_url"], database, given["ready_seconds"])

    def trouble(self) -> str:
        """Why it is not ready; empty when it is."""
        if self.database:
            try:
                self.database.connect(timeout=2).close()
            except GatewayError as error:
                return str(error)
        if self.url:
            try:
                answer = httpx.get(self.url, timeout=5, trust_env=False)
            except httpx.HTTPError as error:
                return f"{self.url}: {error or type(error).__name__}"
            if answer.status_code != 200:  # noqa: PLR2004 (the HTTP status)
                return f"{self.url} answers {answer.status_code}: {answer.text[:200]}"
        return ""


def wait(supervisor: Supervisor, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Wait until all are ready; they are waited for together. Returns a check for each.

    Raises GatewayError as soon as one can't become ready, with the last lines of its log.
    """
    begun = time.monotonic()
    waiting = {target.program: target for target in targets}
    restarting: dict[str, float] = {}
    done: list[dict[str, Any]] = []
    while waiting:
        members = supervisor.members()
        for target in list(waiting.values()):
            member = members.get(target.program, {})
            trouble = target.trouble() if member.get("statename") in ("RUNNING", "STARTING") else "it does not run"
            waited = time.monotonic() - begun
            if not trouble:
                detail = f"process {member.get('pid')}, ready after {waited:.1f} s"
                done.append({"name": target.program, "ok": True, "detail": detail})
                del waiting[target.program]
                continue
            if member.get("statename") in ("BACKOFF", "FATAL", "EXITED"):
                since = restarting.setdefault(target.program, waited)
                if member["statename"] == "FATAL" or waited - since > PATIENCE_WITH_RESTARTS:
                    raise _failure(
                        supervisor.log, target, f"it ends again and again ({member.get('spawnerr') or 'see its log'})"
                    )
            if waited > target.seconds:
                raise _failure(supervisor.log, target, f"not ready after {target.seconds} s: {trouble}")
        if waiting:
            time.sleep(INTERVAL)
    return done


def _failure(log: Path, target: Target, why: str) -> GatewayError:
    path = log / f"{target.program}.log"
    return GatewayError(f"{target.program}: {why}", "\n".join(last_words(path)), f"The whole log: {path}")


def last_words(path: Path, count: int = 8) -> list[str]:
    """The last lines of a log that say something: errors if there are any near its end, else its end."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
    except OSError:
        return ["(it has no log)"]
    lines = [line[:300] for line in lines if line.strip()]
    telling = [
        line for line in lines if any(word in line for word in ("Error", "ERROR", "FATAL", "error:", "Exception"))
    ]
    return (telling or lines)[-count:]
