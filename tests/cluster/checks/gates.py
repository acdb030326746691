# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module kubernetes_gate as a task does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_run import ad_hoc

LIMIT = 600  # seconds


@dataclass(frozen=True)
class Answer:
    """What a gate said: its result, and what it printed while it waited."""

    result: dict[str, Any]
    output: str

    @property
    def message(self) -> str:
        """Why it failed, on one line; fails when it did not."""
        assert self.result.get("failed"), self.result
        return " ".join(self.result["msg"].split())


def gate(kubeconfig: Path, *words: str, **options: Any) -> Answer:
    """Wait; OPTIONS are the module's, WORDS are ansible's."""
    done = ad_hoc("kubernetes_gate", {"kubeconfig": str(kubeconfig), **options}, *words, seconds=LIMIT)
    before, _arrow, found = done.stdout.partition("=> ")
    assert found, done.stdout + done.stderr
    return Answer({**yaml.safe_load(found), "failed": "| FAILED!" in before}, before)
