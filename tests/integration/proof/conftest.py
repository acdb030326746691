# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway under test, named by TOLLGATE_TEST_URL and TOLLGATE_TEST_STATE, and models with faults that it serves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import misbehaving_backend as backend
from proof_gateway import INPUT, OUTPUT, Gateway


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """The gateway under test."""
    missing = [name for name in ("TOLLGATE_TEST_URL", "TOLLGATE_TEST_STATE") if not os.environ.get(name)]
    if missing:
        pytest.fail(f"{' and '.join(missing)} must name a running gateway and its state directory")
    key_file = Path(os.environ["TOLLGATE_TEST_STATE"]) / "secrets" / "litellm-master-key"
    url = os.environ["TOLLGATE_TEST_URL"]
    headers = {"Authorization": f"Bearer {key_file.read_text(encoding='utf-8').strip()}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as admin:
        yield Gateway(url, key_file, admin)


@pytest.fixture(scope="session")
def models(gateway: Gateway) -> Iterator[Callable[..., str]]:
    """Declares a model with a fault, priced unless told otherwise, and returns its name. All are removed at the end."""
    declared: list[str] = []
    with backend.running_backend() as url:

        def declare(fault: str, priced: bool = True) -> str:
            name = f"proof-test-{fault}{'' if priced else '-without-price'}"
            if name not in declared:
                prices = {"input_cost_per_token": float(INPUT), "output_cost_per_token": float(OUTPUT)}
                parameters = {"model": f"hosted_vllm/{fault}", "api_base": url, "api_key": "none"}
                request = {
                    "model_name": name,
                    "model_info": {"id": name},
                    "litellm_params": parameters | (prices if priced else {}),
                }
                declared.append(name)
                gateway.admin.post("/model/delete", json={"id": name})
                gateway.admin.post("/model/new", json=request).raise_for_status()
            return name

        try:
            yield declare
        finally:
            for name in declared:
                gateway.admin.post("/model/delete", json={"id": name})
