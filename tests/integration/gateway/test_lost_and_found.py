# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway survives: a lost database, a stop, a wrong salt, a failed migration."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

if TYPE_CHECKING:
    from conftest import Gateway

CALLS = 120
# qwen-local's declared prices, dollars per token
INPUT, OUTPUT = 0.000001, 0.000002


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return found


def postmaster(gateway: Gateway) -> int:
    return int((gateway.state / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def ledger(gateway: Gateway, request_ids: set[str]) -> dict[str, float]:
    with gateway.database() as connection:
        found = connection.execute(
            'SELECT request_id, spend FROM "LiteLLM_SpendLogs" WHERE request_id = ANY(%s)', (list(request_ids),)
        ).fetchall()
    return dict(found)


def test_a_database_killed_under_load_loses_no_spend(gateway: Gateway) -> None:
    """Every answered call is in the ledger with its price, although the database died in the middle."""
    key = gateway.secret("default")
    first = postmaster(gateway)

    def call(number: int) -> tuple[str, float] | None:
        if number == CALLS // 3:
            os.kill(first, signal.SIGKILL)
        try:
            answer = gateway.chat(key, timeout=60)
        except httpx.HTTPError:
            return None
        if answer.status_code != 200:
            return None
        body = answer.json()
        usage = body["usage"]
        return body["id"], usage["prompt_tokens"] * INPUT + usage["completion_tokens"] * OUTPUT

    with ThreadPoolExecutor(4) as pool:
        answered = dict(found for found in pool.map(call, range(CALLS)) if found)
    assert len(answered) > CALLS // 2
    wait_for(lambda: psutil.pid_exists(postmaster(gateway)) and postmaster(gateway) != first, 30, "the database")
    wait_for(lambda: gateway.chat(key).status_code == 200, 30, "the proxy")

    def booked() -> dict[str, float]:
        try:
            return ledger(gateway, set(answered))
        except Exception:  # noqa: BLE001 (the database may still be coming back)
            return {}

    wait_for(lambda: len(booked()) == len(answered), 60, f"ledger rows of {len(answered)} answered calls")
    for request, spend in booked().items():
        assert abs(spend - answered[request]) < 1e-12


def test_stop_and_start_keeps_keys_spend_and_models(gateway: Gateway) -> None:
    answer = gateway.chat(gateway.secret("default"))
    request = answer.json()["id"]
    gateway.play("playbooks/teardown.yml")  # right after the call: its row is still in the proxy's memory
    assert not (gateway.state / "run" / "supervisor.sock").exists()
    gateway.play("site.yml")
    assert request in ledger(gateway, {request})
    assert gateway.chat(gateway.secret("default")).status_code == 200
    aliases = [key["key_alias"] for key in gateway.admin("GET", "/key/list?return_full_object=true&size=100")["keys"]]
    assert sorted(aliases) == ["default", "high", "low"]


def test_a_changed_salt_is_refused_by_the_store_and_by_the_database(gateway: Gateway) -> None:
    path = gateway.state / "secrets" / "litellm-salt-key"
    good = path.read_text()
    other = "f" * 64
    try:
        path.write_text(other)
        refused = gateway.play("playbooks/secrets.yml", fails=True).output
        assert "litellm-salt-key" in refused
        refused = gateway.play("playbooks/gateway.yml", fails=True).output
        assert "is not the database's: its canary was encrypted with sha256:" in " ".join(refused.split())
        assert "Restore the former content" in refused
        path.write_text("")
        assert "is empty" in gateway.play("playbooks/gateway.yml", fails=True).output
    finally:
        path.write_text(good)
    assert good.strip() not in refused
    assert gateway.play("playbooks/gateway.yml").changed == 0


def test_a_failed_migration_is_named_with_the_next_command(gateway: Gateway) -> None:
    """The picture that Prisma leaves when a migration's SQL fails (P3009)."""
    with gateway.database() as connection:
        connection.execute(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, logs) "
            "VALUES ('broken', 'x', '20990101000000_broken', now(), 'ERROR: column \"budget\" already exists')"
        )
        try:
            refused = gateway.play("playbooks/gateway.yml", fails=True).output
        finally:
            connection.execute("DELETE FROM _prisma_migrations WHERE id = 'broken'")
    text = " ".join(refused.split())
    assert "P3009" in text
    assert "20990101000000_broken" in text
    assert "migrate resolve --rolled-back 20990101000000_broken" in text
    assert gateway.play("playbooks/gateway.yml").changed == 0


def test_a_proxy_killed_hard_loses_at_most_its_last_batch(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts the lost rows: those of calls within proxy_batch_write_at seconds before the kill."""
    key = gateway.secret("default")
    early = [gateway.chat(key).json()["id"] for call in range(5)]
    wait_for(lambda: len(ledger(gateway, set(early))) == len(early), 30, "the first batch")
    late = [gateway.chat(key).json()["id"] for call in range(5)]
    pids = [p.pid for p in psutil.process_iter() if _is_proxy(p, gateway)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: _answers(gateway), 90, "the proxy's return")
    kept = ledger(gateway, {*early, *late})
    assert set(early) <= set(kept)
    lost = len(set(late) - set(kept))
    with capsys.disabled():
        print(f"\na proxy killed with -9 lost {lost} of {len(late)} rows of its last batch")


def _is_proxy(process: psutil.Process, gateway: Gateway) -> bool:
    try:
        arguments = process.cmdline()
    except psutil.Error:
        return False
    return str(gateway.state / "run" / "litellm" / "config.yaml") in arguments


def _answers(gateway: Gateway) -> bool:
    try:
        return gateway.chat(gateway.secret("default"), timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
