# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each long step: the time so far, what, how long it took, and of how many."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

SHOWN_LINES = 15


class Progress:
    """Prints steps; several threads may use one."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._expected = self._done = 0
        self.seconds: dict[str, float] = {}  # of each finished step
        self._started = time.monotonic()
        self._alone = threading.Lock()

    def expect(self, count: int) -> None:
        """The next COUNT steps belong together and say how many are left."""
        with self._alone:
            self._expected, self._done = count, 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Say that a step begins, and how it ended."""
        began = time.monotonic()
        self.note(f"{title} ...")
        try:
            yield
        except BaseException:
            self.note(f"{title}: failed after {time.monotonic() - began:.0f} s")
            raise
        with self._alone:
            self.seconds[title] = time.monotonic() - began
            self._done += 1
            of = f" ({self._done} of {self._expected})" if self._done <= self._expected else ""
        self.note(f"{title}: {self.seconds[title]:.0f} s{of}")

    def note(self, text: str) -> None:
        """One line with the time since the start."""
        with self._alone:
            print(f"[{time.monotonic() - self._started:4.0f} s] {text}", file=self.stream, flush=True)


def last_lines(log: Path, count: int = SHOWN_LINES) -> str:
    """The end of a log, without empty lines."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 64 * 1024))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line[:400] for line in lines if line.strip()][-count:])
