# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs that end before their time."""

from __future__ import annotations

import signal
from collections.abc import Callable

import misbehaving_backend as backend
import pytest
from proof_gateway import Gateway, eventually, result_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_proof_leaves_no_key(
    gateway: Gateway, models: Callable[..., str], number: signal.Signals
) -> None:
    proof = gateway.start(models(backend.SLOW))
    try:
        eventually(lambda: len(gateway.proof_keys()) == 3)
        proof.send_signal(number)
        result = result_of(proof)
    finally:
        proof.kill()
        proof.wait()
    assert f"interrupted by {number.name}" in result["msg"]
    assert gateway.proof_keys() == set()


def test_the_next_proof_removes_what_a_killed_one_left_and_nothing_else(
    gateway: Gateway, models: Callable[..., str]
) -> None:
    killed, working = gateway.start(models(backend.SLOW)), gateway.start(models(backend.SLOW))
    try:
        eventually(lambda: len(gateway.proof_keys()) == 6)
        killed.kill()
        killed.wait()
        left = gateway.proof_keys()
        assert len(left) == 6
        next_one = result_of(gateway.start(models(backend.BROKEN)))
        assert not next_one["ok"]
        remaining = gateway.proof_keys()
        assert len(remaining) == 3
        assert remaining < left
        assert working.poll() is None
        working.terminate()
        result_of(working)
    finally:
        for proof in (killed, working):
            proof.kill()
            proof.wait()
    assert gateway.proof_keys() == set()
