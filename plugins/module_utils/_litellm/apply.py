# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan: concurrently, in the order of dependence, and on past an object that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from .client import NOT_FOUND, SERVER_ERROR, Client, LiteLLMError
from .kinds import RESOURCES
from .plan import Action
from .resource import Declared
from .resources.model import NOT_LIVE

# What is removed goes the other way.
ORDER = tuple(resource.kind for resource in RESOURCES)
NOT_BEGUN = "not begun, since another object failed before (stop_on_error)"
Failures = list[tuple[Action, str]]


def apply(client: Client, actions: Sequence[Action], concurrency: int = 8, *, stop_on_error: bool = False) -> Failures:
    """Send what the plan says. Returns the actions that failed, each with the reason; the others are done.

    With C(stop_on_error) nothing is begun any more once one has failed.
    """
    failed: Failures = []
    over = threading.Event()

    def send(action: Action, known: Mapping[int, Declared]) -> str:
        if over.is_set():
            return f"{action.label}: {NOT_BEGUN}"
        reason = _send(client, action, known.get(id(action), action.declared))
        if reason and stop_on_error:
            over.set()
        return reason

    for kind in ORDER:
        batch = [a for a in actions if a.resource.kind == kind and a.what in ("created", "updated")]
        possible, hopeless = _separate(batch, failed)
        failed += hopeless + _all(possible, partial(send, known=_looked_up(client, possible)), concurrency)
    for resource in reversed(RESOURCES):
        batch = [a for a in actions if a.resource.kind == resource.kind and a.what == "deleted"]
        possible, held = _without_held(batch, failed)
        at_once = 1 if resource.deleted_one_by_one else concurrency
        failed += held + _all(possible, partial(send, known={}), at_once)
    return failed


def _separate(batch: Sequence[Action], failed: Failures) -> tuple[list[Action], Failures]:
    """LiteLLM takes a key of a team that is not there, and refuses every call of it later."""
    missing = {(a.resource.kind, a.declared.name) for a, reason in failed if a.what == "created"}
    hopeless = [
        (action, f'{action.label}: left as it was, since its {kind} "{action.declared.fields[name]}" failed')
        for action in batch
        for name, kind in action.resource.refers.items()
        if (kind, action.declared.fields.get(name)) in missing
    ]
    without = {id(action) for action, reason in hopeless}
    return [action for action in batch if id(action) not in without], hopeless


def _without_held(batch: Sequence[Action], failed: Failures) -> tuple[list[Action], Failures]:
    """LiteLLM deletes keys with their team or user: what was to leave one and could not would be lost with it."""
    holding = {
        (kind, action.resource.field(name).actual(action.row)): action.label
        for action, reason in failed
        for name, kind in action.resource.refers.items()
        if action.row is not None and name in action.changes
    }
    held = [
        (action, f"{action.label}: left as it was, since {holding[place]} was to leave it, and failed")
        for action in batch
        for place in [(action.resource.kind, action.declared.name)]
        if place in holding
    ]
    without = {id(action) for action, reason in held}
    return [action for action in batch if id(action) not in without], held


def _looked_up(client: Client, batch: Sequence[Action]) -> dict[int, Declared]:
    """The entries of what is to be created, with what could be asked for all of them together."""
    new = [action for action in batch if action.what == "created"]
    try:
        found = new[0].resource.looked_up(client, [action.declared for action in new]) if new else []
    except LiteLLMError:
        return {}  # each asks by itself then, and says by itself what is wrong
    return {id(action): declared for action, declared in zip(new, found, strict=True)}


def _all(batch: Sequence[Action], send: Callable[[Action], str], concurrency: int) -> Failures:
    if not batch:
        return []
    with ThreadPoolExecutor(min(max(concurrency, 1), len(batch))) as pool:
        reasons = list(pool.map(send, batch))
    return [(action, reason) for action, reason in zip(batch, reasons, strict=True) if reason]


def _send(client: Client, action: Action, declared: Declared) -> str:
    """One object; the reason why it failed, or nothing."""
    try:
        if action.what == "created":
            action.resource.create(client, declared)
        elif action.row is not None and action.what == "updated":
            action.resource.update(client, declared, action.row, action.changes)
        elif action.row is not None:
            action.resource.delete(client, declared, action.row)
    except LiteLLMError as error:
        return f"{action.label}: {_because(action, error)}"
    return ""


def _because(action: Action, error: LiteLLMError) -> str:
    if not error.status:
        return f"{error}"
    fields = sorted(action.after())
    # The answer often names the field; else all that were sent are named.
    named = [field for field in fields if field in str(error)] or fields
    if error.status == NOT_FOUND and action.what == "updated":
        return f"it was deleted by somebody else since it was read: {error}. Run it again, which makes it anew"
    if error.status >= SERVER_ERROR and "un it again" not in str(error) and NOT_LIVE not in str(error):
        return (
            f"LiteLLM failed at {', '.join(named) or 'it'}: {error}. Run it again; if it stays, look into LiteLLM's log"
        )
    return f"LiteLLM refused {', '.join(named) or 'it'}: {error}"
