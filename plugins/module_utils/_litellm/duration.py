# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as LiteLLM reads them (litellm/litellm_core_utils/duration_parser.py): 30s, 15m, 24h, 7d, 2w, 1mo."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
WORDS = {"hourly": "1h", "daily": "24h", "weekly": "7d", "monthly": "30d"}
FORM = re.compile(r"([1-9][0-9]*)(s|mo|m|h|d|w)")


def canonical(value: str) -> tuple[int, str]:
    """A duration's length: seconds, or calendar months, which have no fixed one. Raises ValueError."""
    match = FORM.fullmatch(WORDS.get(value, value))
    if not match:
        raise ValueError(
            f'"{value}" is no duration, which is a whole number of s, m, h, d, w or mo, such as 24h or 30d'
        )
    count, unit = int(match.group(1)), match.group(2)
    return (count, "months") if unit == "mo" else (count * SECONDS[unit], "seconds")
