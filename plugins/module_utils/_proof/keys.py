# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof's own short-lived keys: how they are made, marked and found again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .run import Run

ALIAS_PREFIX = "tollgate-proof-"
MARK = "tollgate_proof"

# A killed proof's keys stop working after this time, even if no other proof ever runs.
LIFETIME = timedelta(minutes=15)

# Clocks of this machine and of the proxy may differ.
CLOCK_DIFFERENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class ProofKey:
    """A key of this run. Its value never leaves the process but to the proxy."""

    role: str
    alias: str
    value: str
    token_id: str

    def __repr__(self) -> str:
        return f"ProofKey({self.alias})"


def new_value() -> str:
    """The text of a key that nobody else has: C(sk-) and 192 random bits."""
    return f"sk-{secrets.token_hex(24)}"


def new_key(run: Run, role: str) -> ProofKey:
    """A key that LiteLLM doesn't know yet. Its SHA-256, under which LiteLLM stores it, addresses it from the start."""
    value = new_value()
    return ProofKey(role, f"{ALIAS_PREFIX}{run.id}-{role}", value, hashlib.sha256(value.encode()).hexdigest())


def key_request(key: ProofKey, run: Run, models: list[str], max_budget: float) -> dict[str, Any]:
    """The body of C(POST /key/generate)."""
    return {
        "key": key.value,
        "key_alias": key.alias,
        "models": models,
        "max_budget": max_budget,
        "duration": f"{int(LIFETIME.total_seconds())}s",
        "metadata": {MARK: run.mark()},
    }


def leftovers(rows: Iterable[Any], now: datetime) -> list[str]:
    """The token ids of keys, among these of C(GET /key/list), that a killed proof left behind.

    Only keys with the proof's alias and mark count, when their run is known to have ended or they have expired.
    """
    found: list[str] = []
    for row in rows:
        if not isinstance(row, dict) or not str(row.get("key_alias") or "").startswith(ALIAS_PREFIX):
            continue
        metadata = row.get("metadata")
        run = Run.from_mark(metadata.get(MARK)) if isinstance(metadata, dict) else None
        token_id = row.get("token")
        if run and isinstance(token_id, str) and (run.is_gone() or _expired(row.get("expires"), now)):
            found.append(token_id)
    return found


def _expired(expires: Any, now: datetime) -> bool:
    try:
        end = datetime.fromisoformat(str(expires))
    except ValueError:
        return False
    if end.tzinfo is None:
        end = end.replace(tzinfo=now.tzinfo)
    return end + CLOCK_DIFFERENCE < now
