# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision about one secret, for every combination that matters."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import (
    Action,
    Holds,
    Mode,
    Observation,
    Place,
    State,
    Wanted,
    decide,
)

OLD, NEW = "old-value-0123456789", "new-value-0123456789"
PLACE = Place("the place", "Restore it", "forget it")

GENERATED = Wanted("s", generate=Generate())
GIVEN_OLD = Wanted("s", value=OLD)
GIVEN_NEW = Wanted("s", value=NEW)
BROUGHT = Wanted("s")

NOTHING = Observation()
LOST = Observation(recorded=fingerprint(OLD))
EMPTY = Observation(Holds.EMPTY)
EMPTIED = Observation(Holds.EMPTY, recorded=fingerprint(OLD))
FOREIGN = Observation(Holds.VALUE, OLD)
UNFINISHED = Observation(Holds.VALUE, OLD, unfinished=True)
OURS = Observation(Holds.VALUE, OLD, recorded=fingerprint(OLD))
CHANGED = Observation(Holds.VALUE, NEW, recorded=fingerprint(OLD))

C, A, F, P, K, X, R = (
    Action.CREATE,
    Action.ADOPT,
    Action.FILL,
    Action.REPLACE,
    Action.KEEP,
    Action.REMOVE,
    Action.REFUSE,
)
COLUMNS = ("generated", "given-old", "given-new", "brought")
WRITE_ONCE = {
    "nothing": (NOTHING, (C, C, C, R)),
    "lost": (LOST, (R, C, R, R)),
    "empty": (EMPTY, (F, F, F, R)),
    "emptied": (EMPTIED, (R, F, R, R)),
    "foreign": (FOREIGN, (A, A, R, A)),
    "ours": (OURS, (K, K, R, K)),
    "changed": (CHANGED, (R, R, R, R)),
}
VERSIONED = {
    "nothing": (NOTHING, (C, C, C, R)),
    "lost": (LOST, (C, C, C, R)),
    "empty": (EMPTY, (F, F, F, R)),
    "emptied": (EMPTIED, (F, F, F, R)),
    "foreign": (FOREIGN, (K, K, P, K)),
    "ours": (OURS, (K, K, P, K)),
    "changed": (CHANGED, (K, P, K, K)),
}
DECLARED = dict(zip(COLUMNS, (GENERATED, GIVEN_OLD, GIVEN_NEW, BROUGHT), strict=True))


@pytest.mark.parametrize(("existing", "column"), list(product(WRITE_ONCE, COLUMNS)))
def test_write_once(existing: str, column: str) -> None:
    observation, expected = WRITE_ONCE[existing]
    decision = decide(observation, DECLARED[column], PLACE)
    assert decision.action is expected[COLUMNS.index(column)]
    assert OLD not in decision.reason
    assert NEW not in decision.reason


@pytest.mark.parametrize(("existing", "column"), list(product(VERSIONED, COLUMNS)))
def test_versioned(existing: str, column: str) -> None:
    observation, expected = VERSIONED[existing]
    wanted = replace(DECLARED[column], mode=Mode.VERSIONED)
    assert decide(observation, wanted, PLACE).action is expected[COLUMNS.index(column)]


@pytest.mark.parametrize(
    ("observation", "wanted", "expected"),
    [(FOREIGN, GENERATED, R), (FOREIGN, GIVEN_OLD, A), (UNFINISHED, GENERATED, A), (OURS, GENERATED, K)],
)
def test_without_adopt_only_ones_own_secret_is_kept(observation: Observation, wanted: Wanted, expected: Action) -> None:
    assert decide(observation, replace(wanted, adopt=False), PLACE).action is expected


@pytest.mark.parametrize("observation", [LOST, EMPTIED, FOREIGN, OURS, CHANGED])
def test_a_write_once_secret_is_removed_only_when_told_twice(observation: Observation) -> None:
    once = replace(GENERATED, state=State.ABSENT)
    assert "allow_loss" in decide(observation, once, PLACE).reason
    assert decide(observation, replace(once, allow_loss=True), PLACE).action is X
    assert decide(observation, replace(once, mode=Mode.VERSIONED), PLACE).action is X


def test_absent_twice_is_unchanged() -> None:
    assert decide(NOTHING, replace(GENERATED, state=State.ABSENT), PLACE).action is K


def test_refusals_name_both_fingerprints_and_the_way_out() -> None:
    tampered = decide(CHANGED, GENERATED, PLACE).reason
    assert fingerprint(OLD) in tampered
    assert fingerprint(NEW) in tampered
    assert "Restore it" in tampered
    assert "forget it" in tampered
    other = decide(OURS, GIVEN_NEW, PLACE).reason
    assert fingerprint(OLD) in other
    assert fingerprint(NEW) in other
    assert "allow_loss" in other
    assert fingerprint(OLD) in decide(EMPTIED, GENERATED, PLACE).reason


def test_an_obstacle_refuses_even_removal() -> None:
    blocked = Observation(obstacle="is a symbolic link")
    wanted = replace(GENERATED, state=State.ABSENT, allow_loss=True)
    assert decide(blocked, wanted, PLACE).reason == "is a symbolic link"


def test_no_value_in_any_repr() -> None:
    assert OLD not in repr((OURS, GIVEN_OLD))
