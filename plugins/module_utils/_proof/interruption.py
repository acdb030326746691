# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signal ends a proof at its next step and not in the middle of one, so that no key is made behind its back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(Exception):
    """Somebody ended the proof."""


class Interruption:
    """Whether the proof was told to end; its waits end with it."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self.name = ""

    def __bool__(self) -> bool:
        return self._told.is_set()

    def check(self) -> None:
        """Raise Interrupted when the proof was told to end."""
        if self._told.is_set():
            raise Interrupted(f"the proof was interrupted by {self.name}")

    def wait(self, seconds: float) -> None:
        """Wait, unless or until the proof is told to end: then raise Interrupted."""
        self._told.wait(seconds)
        self.check()

    def tell(self, number: int, _frame: FrameType | None = None) -> None:
        """The signal handler."""
        self.name = signal.Signals(number).name
        self._told.set()


@contextmanager
def on_signals() -> Iterator[Interruption]:
    """An interruption that the usual signals tell; the former handlers return afterwards."""
    interruption = Interruption()
    former = {number: signal.signal(number, interruption.tell) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
