# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many calls are made, and for how long they are waited for."""

from __future__ import annotations

import threading
import time
from decimal import Decimal

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._proof.answer import Answer
from ansible_collections.tollgate.llm.plugins.module_utils._proof.calls import MOST_CALLS, together, until_refused
from ansible_collections.tollgate.llm.plugins.module_utils._proof.interruption import Interrupted, Interruption
from ansible_collections.tollgate.llm.plugins.module_utils._proof.money import Prices, Tokens

PRICES = Prices(Decimal(1), Decimal(1))
SERVED = Answer(200, content="x", tokens=Tokens(1, 1))


@pytest.mark.parametrize(
    ("answer", "budget", "calls"),
    [
        (SERVED, "5", 6),  # used up by the third call, then three of grace
        (SERVED, "1000", MOST_CALLS),
        (Answer(200, content="x"), "1000", 4),  # without usage the budget never fills
        (Answer(422, "budget_exceeded"), "5", 1),
        (Answer(500, "internal_server_error"), "5", 1),
        (Answer(0, message="refused"), "5", 1),
    ],
)
def test_the_calls_are_bounded(answer: Answer, budget: str, calls: int) -> None:
    answers: list[Answer] = []
    until_refused(lambda: answer, Decimal(budget), PRICES, answers)
    assert len(answers) == calls


def test_lanes_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=5)
    together(Interruption(), time.monotonic() + 5, barrier.wait, barrier.wait, barrier.wait)
    assert not barrier.broken


def test_a_lane_that_hangs_is_left_behind() -> None:
    hang = threading.Event()
    began = time.monotonic()
    together(Interruption(), began + 0.2, lambda: None, lambda: hang.wait(30))
    assert time.monotonic() - began < 2
    hang.set()


def test_an_interruption_ends_the_wait() -> None:
    interruption, hang = Interruption(), threading.Event()
    threading.Timer(0.1, interruption.tell, (15,)).start()
    with pytest.raises(Interrupted, match="SIGTERM"):
        together(interruption, time.monotonic() + 30, lambda: hang.wait(30))
    hang.set()
