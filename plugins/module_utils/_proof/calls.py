# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that are made at the same time, and calls that must follow each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal

from .answer import Answer
from .interruption import Interruption
from .money import Prices

# LiteLLM counts a call just after its answer was sent: so many calls may still pass once the budget is used up.
GRACE_CALLS = 3
MOST_CALLS = 40

_GLANCE_SECONDS = 0.05


def together(interruption: Interruption, until: float, *lanes: Callable[[], object]) -> None:
    """Run all lanes at once. Return when they are done, or at C(until) (monotonic seconds) without those that are not.

    Raises Interrupted. The lanes' threads never keep the process alive.
    """
    threads = [threading.Thread(target=lane, daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
        interruption.wait(_GLANCE_SECONDS)
    interruption.check()


def until_refused(call: Callable[[], Answer], budget: Decimal, prices: Prices, answers: list[Answer]) -> None:
    """Call one after another until one is not served, or until it is clear that the budget stops nobody.

    C(answers) is filled while it goes on, so that what was seen is there if the time ends.
    """
    spent, beyond = Decimal(0), 0
    while beyond <= GRACE_CALLS and len(answers) < MOST_CALLS:
        answer = call()
        answers.append(answer)
        if not answer.served:
            return
        spent += prices.cost(answer.tokens) if answer.tokens else Decimal(0)
        beyond += spent >= budget or answer.tokens is None
