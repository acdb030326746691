# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole proofs against a gateway in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.verdict import Check
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.client import Client
from ansible_collections.tollgate.llm.plugins.module_utils._proof import checks, proof
from ansible_collections.tollgate.llm.plugins.module_utils._proof.admin import Admin
from ansible_collections.tollgate.llm.plugins.module_utils._proof.chat import Chat, user_client
from ansible_collections.tollgate.llm.plugins.module_utils._proof.interruption import Interrupted, Interruption
from ansible_collections.tollgate.llm.plugins.module_utils._proof.keys import MARK
from ansible_collections.tollgate.llm.plugins.module_utils._proof.money import Prices
from ansible_collections.tollgate.llm.plugins.module_utils._proof.run import Run

URL = "http://gateway.test"
MASTER = "sk-master-of-the-test"
PRICES = Prices(Decimal("1.75e-7"), Decimal("7e-7"))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_POLL_SECONDS", 0.01)


@contextmanager
def made(gateway: Any, interruption: Interruption, prices: Prices = PRICES, wait: float = 5) -> Iterator[proof.Proof]:
    target = proof.Target("qwen-local", prices, batch_write_at=0.1, wait=wait)
    with Client(URL, MASTER) as client, user_client(URL, 5, True) as http:
        yield proof.Proof(Admin(client), Chat(http, "qwen-local"), target, interruption)


def proof_of(gateway: Any, prices: Prices = PRICES, wait: float = 5) -> tuple[list[Check], list[str]]:
    with made(gateway, Interruption(), prices, wait) as work:
        return work.checks(), work.warnings


def failed(found: list[Check]) -> dict[str, str]:
    return {check.name: check.detail for check in found if not check.ok}


def test_a_healthy_gateway_passes_all_checks_and_keeps_no_key(gateway: Any) -> None:
    found, warnings = proof_of(gateway)
    assert failed(found) == {}
    assert tuple(check.name for check in found) == checks.NAMES
    assert gateway.keys == {}
    assert warnings == []


def test_only_keys_are_written(gateway: Any) -> None:
    proof_of(gateway)
    assert gateway.writes() == ["/key/generate"] * 4 + ["/key/delete"]


def test_no_text_of_a_key_is_in_the_verdict(gateway: Any) -> None:
    texts: list[str] = [MASTER]
    gateway.on_request = lambda _path: texts.extend(key["key"] for key in gateway.keys.values())
    for fault in ({}, {"backend_status": 500}, {"checks_keys": False}, {"refuse_keys": True}):
        vars(gateway).update(fault)
        found, warnings = proof_of(gateway)
        shown = json.dumps([check.detail for check in found] + warnings)
        assert not [text for text in texts if text in shown]
    assert len(set(texts)) > 4


@pytest.mark.parametrize("status", [400, 422, 429])
def test_the_type_decides_about_a_stop_and_not_the_status(gateway: Any, status: int) -> None:
    gateway.budget_status = status
    assert failed(proof_of(gateway)[0]) == {}


def test_the_ledger_may_take_its_time(gateway: Any) -> None:
    gateway.lag = 6
    assert failed(proof_of(gateway)[0]) == {}


def test_rows_that_never_come_are_told_with_their_number(gateway: Any) -> None:
    gateway.lag = 10**9
    found = failed(proof_of(gateway, wait=0.5)[0])
    assert set(found) == {checks.LEDGER, checks.STREAM_IS_BILLED}
    assert "the high key: 1 calls were served but the ledger has 0 rows" in found[checks.LEDGER]


def test_a_model_without_a_price_is_named_as_the_reason(gateway: Any) -> None:
    gateway.price = 0
    found = failed(proof_of(gateway)[0])
    assert set(found) == {checks.LOW_IS_STOPPED, checks.LEDGER, checks.STREAM_IS_BILLED}
    assert "litellm_params" in found[checks.LEDGER]
    assert "none was stopped" in found[checks.LOW_IS_STOPPED]


def test_another_price_than_the_declared_one_is_told_with_both(gateway: Any) -> None:
    gateway.price = 0.5
    found = failed(proof_of(gateway)[0])
    assert "costs $0.0000083125" in found[checks.LEDGER]
    assert "it is $0.000016625" in found[checks.LEDGER]


def test_usage_that_was_guessed_in_a_stream_is_found_out(gateway: Any) -> None:
    gateway.stream_usage = False
    found = failed(proof_of(gateway)[0])
    assert set(found) == {checks.STREAM_IS_BILLED}
    assert "31 tokens without streaming and 15 with it" in found[checks.STREAM_IS_BILLED]


