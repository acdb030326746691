# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The salt guard's judgement: the store, what was delivered, the canary and the rows."""

from __future__ import annotations

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import cipher, salt
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.canary import Canary
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.encrypted_values import COLUMNS, Value
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint

SALT = "00112233445566778899aabbccddeeff" * 2
OTHER = SALT[::-1]
MASTER = "sk-master-key-of-the-test"
STORE = salt.Key(SALT, "secrets/litellm-salt-key")
PLACES = {salt.STORE: "secrets/litellm-salt-key", salt.DELIVERED: "Secret litellm/salt", salt.MASTER: "the master key"}


def finding(canary: str | None = None, rows: str = "", **texts: str) -> salt.Finding:
    """ROWS: for each a letter, the key that opens it (s, d, m), or - for none."""
    names = {"s": salt.STORE, "d": salt.DELIVERED, "m": salt.MASTER}
    values = [
        Value(COLUMNS[0], f"row-{number}", frozenset({names[row]} if row in names else set()))
        for number, row in enumerate(rows)
    ]
    keys = {name: salt.Key(text, PLACES[name]) for name, text in texts.items()}
    return salt.Finding(keys, Canary(cipher.seal("x", canary), fingerprint(canary)) if canary else None, values)


def refused(found: salt.Finding) -> str:
    with pytest.raises(GatewayError) as caught:
        salt.judge(found)
    text = str(caught.value)
    assert not [secret for secret in (SALT, OTHER, MASTER) if secret in text]
    return text


def test_the_canary_is_written_into_an_empty_database_or_one_that_decrypts_and_only_once() -> None:
    assert salt.judge(finding(store=SALT)) == salt.Verdict(write=True)
    assert salt.judge(finding(store=SALT, rows="sss")) == salt.Verdict(write=True)
    assert salt.judge(finding(store=SALT, canary=SALT)) == salt.Verdict(write=False)
    assert salt.judge(finding(store=SALT, canary=SALT, rows="ss", delivered=SALT)) == salt.Verdict(write=False)


def test_another_salt_is_refused_with_both_fingerprints_and_the_way_back() -> None:
    text = refused(finding(store=OTHER, canary=SALT, rows="--"))
    assert fingerprint(SALT) in text
    assert fingerprint(OTHER) in text
    assert "Restore the former content of secrets/litellm-salt-key from a backup" in text


def test_a_fingerprint_alone_makes_no_canary_agree() -> None:
    lying = salt.Finding({salt.STORE: STORE}, Canary(cipher.seal("x", OTHER), STORE.fingerprint), ())
    assert "is not the database's" in refused(lying)


def test_rows_that_nobody_can_read_are_refused_without_a_canary_too() -> None:
    text = refused(finding(store=SALT, rows="---"))
    assert "3 of its values were encrypted with another one" in text
    assert 'LiteLLM_ProxyModelTable.litellm_params where model_id is "row-0"' in text


def test_rows_of_two_salts_stop_a_database_without_a_canary_and_are_named_beside_one() -> None:
    text = refused(finding(store=SALT, rows="ss-"))
    assert "opens 2 encrypted values of the database, and 1 not" in text
    assert "row-2" in text
    assert "row-0" not in text
    verdict = salt.judge(finding(store=SALT, canary=SALT, rows="ss-"))
    assert [value.row for value in verdict.lost] == ["row-2"]
    assert not verdict.write


def test_tables_of_another_gateway_beside_this_canary_are_refused() -> None:
    assert "Those tables came from another gateway" in refused(finding(store=SALT, canary=SALT, rows="--"))


def test_a_canary_of_another_database_beside_rows_that_decrypt_is_named_as_what_is_wrong() -> None:
    text = refused(finding(store=SALT, canary=OTHER, rows="sss"))
    assert "that canary came from another database" in text
    assert text.endswith("Remove it: DROP TABLE tollgate.canary;")


def test_a_delivered_salt_that_differs_is_refused_and_the_database_says_which_is_right() -> None:
    text = refused(finding(store=SALT, delivered=OTHER, canary=SALT))
    assert "Remove Secret litellm/salt, and let the wave secrets deliver it again" in text
    text = refused(finding(store=OTHER, delivered=SALT, canary=SALT))
    assert f"Secret litellm/salt ({fingerprint(SALT)}) is the database's." in text
    assert "Put that value into secrets/litellm-salt-key" in text
    text = refused(finding(store=SALT, delivered=SALT + "\n"))
    assert "the proxy would be given Secret litellm/salt" in text


def test_a_database_filled_without_a_salt_is_told_as_such_when_the_store_has_another() -> None:
    text = refused(finding(store=SALT, master=MASTER, rows="mm"))
    assert f"the master key ({fingerprint(MASTER)}) is the database's. That database was filled without a salt." in text


def test_the_master_key_is_adopted_when_it_opens_everything() -> None:
    found = finding(master=MASTER, rows="mm")
    assert salt.adopted(found, "store") == found.keys[salt.MASTER]
    assert salt.adopted(finding(master=MASTER, canary=MASTER), "store") == found.keys[salt.MASTER]


def test_nothing_is_adopted_for_a_database_without_encrypted_values() -> None:
    assert salt.adopted(finding(master=MASTER), "store") is None


@pytest.mark.parametrize("found", [finding(master=MASTER, rows="m-"), finding(rows="--"), finding(canary=SALT)])
def test_no_new_salt_is_made_for_a_database_whose_salt_is_lost(found: salt.Finding) -> None:
    with pytest.raises(GatewayError, match="A new one would lose all of that") as caught:
        salt.adopted(found, "the store")
    assert "Restore the store from a backup" in str(caught.value)


def test_a_lost_salt_that_was_delivered_is_found_there() -> None:
    with pytest.raises(GatewayError, match="is that salt: put its value into the store"):
        salt.adopted(finding(delivered=SALT, canary=SALT), "the store")
