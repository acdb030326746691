# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the cluster's name service for an address, through its Service (RFC 1035)."""

from __future__ import annotations

import secrets
import socket
import struct

from .addresses import DNS_SERVICE

TIMEOUT = 1  # second
A, INTERNET = 1, 1


def question(name: str, number: int) -> bytes:
    """The packet that asks for the IPv4 address of NAME."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.rstrip(".").split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", A, INTERNET)


def answer(packet: bytes, asked: bytes) -> str:
    """The first address in an answer; empty when there is none, or it belongs to another question."""
    if len(packet) < len(asked) or packet[:2] != asked[:2] or packet[12 : len(asked)] != asked[12:]:
        return ""
    flags, _questions, answers = struct.unpack("!3H", packet[2:8])
    if flags & 0x000F or not answers:
        return ""
    # The name that is answered is repeated, mostly as a two-byte reference to the question.
    name = 2 if packet[len(asked)] >= 0xC0 else len(asked) - 16
    kind, _class, _seconds, length = struct.unpack("!HHIH", packet[len(asked) + name :][:10])
    address = packet[len(asked) + name + 10 :][:length]
    return socket.inet_ntoa(address) if kind == A and length == 4 else ""


def address(name: str, server: str = str(DNS_SERVICE), port: int = 53) -> str:
    """The address of NAME; empty when there is none or nobody answers."""
    asked = question(name, secrets.randbelow(1 << 16))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect((server, port))
            connection.send(asked)
            return answer(connection.recv(4096), asked)
    except OSError:
        return ""
