# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the last verdict still counts, and how it is kept."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.verdict import Check
from ansible_collections.tollgate.llm.plugins.module_utils._proof.verdict import (
    Subject,
    age_of,
    read_verdict,
    still_counts,
    verdict_of,
    write_verdict,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SUBJECT = Subject("abc", "http://127.0.0.1:4000", "qwen-local", "0.000001", "0.000002")
GOOD = verdict_of(SUBJECT, NOW - timedelta(hours=1), 7.04, [Check("ready", ok=True, detail="fine")])


def test_a_verdict_has_what_every_wave_has() -> None:
    assert {name: GOOD[name] for name in ("wave", "ok", "started", "seconds", "checks")} == {
        "wave": "proof",
        "ok": True,
        "started": "2026-11-21T11:00:00.000+00:00",
        "seconds": 7.0,
        "checks": [{"name": "ready", "ok": True, "detail": "fine"}],
    }


def test_one_bad_check_or_none_makes_a_bad_verdict() -> None:
    assert not verdict_of(SUBJECT, NOW, 1, [Check("a", ok=True, detail=""), Check("b", ok=False, detail="")])["ok"]
    assert not verdict_of(SUBJECT, NOW, 1, [])["ok"]


def test_a_good_verdict_of_the_same_subject_counts() -> None:
    assert still_counts(GOOD, SUBJECT, None, NOW)
    assert still_counts(GOOD, SUBJECT, 3600, NOW)


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "x"}, {"api_url": "x"}, {"model": "x"}, {"output_cost_per_token": "1"}, {"fingerprint": ""}],
)
def test_another_subject_is_proved_again(change: dict[str, str]) -> None:
    assert not still_counts(GOOD, replace(SUBJECT, **change), None, NOW)


def test_an_unknown_configuration_is_always_proved() -> None:
    assert not still_counts({**GOOD, "fingerprint": ""}, replace(SUBJECT, fingerprint=""), None, NOW)


@pytest.mark.parametrize(
    "verdict",
    [{}, {**GOOD, "ok": False}, {**GOOD, "ok": "yes"}, {**GOOD, "started": None}, {**GOOD, "started": "2027-01-01"}],
)
def test_a_bad_or_strange_verdict_never_counts(verdict: dict[str, Any]) -> None:
    assert not still_counts(verdict, SUBJECT, None, NOW)


def test_an_old_verdict_does_not_count_when_age_matters() -> None:
    assert not still_counts(GOOD, SUBJECT, 3599, NOW)


def test_age_is_in_seconds() -> None:
    assert age_of(GOOD, NOW) == 3600


def test_a_verdict_is_kept_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "verdicts" / "proof.json"
    write_verdict(path, GOOD)
    write_verdict(path, GOOD)
    assert read_verdict(path) == GOOD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
def test_a_file_that_is_no_verdict_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proof.json"
    path.write_text(text, encoding="latin-1")
    assert read_verdict(path) == {}
