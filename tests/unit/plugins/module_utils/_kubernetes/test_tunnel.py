# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection of a port-forward: what goes in at one end comes out at the other, and each end of it is an end."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import tunnel
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.frames import (
    BINARY,
    CLOSE,
    CONTINUED,
    PING,
    PONG,
    Broken,
    Frames,
    frame,
)
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.tunnel import Tunnel

PATIENCE = 10.0


def unmasked(kind: int, payload: bytes, first: int = 0x80) -> bytes:
    """A frame as a server sends it."""
    length = len(payload)
    if length < 126:
        size = bytes((length,))
    elif length < 65536:
        size = b"\x7e" + length.to_bytes(2, "big")
    else:
        size = b"\x7f" + length.to_bytes(8, "big")
    return bytes((first | kind,)) + size + payload


def masked_payload(sent: bytes) -> tuple[int, bytes, bytes]:
    """The kind and payload of a client's first frame, and what follows it."""
    short = sent[1] & 0x7F
    more = {126: 2, 127: 8}.get(short, 0)
    length = int.from_bytes(sent[2 : 2 + more], "big") if more else short
    begin = 2 + more + 4
    if len(sent) < begin + length:
        raise ValueError("not all of it is here")
    mask = sent[begin - 4 : begin]
    payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(sent[begin : begin + length]))
    return sent[0] & 0x0F, payload, sent[begin + length :]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536, 200_001])
def test_frames_of_every_length_arrive(length: int) -> None:
    payload = os.urandom(length)
    assert masked_payload(frame(BINARY, payload)) == (BINARY, payload, b"")
    assert list(Frames().feed(unmasked(BINARY, payload))) == [(BINARY, payload)]


def test_frames_may_arrive_byte_by_byte_and_many_at_once() -> None:
    sent = unmasked(BINARY, b"x" * 300) + unmasked(PING, b"") + unmasked(BINARY, b"y")
    slowly = Frames()
    assert [found for byte in sent for found in slowly.feed(bytes((byte,)))] == list(Frames().feed(sent))
    assert len(list(Frames().feed(sent))) == 3


@pytest.mark.parametrize("sent", [frame(BINARY, b"masked"), b"\xc2\x01x", b"\x82\x7f" + b"\x7f" * 8])
def test_what_is_no_frame_is_refused(sent: bytes) -> None:
    with pytest.raises(Broken):
        list(Frames().feed(sent))


@dataclass
class Ends:
    """Both ends of a running tunnel: the program that connected, and the API server."""

    program: socket.socket
    server: socket.socket
    alarm: socket.socket
    thread: threading.Thread
    said: list[str] = field(default_factory=list)
    received: bytes = b""

    def server_sends(self, payload: bytes, channel: int = 0) -> None:
        self.server.sendall(unmasked(BINARY, bytes((channel,)) + payload))

    def server_receives(self, length: int) -> bytes:
        """That many bytes on the first channel."""
        data = b""
        while len(data) < length:
            kind, payload = self.server_takes()
            assert (kind, payload[0]) == (BINARY, 0)
            data += payload[1:]
        return data

    def server_takes(self) -> tuple[int, bytes]:
        while True:
            with contextlib.suppress(IndexError, ValueError):
                kind, payload, self.received = masked_payload(self.received)
                return kind, payload
            more = self.server.recv(65536)
            assert more, "the tunnel has ended"
            self.received += more

    def ended(self) -> str:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.said[0]


@pytest.fixture
def ends() -> Iterator[Ends]:
    program, local = socket.socketpair()
    server, remote = socket.socketpair()
    alarm, ended = socket.socketpair()
    for each in (program, server):
        each.settimeout(PATIENCE)
    said: list[str] = []

    def run() -> None:
        with local, remote:
            said.append(Tunnel(local, remote, ended).run())

    thread = threading.Thread(target=run, daemon=True)
    made = Ends(program, server, alarm, thread, said)
    thread.start()
    for channel in (0, 1):
        made.server_sends((8080).to_bytes(2, "little"), channel)
    yield made
    for each in (alarm, program, server):
        each.close()
    thread.join(PATIENCE)
    ended.close()
    assert not thread.is_alive()


