# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection through a port-forward: bytes here, frames of two channels there. One thread, and no polling."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time

from .frames import BINARY, CLOSE, CONTINUED, PING, PONG, Broken, Frames, frame

DATA, ERROR = 0, 1  # the channels of the first forwarded port
PORT = 2  # bytes: each channel begins with the port's number
CHUNK = 64 * 1024
FULL = 512 * 1024  # bytes that wait for one side until the other one is not read any more
LINGER = 60.0  # seconds without a byte from the pod, for who has said all and still listens
GONE = select.POLLERR | select.POLLHUP
NOT_NOW = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class Tunnel:
    """Pumps both ways until one side ends.

    The protocol (C(v4.channel.k8s.io)) can't say that one direction is over. So the end of what is sent here leaves
    the way back open until the pod closes, or says nothing for C(LINGER) seconds.
    C(ended) becomes readable when everything has to end.
    """

    def __init__(self, local: socket.socket, remote: socket.socket, ended: socket.socket) -> None:
        self._local, self._remote, self._ended = local, remote, ended
        self._to_local, self._to_remote = bytearray(), bytearray()
        self._frames = Frames()
        self._begun: set[int] = set()
        self._channel = DATA
        self._speaking = True  # the local side may still send
        self._open = True  # the remote side may still send
        self._heard = time.monotonic()
        self.complaint = ""

    def run(self) -> str:
        """Pump. Returns what the cluster complained of, most often nothing."""
        for each in (self._local, self._remote):
            each.setblocking(False)
        with contextlib.suppress(OSError):  # a reset by either side is an end like any other
            while self._step():
                pass
        with contextlib.suppress(OSError):
            self._remote.send(frame(CLOSE, b""))
        return self.complaint.strip()

    def _step(self) -> bool:
        """Wait, and move what can be moved. Returns whether there is more to come."""
        if not self._open and not self._to_local:
            return False
        left = None if self._speaking else self._heard + LINGER - time.monotonic()
        if left is not None and left <= 0:
            return False
        here = self._interest(self._speaking and len(self._to_remote) < FULL, self._to_local)
        there = self._interest(self._open and len(self._to_local) < FULL, self._to_remote if self._open else b"")
        # TLS may hold bytes which the system has handed over already.
        waiting = bool(there & select.POLLIN and isinstance(self._remote, ssl.SSLSocket) and self._remote.pending())
        events = self._poll(here, there, 0 if waiting else left)
        if events.get(self._ended.fileno()):
            return False
        at_local, at_remote = events.get(self._local.fileno(), 0), events.get(self._remote.fileno(), 0)
        if waiting or at_remote & (select.POLLIN | GONE):
            self._from_remote()
        if at_remote & (select.POLLOUT | GONE):
            self._send_remote(at_remote)
        if at_local & GONE:
            return False
        if at_local & select.POLLOUT:
            self._send(self._local, self._to_local)
        if at_local & select.POLLIN:
            self._from_local()
        return True

    @staticmethod
    def _interest(read: bool, unsent: bytes | bytearray) -> int:
        return (select.POLLIN if read else 0) | (select.POLLOUT if unsent else 0)

    def _poll(self, here: int, there: int, seconds: float | None) -> dict[int, int]:
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        for each, interest in ((self._local, here), (self._remote, there)):
            if interest:  # one without would be reported again and again once it is gone
                poll.register(each, interest)
        return dict(poll.poll(None if seconds is None else seconds * 1000))

    def _from_local(self) -> None:
        try:
            read = self._local.recv(CHUNK)
        except NOT_NOW:
            return
        if read:
            self._to_remote += frame(BINARY, bytes((DATA,)) + read)
        else:
            self._speaking, self._heard = False, time.monotonic()

    def _from_remote(self) -> None:
        while self._open and len(self._to_local) < FULL:
            try:
                read = self._remote.recv(CHUNK)
            except NOT_NOW:
                return
            except OSError:
                read = b""  # what has come before is still to be handed on
            if not read:
                self._open = False
                return
            self._heard = time.monotonic()
            try:
                for kind, payload in self._frames.feed(read):
                    self._take(kind, payload)
            except Broken as error:
                self.complaint, self._open = str(error), False

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == CLOSE:
            self._open = False
        elif kind == PING:
            self._to_remote += frame(PONG, payload)
        elif kind in (BINARY, CONTINUED) and payload:
            if kind == BINARY:
                self._channel, payload = payload[0], payload[1:]
            if self._channel not in self._begun:
                self._begun.add(self._channel)
                payload = payload[PORT:]
            if self._channel == DATA:
                self._to_local += payload
            elif self._channel == ERROR and payload:
                self.complaint += payload.decode("utf-8", "replace")
                self._open = False

    def _send_remote(self, events: int) -> None:
        """What a closed side can't take any more is dropped; what it has said before is still handed on."""
        try:
            self._send(self._remote, self._to_remote)
        except OSError:
            events |= GONE
        if events & GONE:
            self._to_remote.clear()
            self._speaking, self._heard = False, time.monotonic()

    @staticmethod
    def _send(to: socket.socket, unsent: bytearray) -> None:
        while unsent:
            try:
                sent = to.send(bytes(unsent[:CHUNK]))
            except NOT_NOW:
                return
            del unsent[:sent]
