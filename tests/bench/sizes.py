# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of keys, and how often each side is measured. The sides take turns; the figures are medians."""

    many: int
    few: int
    changed: int
    ways: int
    curve: tuple[int, ...]
    rounds: int
    slow: int  # rounds of what takes longer
    turns: int  # and of what takes longest


FULL = Sizes(many=1000, few=10, changed=10, ways=100, curve=(100, 300, 1000, 3000, 10000), rounds=5, slow=3, turns=2)
# Nearly the same sizes, each measured fewer times: a third of the time, and less to be sure of.
BRIEF = Sizes(many=1000, few=10, changed=10, ways=30, curve=(100, 300, 1000, 3000, 10000), rounds=3, slow=2, turns=1)
# Runs each line of the bench, and says nothing about speed.
SMOKE = Sizes(many=12, few=3, changed=2, ways=2, curve=(12, 105), rounds=1, slow=1, turns=1)
