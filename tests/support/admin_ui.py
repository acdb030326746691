# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session of LiteLLM's admin UI, whose pages send the key of that session."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def session(url: str, master_key: str) -> Iterator[httpx.Client]:
    """Logged in as the browser does."""
    with httpx.Client(base_url=url, timeout=60) as http:
        login = {"username": "admin", "password": master_key}
        token = http.post("/v2/login", json=login).raise_for_status().json()["token"].split(".")[1]
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["key"]
        http.headers["Authorization"] = f"Bearer {key}"
        yield http
