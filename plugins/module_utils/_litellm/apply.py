# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan: concurrently, in the order of dependence, and on past an object that fails."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .client import Client, LiteLLMError
from .plan import Action

# A key names a team, a team names models; what is removed goes the other way.
ORDER = ("model", "team", "key")


def apply(client: Client, actions: Sequence[Action], concurrency: int = 8) -> list[tuple[Action, str]]:
    """Send what the plan says. Returns the actions that failed, each with the reason; the others are done."""
    failed: list[tuple[Action, str]] = []
    creating = [[a for a in actions if a.resource.kind == kind and a.what in ("created", "updated")] for kind in ORDER]
    removing = [[a for a in actions if a.resource.kind == kind and a.what == "deleted"] for kind in reversed(ORDER)]
    for batch in (*creating, *removing):
        if batch:
            with ThreadPoolExecutor(min(concurrency, len(batch))) as pool:
                reasons = pool.map(lambda action: _one(client, action), batch)
                failed += [(action, reason) for action, reason in zip(batch, reasons, strict=True) if reason]
    return failed


def _one(client: Client, action: Action) -> str:
    try:
        if action.what == "created":
            action.resource.create(client, action.declared)
        elif action.row is not None and action.what == "updated":
            action.resource.update(client, action.declared, action.row, action.changes)
        elif action.row is not None:
            action.resource.delete(client, action.row)
    except LiteLLMError as error:
        fields = ", ".join(sorted(action.after())) or "no field"
        return f"{action.label}: LiteLLM refused it ({fields}): {error}"
    return ""
