# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs of a real gateway, healthy and with faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import misbehaving_backend as backend
import pytest
from proof_gateway import Gateway, result_of

WITHOUT_PRICE = "without-price"
FAULTS = (
    backend.GOOD,
    WITHOUT_PRICE,
    backend.STREAMS_WITHOUT_USAGE,
    backend.ALWAYS_THE_SAME_ID,
    backend.BROKEN,
    backend.SILENT,
)


@pytest.fixture(scope="module")
def before(gateway: Gateway) -> tuple[int, int, int]:
    """The keys, teams and users before any proof."""
    assert gateway.proof_keys() == set()
    totals: tuple[int, int, int] = gateway.totals()
    return totals


@pytest.fixture(scope="module")
def results(gateway: Gateway, models: Callable[..., str], before: Any) -> Iterator[dict[str, dict[str, Any]]]:
    """One proof for each fault, all at the same time."""
    names = {fault: models(backend.GOOD, priced=False) if fault == WITHOUT_PRICE else models(fault) for fault in FAULTS}
    proofs = {fault: gateway.start(name) for fault, name in names.items()}
    try:
        yield {fault: result_of(proof) for fault, proof in proofs.items()}
    finally:
        for proof in proofs.values():
            proof.kill()
            proof.wait()


def failed(result: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["detail"] for check in result["checks"] if not check["ok"]}


def test_a_healthy_gateway_passes_all_seven_checks(results: dict[str, dict[str, Any]]) -> None:
    result = results[backend.GOOD]
    assert failed(result) == {}
    assert len(result["checks"]) == 7
    assert (result["ok"], result["changed"], result["skipped_proof"]) == (True, False, False)


def test_a_model_without_a_price_is_named_as_the_reason(results: dict[str, dict[str, Any]]) -> None:
    faults = failed(results[WITHOUT_PRICE])
    assert set(faults) == {"low_is_stopped", "ledger", "stream_is_billed"}
    assert "put input_cost_per_token and output_cost_per_token into its litellm_params" in faults["ledger"]


def test_usage_that_litellm_guessed_is_found_out(results: dict[str, dict[str, Any]]) -> None:
    faults = failed(results[backend.STREAMS_WITHOUT_USAGE])
    assert set(faults) == {"stream_is_billed"}
    assert "the model's stream carries no usage" in faults["stream_is_billed"]


def test_answers_that_share_an_id_are_found_by_their_missing_rows(results: dict[str, dict[str, Any]]) -> None:
    assert "an id of its own" in failed(results[backend.ALWAYS_THE_SAME_ID])["ledger"]


def test_a_backend_that_is_down_is_told_and_the_other_checks_are_made(results: dict[str, dict[str, Any]]) -> None:
    result = results[backend.BROKEN]
    faults = failed(result)
    assert set(faults) == {"high_completes", "low_is_stopped", "ledger", "stream_is_billed"}
    assert "out of memory" in faults["high_completes"]
    assert "Look at the model's backend" in faults["high_completes"]
    assert result["msg"].startswith("proof of http://")
    assert "4 of 7 checks failed" in result["msg"]


def test_an_answer_without_content_is_no_answer(results: dict[str, dict[str, Any]]) -> None:
    assert "without content" in failed(results[backend.SILENT])["high_completes"]


def test_proofs_leave_no_key_team_or_user_behind(
    gateway: Gateway, results: dict[str, dict[str, Any]], before: tuple[int, int, int]
) -> None:
    assert len(results) == len(FAULTS)
    assert gateway.proof_keys() == set()
    assert gateway.totals() == before


def test_no_key_is_in_any_result(gateway: Gateway, results: dict[str, dict[str, Any]]) -> None:
    output = "".join(result["output"] for result in results.values())
    assert gateway.key_file.read_text(encoding="utf-8").strip() not in output
    assert not re.findall(r"sk-[A-Za-z0-9_-]{16,}", output)


def test_rows_outlive_the_keys_and_carry_the_tag(gateway: Gateway, results: dict[str, dict[str, Any]]) -> None:
    day = results[backend.GOOD]["started"][:10]
    query = {"start_date": f"{day} 00:00:00", "end_date": f"{day} 23:59:59", "page_size": 1000}
    rows = gateway.admin.get("/spend/logs/v2", params=query).raise_for_status().json()["data"]
    mine = [row for row in rows if row["model_group"] == f"proof-test-{backend.GOOD}"]
    assert sum(row["spend"] > 0 for row in mine) >= 5
    assert all("tollgate-proof" in row["request_tags"] for row in mine)


def test_a_good_verdict_is_shown_again_until_something_changes(
    gateway: Gateway, models: Callable[..., str], tmp_path: Path
) -> None:
    model, file = models(backend.GOOD), str(tmp_path / "proof.json")
    first = result_of(gateway.start(model, verdict_file=file, fingerprint="one"))
    again = result_of(gateway.start(model, verdict_file=file, fingerprint="one"))
    changed = result_of(gateway.start(model, verdict_file=file, fingerprint="two", _ansible_check_mode=True))
    assert (first["skipped_proof"], again["skipped_proof"], changed["skipped_proof"]) == (False, True, False)
    assert again["checks"] == first["checks"]
    assert again["age"] >= first["seconds"]
    assert changed["would_run"]


def test_prices_are_taken_from_the_proxy_when_none_are_declared(gateway: Gateway, models: Callable[..., str]) -> None:
    model = models(backend.GOOD)
    assert result_of(gateway.start(model, input_cost_per_token=None, output_cost_per_token=None))["ok"]


def test_a_gateway_that_is_not_there_is_told_soon(gateway: Gateway) -> None:
    result = result_of(gateway.start("any", api_url="http://127.0.0.1:9"))
    assert "Is the proxy running" in failed(result)["ready"]
    assert result["seconds"] < 5


def test_a_model_that_hangs_is_waited_for_no_longer_than_told(gateway: Gateway, models: Callable[..., str]) -> None:
    result = result_of(gateway.start(models(backend.SLOW), wait=4))
    faults = failed(result)
    assert set(faults) == {"high_completes", "low_is_stopped", "ledger", "stream_is_billed"}
    assert "The model is slow or its backend hangs" in faults["high_completes"]
    assert result["seconds"] < 10
    assert gateway.proof_keys() == set()


def test_a_wrong_master_key_is_told(gateway: Gateway, models: Callable[..., str], tmp_path: Path) -> None:
    wrong = tmp_path / "key"
    wrong.write_text("sk-wrong-wrong-wrong-wrong", encoding="utf-8")
    result = result_of(gateway.start(models(backend.GOOD), api_key_file=str(wrong)))
    assert "the proof could not make its keys" in failed(result)["high_completes"]
    assert "401" in failed(result)["high_completes"]
