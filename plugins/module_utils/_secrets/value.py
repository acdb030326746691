# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a secret's value is made, and which values are accepted."""

from __future__ import annotations

import math
import re
import secrets
import string
from dataclasses import dataclass

FORMATS = ("hex", "base64url", "alphanumeric")
ALPHABET = string.ascii_letters + string.digits
MINIMUM_BYTES = 16  # 128 bits
MAXIMUM_BYTES = 512
SHORTEST = 8  # Ansible masks a secret wherever its text occurs: a shorter one would star out ordinary words
LARGEST = 65536  # Google Secret Manager's limit for one payload, kept in every store so that a secret can move
PREFIX = re.compile(r"[A-Za-z0-9_.:/=+-]{0,64}")


@dataclass(frozen=True, slots=True)
class Generate:
    """A rule for new values: `bytes` of entropy, written in `format` after `prefix`."""

    format: str = "hex"
    bytes: int = 32
    prefix: str = ""

    def problems(self) -> list[str]:
        """Everything that is wrong with the rule, in words."""
        found = []
        if self.format not in FORMATS:
            found.append(f"generate.format is one of {', '.join(FORMATS)}, not {self.format!r}")
        if not MINIMUM_BYTES <= self.bytes <= MAXIMUM_BYTES:
            found.append(
                f"generate.bytes is {self.bytes}, but must lie between {MINIMUM_BYTES} (128 bits) and {MAXIMUM_BYTES}"
            )
        if not PREFIX.fullmatch(self.prefix):
            found.append("generate.prefix may have up to 64 letters, digits and characters of _.:/=+-")
        return found

    @property
    def length(self) -> int:
        """Characters of the value that `new` makes."""
        match self.format:
            case "hex":
                body = 2 * self.bytes
            case "base64url":
                body = math.ceil(self.bytes * 8 / 6)
            case _:
                body = math.ceil(self.bytes * 8 / math.log2(len(ALPHABET)))
        return len(self.prefix) + body

    def new(self) -> str:
        """A fresh value from the system's random source."""
        match self.format:
            case "hex":
                body = secrets.token_hex(self.bytes)
            case "base64url":
                body = secrets.token_urlsafe(self.bytes)
            case _:
                body = "".join(secrets.choice(ALPHABET) for _place in range(self.length - len(self.prefix)))
        return self.prefix + body

    def __str__(self) -> str:
        return f"{self.format}, {8 * self.bytes} bits"


def without_line_break(text: str) -> str:
    """A file's text without the one line break that editors add."""
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def problems(value: str) -> list[str]:
    """Why this given value is refused, without a piece of it; empty when it is fine."""
    if not value:
        return ["the value is empty"]
    if not value.strip():
        return ["the value consists of blanks only"]
    found = []
    if value != value.strip():
        found.append(
            "the value begins or ends with a blank or a line break: remove it, or it becomes part of the secret"
        )
    if "\0" in value:
        found.append("the value contains a NUL character")
    if len(value) < SHORTEST:
        found.append(f"the value has {len(value)} characters: at least {SHORTEST} are needed")
    if len(value.encode()) > LARGEST:
        found.append(f"the value has {len(value.encode())} bytes: at most {LARGEST} are possible")
    return found


def blemishes(value: str, generate: Generate | None) -> list[str]:
    """What is odd about a value that is adopted as it is: reported, never corrected."""
    found = [] if value == value.strip() else ["begins or ends with a blank or a line break, which is part of it"]
    if len(value) < SHORTEST:
        found.append(f"has only {len(value)} characters")
    if generate is not None and not value.startswith(generate.prefix):
        found.append(f"does not begin with {generate.prefix!r}")
    return found
