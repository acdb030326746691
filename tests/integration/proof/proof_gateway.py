# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway as a test sees it, and proofs of it that run as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

MODULE = "ansible_collections.tollgate.llm.plugins.modules.gateway_proof"
INPUT, OUTPUT = "0.000000175", "0.0000007"
BATCH_WRITE_AT = 10


@dataclass(frozen=True)
class Gateway:
    """A LiteLLM proxy with its administrator."""

    url: str
    key_file: Path
    admin: httpx.Client

    def proof_keys(self) -> set[str]:
        """The aliases of all keys that a proof made."""
        query = {
            "key_alias": "tollgate-proof-",
            "substring_matching": "true",
            "return_full_object": "true",
            "size": 100,
        }
        answer = self.admin.get("/key/list", params=query).raise_for_status().json()
        return {key["key_alias"] for key in answer["keys"]}

    def totals(self) -> tuple[int, int, int]:
        """How many keys, teams and users there are."""
        paths = ("/key/list?size=1", "/v2/team/list?page_size=1", "/user/list?page_size=1")
        answers = [self.admin.get(path).raise_for_status().json() for path in paths]
        return answers[0]["total_count"], answers[1]["total"], answers[2]["total"]

    def start(self, model: str, **more: Any) -> subprocess.Popen[str]:
        """Start a proof as Ansible would, as a process of its own."""
        arguments = {
            "api_url": self.url,
            "api_key_file": str(self.key_file),
            "model": model,
            "input_cost_per_token": INPUT,
            "output_cost_per_token": OUTPUT,
            "batch_write_at": BATCH_WRITE_AT,
            **more,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if process.stdin:
            process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
            process.stdin.close()
            process.stdin = None
        return process


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a proof and read its result."""
    output = process.communicate(timeout=120)[0]
    lines = [line for line in output.splitlines() if line.startswith("{")]
    assert lines, output
    result: dict[str, Any] = json.loads(lines[-1])
    return {**result, "output": output}


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.1)
