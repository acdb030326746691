# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run killed in the middle, from nothing, at a moment that a fixed seed chooses."""

from __future__ import annotations

import random

from gateway import place
from killed import LONGEST, survive

SEED = 20


def test_a_killed_run_is_cured_by_the_next_one() -> None:
    """The same keys, no duplicates, no process left. A second gateway runs beside the one under test meanwhile."""
    moment = random.Random(SEED).uniform(0.5, LONGEST)  # noqa: S311 (a moment, no secret)
    with place("killed") as where:
        assert survive(where, moment) == []
        where.play("tollgate.llm.teardown", "-e", "gateway_remove=killed")
