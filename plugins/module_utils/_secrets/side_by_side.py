# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on many secrets at once, for stores that each answer over a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from .store import Outcome, StoreError
from .write_once import Wanted


def side_by_side(
    wanted: Sequence[Wanted], make_true: Callable[[Wanted], Outcome], workers: int, *, changed: bool = False
) -> Iterator[Outcome]:
    """When one fails, those that were not begun are left as they were. C(changed): something was written before."""
    errors: list[StoreError] = []

    def work(entry: Wanted) -> Outcome | None:
        try:
            return None if errors else make_true(entry)
        except StoreError as error:
            errors.append(error)
            return None

    with ThreadPoolExecutor(min(workers, len(wanted))) as pool:
        outcomes = list(pool.map(work, wanted))
    yield from (outcome for outcome in outcomes if outcome is not None)
    if errors:
        raise StoreError("\n".join(map(str, errors)), changed=changed or any(error.changed for error in errors))
