# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of the last proof: a file, and whether it still counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._gateway.files import write_file
from .._gateway.verdict import Check

WAVE = "proof"


@dataclass(frozen=True)
class Subject:
    """What was proved. An empty fingerprint says that the configuration is not known."""

    fingerprint: str
    api_url: str
    model: str
    input_cost_per_token: str
    output_cost_per_token: str


def verdict_of(subject: Subject, started: datetime, seconds: float, checks: Sequence[Check]) -> dict[str, Any]:
    """The verdict as it is written and returned."""
    return {
        "wave": WAVE,
        "ok": bool(checks) and all(check.ok for check in checks),
        "started": started.isoformat(timespec="milliseconds"),
        "seconds": round(seconds, 1),
        "checks": [asdict(check) for check in checks],
        **asdict(subject),
    }


def read_verdict(path: Path) -> dict[str, Any]:
    """The last verdict; empty when there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_verdict(path: Path, verdict: Mapping[str, Any]) -> None:
    """Replace the file in one step, readable by its owner only. Raises GatewayError; the old file then stands."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, json.dumps(verdict, indent=2, ensure_ascii=False) + "\n")


def age_of(verdict: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds since the proof began; None when the verdict doesn't tell or lies in the future."""
    try:
        started = datetime.fromisoformat(str(verdict.get("started")))
    except ValueError:
        return None
    if started.tzinfo is None:
        started = started.replace(tzinfo=UTC)
    age = (now - started).total_seconds()
    return age if age >= 0 else None


def still_counts(verdict: Mapping[str, Any], subject: Subject, max_age: float | None, now: datetime) -> bool:
    """Whether the last proof was good, of the same subject, and not too old. Without a fingerprint nothing counts."""
    if verdict.get("ok") is not True or not subject.fingerprint:
        return False
    if any(verdict.get(name) != value for name, value in asdict(subject).items()):
        return False
    age = age_of(verdict, now)
    return age is not None and (max_age is None or age <= max_age)
