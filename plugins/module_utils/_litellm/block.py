# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until every worker of the proxy knows of a block, or of its end, and proves it with a key's own value.

Each worker keeps keys and teams in memory (general_settings.user_api_key_cache_ttl, 60 seconds by default). The one
that carries out a change knows it at once, the others when what they hold has run out: using it does not prolong that.
LiteLLM tells a worker's name, but not how many there are. Of a Service every ready pod is asked.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .._kubernetes.connection import Unreachable
from .client import Client, LiteLLMError
from .plan import Action

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cache_time": {"type": "float", "default": 60.0},
    "workers": {"type": "int"},
}
PAUSE = 1.0  # seconds between two rounds
ROUND = 8  # connections to each address that must agree once the cache's time is over
MOST = 32  # connections of a round, to meet many workers
MEETING = 10.0  # seconds to meet workers that there should be, once the cache's time is over
PATIENCE = 30.0  # seconds beyond twice the cache's time
UNAUTHORIZED = 401


@dataclass
class Watched:
    """One object that was blocked or unblocked."""

    action: Action
    value: str | None  # of a key that the block holds for
    age: float  # seconds since it was written, when the watch begins
    workers: set[str] = field(default_factory=set)  # those that have it, by name
    agreed: bool = False  # whether every connection of the last round had it
    proven: bool = False
    unmet: int = 0  # workers that there should be, and that no connection has reached
    seconds: float = 0.0
    reason: str = ""  # why it failed

    @property
    def blocked(self) -> bool:
        """What every worker is to have."""
        return bool(self.action.declared.fields["blocked"])

    def shown(self) -> dict[str, Any]:
        """What a result says of it."""
        return {"proven": self.proven, "seconds": round(self.seconds, 1), "workers": len(self.workers)}


def watched(actions: Sequence[Action], cache_time: float, *, always: bool) -> list[Watched]:
    """What to wait for: of what was written before, if not always, that which a worker may not know yet."""
    found = []
    for action in actions:
        if not action.declared.settles or action.declared.absent:
            continue
        age = 0.0 if action.writes or action.row is None else _age(action)
        if always or age < cache_time:
            found.append(Watched(action, _value(action, actions), min(age, cache_time)))
    return found


def _age(action: Action) -> float:
    row = action.row or {}
    written = row.get("settings_updated_at") or row.get("updated_at")
    if not written:
        return 0.0
    moment = datetime.fromisoformat(str(written).replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((datetime.now(tz=UTC) - moment).total_seconds(), 0.0)


def _value(action: Action, actions: Sequence[Action]) -> str | None:
    """A key's own value; of a team that of one of its keys which nothing else blocks."""
    if action.resource.kind == "key":
        return action.declared.value
    keys = [other.declared for other in actions if other.resource.kind == "key" and not other.declared.absent]
    mine = [key for key in keys if key.fields.get("team") == action.declared.name and not key.fields.get("blocked")]
    return next((key.value for key in mine if key.value), None)


def wait(client: Client, objects: Sequence[Watched], cache_time: float, workers: int | None) -> None:
    """Wait for all of them together. C(reason) of an object says that it is still not so."""
    begun = time.monotonic()
    waiting = list(objects)
    while waiting:
        asked = [one for one in waiting if one.value is not None]
        for one in waiting:
            one.seconds = time.monotonic() - begun
        if asked:
            _round(client, asked, cache_time, workers)
        waiting = [one for one in waiting if not _over(one, cache_time, workers)]
        if waiting:
            time.sleep(PAUSE)


def _round(client: Client, asked: Sequence[Watched], cache_time: float, workers: int | None) -> None:
    try:
        with client.way.each() as addresses, ThreadPoolExecutor(MOST) as pool:
            for one in asked:
                _look(client, pool, one, addresses, _connections(one, cache_time, workers))
    except Unreachable as error:
        for one in asked:
            one.agreed, one.reason = False, str(error)


def _connections(one: Watched, cache_time: float, workers: int | None) -> int:
    """How many go to each address: one to see whether it is time for more."""
    few = one.seconds + one.age < cache_time and (workers or 1) == 1
    return 1 if few else min(max(ROUND, 2 * (workers or 1)), MOST)


def _look(client: Client, pool: ThreadPoolExecutor, one: Watched, addresses: Sequence[str], count: int) -> None:
    """Open connections at once: the one worker that is idle would take them all, one after the other."""
    value = one.value or ""
    probes = [pool.submit(client.probe, value, address) for address in addresses for _each in range(count)]
    one.agreed, one.reason = True, ""
    for probe in probes:
        try:
            worker, status, text = probe.result()
        except LiteLLMError as error:
            one.agreed, one.reason = False, str(error)
            continue
        refused = status == UNAUTHORIZED and "blocked" in text
        if refused is one.blocked:
            one.workers |= {worker} if worker else set()
            continue
        said = "still serves it" if one.blocked else "still refuses it"
        one.agreed, one.reason = False, f"worker {worker or '(unnamed)'} {said} ({status})"


def _over(one: Watched, cache_time: float, workers: int | None) -> bool:
    elapsed = one.seconds + one.age
    if one.value is None:
        return elapsed >= cache_time
    if not one.agreed:
        return elapsed > 2 * cache_time + PATIENCE
    one.unmet = 0 if workers in (None, 1) else max((workers or 0) - len(one.workers), 0)
    # All are known to follow, or what any of them held has run out.
    one.proven = not one.unmet and (workers is not None or elapsed >= cache_time)
    return one.proven or elapsed >= cache_time + MEETING


def doubt(one: Watched, workers: int | None) -> str:
    """What was not proven of an object whose key was asked with; empty when all was."""
    if one.value is None or one.proven or one.reason:
        return ""
    return (
        f"{one.action.label}: {one.unmet} of {workers} workers took no connection, so that it was not proven for them. "
        "They follow when cache_time is over. Is workers right?"
    )


def failure(one: Watched, cache_time: float) -> str:
    """Why it counts as failed."""
    state = "blocked" if one.blocked else "unblocked"
    return (
        f"{one.action.label}: it is {state} in the database, but {one.reason} after {one.seconds:.0f} s. Is "
        f"general_settings.user_api_key_cache_ttl of the proxy more than cache_time, {cache_time:.0f} s? Run it again, "
        "or restart the proxy"
    )
