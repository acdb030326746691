# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a web socket (RFC 6455), as far as port forwarding needs them: whole or in pieces, never compressed."""

from __future__ import annotations

import os
from collections.abc import Iterator

CONTINUED, BINARY, CLOSE, PING, PONG = 0x0, 0x2, 0x8, 0x9, 0xA
MEDIUM, LONG = 126, 127  # lengths that say how many bytes the real one has
LARGEST = 16 * 1024 * 1024  # the API server sends 32 KiB at a time


class Broken(Exception):
    """What came is no web socket's."""


def frame(kind: int, payload: bytes) -> bytes:
    """A whole masked frame, as clients send it."""
    length = len(payload)
    if length < MEDIUM:
        head = bytes((0x80 | kind, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((0x80 | kind, 0x80 | MEDIUM)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 0x80 | LONG)) + length.to_bytes(8, "big")
    mask = os.urandom(4)
    # One operation on two large numbers is far faster than one on each byte.
    long_mask = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ long_mask).to_bytes(length, "big")


class Frames:
    """Takes bytes as they come, and gives frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        """The kind and payload of each frame that is complete now. Raises Broken."""
        self._rest += received
        while (size := self._size()) is not None:
            start, end = size
            if len(self._rest) < end:
                return
            kind, payload = self._rest[0] & 0x0F, bytes(self._rest[start:end])
            del self._rest[:end]
            yield kind, payload

    def _size(self) -> tuple[int, int] | None:
        """Where the first frame's payload begins and ends; None while that can't be told."""
        rest = self._rest
        if len(rest) < 2:  # noqa: PLR2004 (the shortest head)
            return None
        if rest[1] & 0x80 or rest[0] & 0x70:
            raise Broken("the API server's frames are masked or compressed")
        short = rest[1]
        start = 2 + {MEDIUM: 2, LONG: 8}.get(short, 0)
        if len(rest) < start:
            return None
        length = int.from_bytes(rest[2:start], "big") if start > 2 else short  # noqa: PLR2004 (the shortest head)
        if length > LARGEST:
            raise Broken(f"a frame of {length} bytes")
        return start, start + length
