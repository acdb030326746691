# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: what the same requests cost without a module, a comparison or a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

KEYS: dict[str, str | int] = {"return_full_object": "true", "sort_by": "token", "sort_order": "asc", "size": 100}


def read_everything(http: httpx.Client, budgets: Sequence[str]) -> int:
    """The reads of a declared set of every kind, one after another. Returns how many these were."""
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/budget/info", {"json": {"budgets": list(budgets)}}),
        ("GET", "/credentials", {}),
        ("GET", "/v2/model/info", {"params": {"sortBy": "model_name", "page": 1, "size": 1000}}),
        ("GET", "/user/list", {"params": {"sort_by": "user_id", "page": 1, "page_size": 100}}),
        ("GET", "/v2/team/list", {"params": {"sort_by": "team_id", "page": 1, "page_size": 100}}),
        ("GET", "/customer/list", {}),
    ]
    for method, path, more in requests:
        http.request(method, path, **more).raise_for_status().json()
    return len(requests) + len(page_seconds(http))


def page_seconds(http: httpx.Client) -> list[float]:
    """The seconds of each page of keys."""
    found: list[float] = []
    pages = 1
    while len(found) < pages:
        began = time.monotonic()
        answer = http.get("/key/list", params={**KEYS, "page": len(found) + 1}).raise_for_status().json()
        found.append(time.monotonic() - began)
        pages = answer["total_pages"]
    return found


def create(http: httpx.Client, bodies: Iterable[dict[str, Any]], concurrency: int) -> None:
    """One request for each key, so many at a time."""

    def send(body: dict[str, Any]) -> None:
        http.post("/key/generate", json=body).raise_for_status().json()

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(send, bodies))


def timed(work: Callable[..., Any], *arguments: Any) -> float:
    """The seconds that something takes."""
    began = time.monotonic()
    work(*arguments)
    return time.monotonic() - began
