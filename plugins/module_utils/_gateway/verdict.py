# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts: what a wave proved, as JSON files that people and tools read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .files import write_file

UNFINISHED = "the wave did not reach its gate; the run's output says why"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def begin(state: Path, wave: str) -> None:
    """Until its gate is reached a wave counts as failed."""
    _write(state, wave, now(), 0.0, [Check("reached", ok=False, detail=UNFINISHED)])


def finish(state: Path, wave: str, checks: Sequence[Check]) -> bool:
    """Write the wave's verdict; its start is taken from the file that L(begin) left. Returns whether all is well."""
    started = str(read(state, wave).get("started") or now())
    seconds = (datetime.now(tz=UTC) - datetime.fromisoformat(started)).total_seconds()
    return _write(state, wave, started, round(max(seconds, 0.0), 1), checks)


def read(state: Path, wave: str) -> dict[str, object]:
    """The last verdict of a wave; empty when there is none."""
    try:
        content = json.loads((state / "verdicts" / f"{wave}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def now() -> str:
    """The time in UTC, to the millisecond."""
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds")


def _write(state: Path, wave: str, started: str, seconds: float, checks: Sequence[Check]) -> bool:
    ok = bool(checks) and all(check.ok for check in checks)
    verdict = {
        "wave": wave,
        "ok": ok,
        "started": started,
        "seconds": seconds,
        "checks": [asdict(check) for check in checks],
    }
    write_file(state / "verdicts" / f"{wave}.json", json.dumps(verdict, indent=2, ensure_ascii=False) + "\n")
    return ok
