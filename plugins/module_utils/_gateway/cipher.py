# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM's encryption of values in its database (litellm/proxy/common_utils/encrypt_decrypt_utils.py).

The key is the SHA-256 of the salt key, or of the master key where no salt is set. The cipher is a secretbox, or
AES-256-GCM where C(general_settings.encryption_algorithm) says so. Both prove that the key is the right one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import traceback

try:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox
except ImportError:
    NACL_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    NACL_IMPORT_ERROR = None

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None

MARK = "litellm_enc::"  # before values in documents that hold plain ones too (guardrails, callbacks)
AES = "v2:gcm:"
AES_NONCE = 12
# A nonce of 24 bytes, a MAC of 16, a character: in base64 at least this many characters.
SHORTEST = 56
BASE64 = re.compile(r"[A-Za-z0-9_-]+={0,2}|[A-Za-z0-9+/]+={0,2}")


def seal(text: str, salt: str) -> str:
    """A value as LiteLLM stores it by default."""
    return base64.urlsafe_b64encode(SecretBox(_key(salt)).encrypt(text.encode())).decode()


def opens(stored: str, salt: str) -> bool:
    """Whether a stored value was encrypted with this salt."""
    value = stored.removeprefix(MARK)
    try:
        if value.startswith(AES):
            sealed = base64.urlsafe_b64decode(value.removeprefix(AES))
            AESGCM(_key(salt)).decrypt(sealed[:AES_NONCE], sealed[AES_NONCE:], None)
        else:
            SecretBox(_key(salt)).decrypt(_bytes(value))
    except (CryptoError, InvalidTag, ValueError, binascii.Error):
        return False
    return True


def is_marked(stored: str) -> bool:
    """Whether a value says by itself that it is encrypted."""
    return stored.startswith((MARK, AES))


def looks_sealed(stored: str) -> bool:
    """Whether a value without a mark is a secretbox: long enough, and base64 of random bytes.

    Digests and tokens in hexadecimal digits have letters of one case. Of 56 random characters one in 10^11 has.
    Documents and passwords that somebody wrote in base64 are text behind it, which random bytes are as seldom. A key
    of random bytes stays what can't be told apart: LiteLLM takes whatever does not decrypt for plain text.
    """
    return (
        len(stored) >= SHORTEST
        and len(stored) % 4 == 0
        and bool(BASE64.fullmatch(stored))
        and stored != stored.lower()
        and stored != stored.upper()
        and not _is_text(_bytes(stored))
    )


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _key(salt: str) -> bytes:
    return hashlib.sha256(salt.encode()).digest()


def _bytes(value: str) -> bytes:
    # Early versions wrote the other alphabet, and LiteLLM still reads it.
    return base64.b64decode(value) if "+" in value or "/" in value else base64.urlsafe_b64decode(value)
