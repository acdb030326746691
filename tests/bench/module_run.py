# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in a process of its own, with what that took."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import environment

INSIDE = Path(__file__).with_name("inside.py")


@dataclass(frozen=True)
class Run:
    """A run that succeeded."""

    result: dict[str, Any]
    memory: int  # bytes, at most
    seconds: float  # of the whole process

    @property
    def requesting(self) -> float:
        """Seconds from the first to the last request."""
        return float(self.result["requests"]["seconds"])


def run(options: dict[str, Any], module: str = "litellm_tenants") -> Run:
    """Run it. Raises RuntimeError with its message when it fails."""
    done = subprocess.run(
        [sys.executable, str(INSIDE), module],
        input=json.dumps(options),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        result = json.loads(done.stdout)
        measured = json.loads(done.stderr.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise RuntimeError(f"{module} ended without a result:\n{done.stderr}") from error
    if result.get("failed"):
        raise RuntimeError(f"{module} failed: {result['msg']}")
    return Run(result, measured["memory"], measured["seconds"])
