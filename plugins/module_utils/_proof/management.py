# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The management requests of a proof over httpx."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from .admin import AdminError
from .answer import clean, whole_answer

with contextlib.suppress(ImportError):  # the module reports it
    import httpx


class HttpManagement:
    """Sends each request once: nothing of a proof is worth a second try, it polls where it waits."""

    def __init__(self, http: httpx.Client, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The JSON answer of a GET. Raises AdminError."""
        return self._send("GET", path, params=dict(query))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of a POST. Raises AdminError."""
        return self._send("POST", path, json=dict(body))

    def _send(self, method: str, path: str, **content: Any) -> Any:
        try:
            response = self._http.request(method, path.lstrip("/"), headers=self._headers, **content)
        except httpx.HTTPError as error:
            unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            raise AdminError(clean(f"{path}: {type(error).__name__}: {error}"), sent=not unsent) from error
        if response.is_success:
            try:
                return json.loads(response.text)
            except ValueError as error:
                raise AdminError(f"{path} answered with something that is no JSON", response.status_code) from error
        answer = whole_answer(response.status_code, response.text)
        doubtful = response.is_server_error
        raise AdminError(f"{path} {answer}", response.status_code, sent=doubtful)
