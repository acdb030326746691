# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM's encryption, and which strings of its database are taken for encrypted ones."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from secrets import token_hex

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import cipher
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.encrypted_values import Holds, encrypted
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALT = "00112233445566778899aabbccddeeff" * 2
SEALED = cipher.seal("sk-provider", SALT)


def aes(value: str, salt: str) -> str:
    nonce = os.urandom(12)
    sealed = AESGCM(hashlib.sha256(salt.encode()).digest()).encrypt(nonce, value.encode(), None)
    return "v2:gcm:" + base64.urlsafe_b64encode(nonce + sealed).decode()


OLD = base64.b64encode(base64.urlsafe_b64decode(SEALED)).decode()


@pytest.mark.parametrize(
    "stored", [SEALED, OLD, aes("sk", SALT), f"litellm_enc::{SEALED}", f"litellm_enc::{aes('', SALT)}"]
)
def test_a_value_is_opened_by_its_salt_and_no_other(stored: str) -> None:
    assert cipher.opens(stored, SALT)
    for other in (SALT[::-1], "", SALT + "\n"):
        assert not cipher.opens(stored, other)


@pytest.mark.parametrize(
    "stored", ["", "plain text", "sk-short", "v2:gcm:", "v2:gcm:AAAA", "litellm_enc::", "é", "===="]
)
def test_what_is_no_ciphertext_is_opened_by_none(stored: str) -> None:
    assert not cipher.opens(stored, SALT)


def test_a_sealed_value_is_told_from_names_addresses_and_digests() -> None:
    assert all(cipher.looks_sealed(cipher.seal("x", token_hex(32))) for _round in range(200))
    plain = [
        "gpt-4o",
        "https://models.example/v1",
        hashlib.sha256(b"").hexdigest(),
        "a" * 64,
        "Bearer " + "aB1" * 30,
        base64.b64encode(b'{"type": "service_account", "project_id": "somewhere"}').decode(),
        base64.urlsafe_b64encode("gateway:ein-langes-Kennwort-für-einen-anderen-Dienst".encode()).decode(),
        "",
    ]
    assert not [text for text in plain if cipher.looks_sealed(text)]


DEEP = {"a": "x", "b": {"c": ["y", {"d": "litellm_enc::z"}]}, "n": 1, "none": None}


@pytest.mark.parametrize(
    ("holds", "stored", "found"),
    [
        (Holds.TEXT, "abc", ["abc"]),
        (Holds.FIELDS, json.dumps(DEEP), ["x"]),
        (Holds.FIELDS, json.dumps(json.dumps(DEEP)), ["x"]),
        (Holds.STRINGS, json.dumps(DEEP), ["x", "y", "litellm_enc::z"]),
        (Holds.MARKED, json.dumps(DEEP), ["litellm_enc::z"]),
        (Holds.WHOLE, json.dumps("abc"), ["abc"]),
        (Holds.WHOLE, json.dumps({"X-Key": "plain"}), []),
        (Holds.FIELDS, "[]", []),
        (Holds.FIELDS, "no json", []),
        (Holds.STRINGS, "null", []),
    ],
)
def test_the_strings_of_a_column_that_may_be_encrypted(holds: Holds, stored: str, found: list[str]) -> None:
    assert encrypted(holds, stored) == found