def test_a_backend_that_is_down_fails_what_depends_on_it_and_nothing_else(gateway: Any) -> None:
    gateway.backend_status = 500
    found = failed(proof_of(gateway)[0])
    assert set(found) == {checks.HIGH_COMPLETES, checks.LOW_IS_STOPPED, checks.LEDGER, checks.STREAM_IS_BILLED}
    assert "Look at the model's backend" in found[checks.HIGH_COMPLETES]
    assert gateway.keys == {}


def test_answers_with_one_id_are_found_by_their_missing_rows(gateway: Any) -> None:
    gateway.same_ids = True
    found = failed(proof_of(gateway, wait=0.5)[0])
    assert "an id of its own" in found[checks.LEDGER]


def test_a_budget_that_stops_nobody_is_given_up_soon(gateway: Any) -> None:
    gateway.budgets = False
    found = failed(proof_of(gateway)[0])
    assert set(found) == {checks.LOW_IS_STOPPED}
    assert len([path for _method, path in gateway.requests if "completions" in path]) < 15


def test_a_made_up_key_that_is_served_is_the_worst_case(gateway: Any) -> None:
    gateway.checks_keys = False
    assert "anybody can use this gateway" in failed(proof_of(gateway)[0])[checks.UNKNOWN_KEY_REFUSED]


def test_lists_of_models_that_bind_nobody_are_told(gateway: Any) -> None:
    gateway.checks_models = False
    assert set(failed(proof_of(gateway)[0])) == {checks.MODEL_NOT_GIVEN_REFUSED}


def test_a_lost_database_is_told_first(gateway: Any) -> None:
    gateway.database = "disconnected"
    assert "database disconnected" in failed(proof_of(gateway)[0])[checks.READY]


def test_a_page_of_something_else_is_no_gateway(gateway: Any) -> None:
    gateway.page = "<html>sign in</html>"
    found = failed(proof_of(gateway)[0])
    assert set(found) == set(checks.NAMES)
    assert "sign in" in found[checks.READY]
    assert gateway.writes() == []


def test_without_keys_the_rest_says_why_it_was_not_tried(gateway: Any) -> None:
    gateway.refuse_keys = True
    found, warnings = proof_of(gateway)
    passed = [check.name for check in found if check.ok]
    assert passed == [checks.READY, checks.UNKNOWN_KEY_REFUSED]
    assert "custom keys are disabled" in failed(found)[checks.LEDGER]
    assert warnings == []


def test_a_free_model_is_no_subject_for_a_proof(gateway: Any) -> None:
    gateway.price = 0
    found = failed(proof_of(gateway, Prices(Decimal(0), Decimal(0)))[0])
    assert "no budget can ever stop a key" in found[checks.LOW_IS_STOPPED]


def test_keys_are_deleted_although_the_first_tries_fail(gateway: Any) -> None:
    gateway.delete_failures = 3
    assert proof_of(gateway)[1] == []
    assert gateway.keys == {}


def test_keys_that_can_not_be_deleted_are_told(gateway: Any) -> None:
    gateway.delete_failures = 99
    assert "expire within 15 minutes" in proof_of(gateway)[1][0]


def test_leftovers_of_a_killed_proof_are_removed_and_foreign_keys_stay(gateway: Any) -> None:
    gone = Run("dead", Run.here().place, 2**22 + 1, "1")
    alive = Run.here()
    gateway.keys = {
        "a": {"token": "a", "key_alias": "tollgate-proof-dead-low", "metadata": {MARK: gone.mark()}},
        "b": {"token": "b", "key_alias": "tollgate-proof-other-low", "metadata": {MARK: alive.mark()}},
        "c": {"token": "c", "key_alias": "tollgate-proof-of-somebody", "metadata": {}},
        "d": {"token": "d", "key_alias": "team-a", "metadata": {MARK: gone.mark()}},
    }
    for key in gateway.keys.values():
        key["expires"] = "2999-01-01T00:00:00Z"
    proof_of(gateway)
    assert set(gateway.keys) == {"b", "c", "d"}


@pytest.mark.parametrize("path", ["/health/liveliness", "/key/generate", "/v1/chat/completions", "/spend/logs/v2"])
def test_an_interrupted_proof_keeps_no_key(gateway: Any, path: str) -> None:
    interruption = Interruption()
    gateway.on_request = lambda asked: interruption.tell(15) if asked == path else None
    with made(gateway, interruption) as work, pytest.raises(Interrupted, match="SIGTERM"):
        work.checks()
    assert gateway.keys == {}
    assert work.warnings == []
