# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of variables: a misspelt one would be ignored in silence by Ansible."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

PREFIX = "gateway_"


def unknown(given: Iterable[str], known: Collection[str], prefix: str = PREFIX) -> list[str]:
    """A sentence for each variable with this prefix that nothing reads."""
    problems = []
    for name in sorted(given):
        if name.startswith(prefix) and name not in known:
            # The common prefix would make everything look alike.
            names = [other.removeprefix(prefix) for other in known]
            near = get_close_matches(name.removeprefix(prefix), names, n=1, cutoff=0.6)
            hint = f'did you mean "{prefix}{near[0]}"?' if near else "nothing reads it."
            problems.append(f'unknown variable "{name}": {hint}')
    return problems
