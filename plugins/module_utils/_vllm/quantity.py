# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes' way of writing amounts."""

from __future__ import annotations

import re
from fractions import Fraction

SUFFIXES = {
    "": Fraction(1),
    "m": Fraction(1, 1000),
    "k": Fraction(10**3),
    **{letter: Fraction(1000 ** (power + 2)) for power, letter in enumerate("MGTPE")},
    **{f"{letter}i": Fraction(1024 ** (power + 1)) for power, letter in enumerate("KMGTPE")},
}
FORM = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([A-Za-z]*)")


def amount(text: str) -> Fraction:
    """Cores or bytes. Raises ValueError for what is none."""
    found = FORM.fullmatch(str(text).strip())
    if not found or found[2] not in SUFFIXES:
        raise ValueError(f"{text!r} is not an amount such as 500m, 4 or 16Gi")
    return Fraction(found[1]) * SUFFIXES[found[2]]
