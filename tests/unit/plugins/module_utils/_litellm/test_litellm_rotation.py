# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a key's rotation, and what its successor takes over: pure."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.plan import plan
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resource import Declared
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources import rotation
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import Key, token_id

OLD, NEW = "sk-0123456789abcdef-old", "sk-0123456789abcdef-new"
PAST, COMING = "2026-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"


def row(value: str, alias: str, **more: Any) -> dict[str, Any]:
    """A key of the proxy."""
    return {"token": token_id(value), "key_alias": alias, "models": ["qwen"], "metadata": {}, **more}


def successor(phase: str, until: str = COMING) -> dict[str, Any]:
    """The key of the new value."""
    mark = {"alias": "a", "from": token_id(OLD), "seconds": 60, "phase": phase, "until": until}
    return row(NEW, rotation.alias("a", token_id(NEW)), metadata={rotation.ROTATION: mark})


def planned(*rows: dict[str, Any], value: str = NEW, grace: int = 60) -> Any:
    """What a run would do; a text when it is refused."""
    actions, problems = plan(Key(), [Declared("a", {"models": ["qwen"]}, value=value, grace=grace)], rows)
    return problems[0] if problems else (actions[0].what, dict(actions[0].changes))


def test_each_phase_follows_from_what_the_proxy_holds() -> None:
    old = row(OLD, "a")
    assert planned(old) == ("created", {})
    assert planned(old, successor("made")) == ("updated", {"rotation": ("made", "grace")})
    assert planned(old, successor("grace")) == ("unchanged", {})
    assert planned(old, successor("grace", PAST)) == ("updated", {"rotation": ("grace", "over")})
    assert planned(successor("grace", PAST)) == ("updated", {"rotation": ("grace", "over")})
    assert planned(old, successor("billed", PAST)) == ("updated", {"rotation": ("billed", "over")})
    assert planned(row(NEW, "a")) == ("unchanged", {})


def test_what_is_no_rotation_is_refused() -> None:
    assert "say by grace how long" in planned(row(OLD, "a"), grace=0)
    turned = row(OLD, "a", metadata={rotation.ROTATION: {"to": token_id(NEW)}}, expires=COMING)
    third = "sk-0123456789abcdef-third"
    assert planned(turned, value=third) == ("created", {})  # killed before there was a key of the other value
    assert planned(turned, value=OLD) == ("unchanged", {})
    assert "it is being rotated to" in planned(turned, successor("grace"), value=third)
    assert "it is being rotated to" in planned(successor("billed"), value=third)
    assert "it is being rotated to" in planned(row(OLD, "a"), successor("made"), value=third)
    assert "the old one again" in planned(turned, successor("grace"), value=OLD)


@pytest.mark.parametrize(
    ("phase", "old", "dollars"),
    [
        ("grace", {"spend": 5.5, "budget_reset_at": "then"}, 3.5),
        ("grace", {"spend": 2.0, "budget_reset_at": "then"}, 0.0),
        ("grace", {"spend": 1.5, "budget_reset_at": "later"}, 1.5),  # its budget has started again from 0
        ("billed", {"spend": 5.5, "budget_reset_at": "then"}, 0.0),
        ("grace", {"spend": None, "budget_reset_at": "then"}, 0.0),
    ],
)
def test_what_the_old_value_spent_since_then_is_owed_once(phase: str, old: dict[str, Any], dollars: float) -> None:
    before = rotation.started("a", {"token": "t", "spend": 2, "budget_reset_at": "then"}, 60)
    new = {"metadata": {rotation.ROTATION: {**before, "phase": phase}}}
    assert rotation.owed(new, old) == dollars


def test_limits_are_taken_over_and_0_is_one() -> None:
    stored = {
        "max_budget": 0,
        "rpm_limit": 5,
        "blocked": False,
        "budget_id": "private",
        "litellm_budget_table": {"soft_budget": 2},
        "object_permission": {"object_permission_id": "x", "agents": [], "vector_stores": ["a"]},
        "metadata": {"owner": "me", "model_rpm_limit": {"qwen": 1}, rotation.ROTATION: {}},
    }
    old = row(OLD, "a", **stored)
    assert rotation.limits(Key().fields, old) == {
        "models": ["qwen"],
        "max_budget": 0,
        "soft_budget": 2,
        "rpm_limit": 5,
        "object_permission": {"vector_stores": ["a"]},
    }
    assert rotation.free(old) == {"owner": "me", "model_rpm_limit": {"qwen": 1}}


def test_times() -> None:
    assert rotation.seconds("24h") == 86400
    for wrong in ("1mo", "soon"):
        with pytest.raises(ValueError, match=r"\S"):
            rotation.seconds(wrong)
    assert rotation.left({"expires": None}) is None
    assert rotation.left({"expires": PAST}) == 0
    assert (rotation.left({"expires": "2999-01-01T00:00:00.000Z"}) or 0) > 0
