# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The salt guard's judgement, and LiteLLM's own encryption read by ours."""

from __future__ import annotations

import base64
import hashlib

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import salt
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from nacl.secret import SecretBox

SALT = "00112233445566778899aabbccddeeff" * 2


def encrypted(value: str, key: str) -> str:
    """As litellm/proxy/common_utils/encrypt_decrypt_utils.py writes it."""
    box = SecretBox(hashlib.sha256(key.encode()).digest())
    return base64.urlsafe_b64encode(box.encrypt(value.encode())).decode()


def test_a_value_is_read_with_its_salt_and_no_other() -> None:
    stored = encrypted("sk-provider", SALT)
    assert salt.decrypts(stored, SALT)
    assert not salt.decrypts(stored, SALT[::-1])
    assert not salt.decrypts(stored, "")
    assert not salt.decrypts("plain text", SALT)


def test_the_first_run_writes_the_canary() -> None:
    assert salt.judge(salt.Finding(None, 0, 0), SALT, "file") is True


def test_a_database_that_decrypts_gets_its_canary() -> None:
    assert salt.judge(salt.Finding(None, 5, 0), SALT, "file") is True


def test_the_same_salt_passes() -> None:
    assert salt.judge(salt.Finding(salt.fingerprint(SALT), 5, 0), SALT, "file") is False


def test_another_salt_is_refused_with_both_fingerprints_and_the_way_back() -> None:
    other = SALT[::-1]
    with pytest.raises(GatewayError) as refused:
        salt.judge(salt.Finding(salt.fingerprint(SALT), 0, 3), other, "secrets/litellm-salt-key")
    text = str(refused.value)
    assert salt.fingerprint(SALT) in text
    assert salt.fingerprint(other) in text
    assert "Restore the former content of secrets/litellm-salt-key" in text
    assert SALT not in text
    assert other not in text


def test_rows_that_nobody_can_read_are_refused_without_a_canary_too() -> None:
    with pytest.raises(GatewayError, match="3 encrypted values"):
        salt.judge(salt.Finding(None, 0, 3), SALT, "file")
