# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the name service and what is made of its answers."""

from __future__ import annotations

import struct

import pytest
from tollgate_cluster import dns

ASKED = dns.question("kubernetes.default.svc.cluster.local", 7)
RECORD = struct.pack("!HHIH", 1, 1, 5, 4) + bytes([10, 96, 0, 1])


def answered(flags: int = 0x8580, answers: int = 1, record: bytes = b"\xc0\x0c" + RECORD, number: int = 7) -> bytes:
    return struct.pack("!6H", number, flags, 1, answers, 0, 0) + ASKED[12:] + record


def test_a_question_names_each_label_with_its_length() -> None:
    assert ASKED[12:].startswith(b"\x0akubernetes\x07default\x03svc")


def test_the_address_is_found() -> None:
    assert dns.answer(answered(), ASKED) == "10.96.0.1"


def test_the_address_is_found_behind_a_name_that_is_written_out() -> None:
    assert dns.answer(answered(record=ASKED[12:-4] + RECORD), ASKED) == "10.96.0.1"


@pytest.mark.parametrize(
    "packet",
    [
        answered(flags=0x8583),  # no such name
        answered(answers=0, record=b""),
        answered(number=8),  # somebody else's
        b"",
        answered()[:20],
    ],
)
def test_anything_else_is_no_address(packet: bytes) -> None:
    assert dns.answer(packet, ASKED) == ""


def test_nobody_there_is_no_address() -> None:
    assert dns.address("kubernetes.default", "127.0.0.1", 9) == ""
