# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A note of a value that may lie in public: it tells a changed value from an unchanged one, and little to who guesses.

A digest of a password would let anybody search for it at billions of guesses a second. This one takes 32 MiB and a
tenth of a second for each guess, with a salt of its own for each value; what was generated can't be guessed at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

NAME, SALT, SIZE = "scrypt", 16, 16
COST, BLOCK, PARALLEL = 15, 8, 1  # 2^15 rounds of 8 blocks of 128 bytes: 32 MiB
MEMORY = 1 << 27


def note(value: bytes) -> str:
    """A new note; each is different."""
    salt = os.urandom(SALT)
    return _shown(COST, salt, _digest(value, salt, COST))


def is_of(text: str, value: bytes) -> bool:
    """Whether a note is of this value. Raises ValueError when it is no note."""
    name, cost, salt, digest = (*text.split(":"), "", "", "", "")[:4]
    try:
        rounds, salted = int(cost), base64.b64decode(salt, validate=True)
        expected = base64.b64decode(digest, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(text) from error
    if name != NAME or not 1 <= rounds <= COST or len(salted) != SALT or len(expected) != SIZE:
        raise ValueError(text)
    return hmac.compare_digest(_digest(value, salted, rounds), expected)


def _digest(value: bytes, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(value, salt=salt, n=1 << cost, r=BLOCK, p=PARALLEL, maxmem=MEMORY, dklen=SIZE)


def _shown(cost: int, salt: bytes, digest: bytes) -> str:
    return ":".join((NAME, str(cost), base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))