def everything(of: socket.socket) -> bytes:
    """What comes until the end."""
    parts = []
    while part := of.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_it_carries_both_ways(ends: Ends) -> None:
    ends.program.sendall(b"question")
    assert ends.server_receives(8) == b"question"
    ends.server_sends(b"answer")
    assert ends.program.recv(100) == b"answer"


def test_a_large_answer_is_whole_although_the_pod_closes_before_it_was_read(ends: Ends) -> None:
    answer = os.urandom(5_000_000)

    def serve() -> None:
        for start in range(0, len(answer), 32768):
            ends.server_sends(answer[start : start + 32768])
        ends.server.sendall(unmasked(CLOSE, b"\x03\xe8"))
        ends.server.shutdown(socket.SHUT_RDWR)

    serving = threading.Thread(target=serve)
    serving.start()
    time.sleep(0.2)  # a slow reader is what this is about
    assert hashlib.sha256(everything(ends.program)).digest() == hashlib.sha256(answer).digest()
    serving.join()
    assert ends.ended() == ""


def test_both_sides_may_send_at_once_without_waiting_for_each_other(ends: Ends) -> None:
    body = os.urandom(3_000_000)

    def echo() -> None:
        left = len(body)
        while left:
            payload = ends.server_takes()[1][1:]
            left -= len(payload)
            ends.server_sends(payload)

    echoing = threading.Thread(target=echo)
    sending = threading.Thread(target=ends.program.sendall, args=(body,))
    echoing.start()
    sending.start()
    got = b""
    while len(got) < len(body):
        got += ends.program.recv(65536)
    echoing.join()
    sending.join()
    assert got == body


def test_who_has_said_all_still_hears_the_answer(ends: Ends) -> None:
    ends.program.sendall(b"question")
    ends.program.shutdown(socket.SHUT_WR)
    assert ends.server_receives(8) == b"question"
    ends.server_sends(b"late ")
    ends.server_sends(b"answer")
    ends.server.close()
    assert everything(ends.program) == b"late answer"


def test_who_has_said_all_and_hears_nothing_is_not_kept_for_ever(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "LINGER", 0.1)
    ends.program.close()
    assert ends.ended() == ""


def test_a_ping_is_answered(ends: Ends) -> None:
    ends.server.sendall(unmasked(PING, b"are you there"))
    assert ends.server_takes() == (PONG, b"are you there")


def test_a_message_in_pieces_stays_on_its_channel(ends: Ends) -> None:
    ends.server.sendall(unmasked(BINARY, b"\x00one ", first=0) + unmasked(CONTINUED, b"two"))
    got = b""
    while len(got) < 7:
        got += ends.program.recv(100)
    assert got == b"one two"


def test_a_complaint_of_the_cluster_is_heard_and_ends_it(ends: Ends) -> None:
    ends.server_sends(b"error forwarding port 8080: connection refused", channel=1)
    assert everything(ends.program) == b""
    assert ends.ended() == "error forwarding port 8080: connection refused"


def test_a_reset_is_an_end(ends: Ends) -> None:
    ends.server_sends(b"before")
    ends.server.close()
    assert everything(ends.program) == b"before"
    assert ends.ended() == ""


def test_the_alarm_ends_it(ends: Ends) -> None:
    ends.alarm.close()
    assert ends.ended() == ""


def test_it_rests_while_nothing_happens(ends: Ends) -> None:
    ends.program.sendall(b"question")
    assert ends.server_receives(8) == b"question"
    began = time.process_time()
    time.sleep(0.5)  # the time in which it must not work
    assert time.process_time() - began < 0.2
