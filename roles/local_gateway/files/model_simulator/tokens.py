# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting tokens by a rule that a test can apply by hand.

A token is four characters: a text has ceil(characters / 4) tokens. A chat prompt has four more tokens for each
message and two for the beginning of the answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

CHARACTERS = 4
PER_MESSAGE = 4
PER_ANSWER = 2
VOCABULARY = 151_936


def pieces(text: str) -> list[str]:
    """The text, token by token."""
    return [text[start : start + CHARACTERS] for start in range(0, len(text), CHARACTERS)]


def count(text: str) -> int:
    """Tokens of a text."""
    return -(-len(text) // CHARACTERS)


def count_chat(contents: Iterable[str]) -> int:
    """Tokens of a chat prompt with these messages."""
    return PER_ANSWER + sum(PER_MESSAGE + count(content) for content in contents)


def identifiers(text: str) -> list[int]:
    """A number for each token, the same for the same four characters."""
    return [zlib.crc32(piece.encode()) % VOCABULARY for piece in pieces(text)]
