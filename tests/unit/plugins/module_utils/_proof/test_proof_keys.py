# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs are gone, and which keys a proof may remove."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._proof.keys import MARK, key_request, leftovers, new_key
from ansible_collections.tollgate.llm.plugins.module_utils._proof.run import Run

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def row(run: Run, **more: Any) -> dict[str, Any]:
    return {
        "token": "t",
        "key_alias": f"tollgate-proof-{run.id}-low",
        "metadata": {MARK: run.mark()},
        "expires": (NOW + timedelta(minutes=10)).isoformat(),
        **more,
    }


def test_this_run_is_not_gone() -> None:
    assert not Run.here().is_gone()


def test_an_ended_process_is_gone() -> None:
    with subprocess.Popen(["sleep", "0"]) as process:
        process.wait()
    assert Run("x", Run.here().place, process.pid, "1").is_gone()


def test_another_process_of_the_same_number_is_another_run() -> None:
    here = Run.here()
    assert Run("x", here.place, here.pid, "1").is_gone()


def test_a_run_of_another_machine_is_never_known_to_be_gone() -> None:
    assert not Run("x", "another boot", 2**22 + 1, "1").is_gone()


def test_a_mark_comes_back_as_the_run() -> None:
    here = Run.here()
    assert Run.from_mark(here.mark()) == here


@pytest.mark.parametrize("mark", [None, {}, "x", {"id": "x", "place": "y", "pid": "1", "started": "z"}])
def test_what_is_no_mark_is_no_run(mark: Any) -> None:
    assert Run.from_mark(mark) is None


def test_keys_of_a_proof_at_work_stay() -> None:
    assert leftovers([row(Run.here())], NOW) == []


def test_keys_of_a_killed_proof_go() -> None:
    assert leftovers([row(Run("x", Run.here().place, 2**22 + 1, "1"))], NOW) == ["t"]


@pytest.mark.parametrize("expires", ["2026-11-21T11:50:00Z", "2026-11-21T11:50:00.123456+00:00", "2026-11-21T11:50:00"])
def test_expired_keys_of_another_machine_go(expires: str) -> None:
    assert leftovers([row(Run("x", "elsewhere", 1, "1"), expires=expires)], NOW) == ["t"]


@pytest.mark.parametrize("expires", ["2026-11-21T11:59:30Z", None, "soon"])
def test_keys_that_may_not_have_expired_stay(expires: Any) -> None:
    assert leftovers([row(Run("x", "elsewhere", 1, "1"), expires=expires)], NOW) == []


@pytest.mark.parametrize("change", [{"key_alias": "mine"}, {"metadata": {}}, {"metadata": None}, {"token": None}])
def test_keys_of_others_stay(change: dict[str, Any]) -> None:
    assert leftovers([row(Run("x", Run.here().place, 2**22 + 1, "1"), **change), "a hash"], NOW) == []


def test_a_key_is_long_random_and_marked() -> None:
    run = Run.here()
    one, two = new_key(run, "low"), new_key(run, "low")
    request = key_request(one, run, ["qwen-local"], 0.5)
    assert one.value != two.value
    assert len(one.value) == 3 + 48
    assert one.value not in repr(one)
    assert request["duration"] == "900s"
    assert Run.from_mark(request["metadata"][MARK]) == run
