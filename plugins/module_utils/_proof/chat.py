# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that a user of the gateway makes: completions under one key or another, and the open health paths."""

from __future__ import annotations

import contextlib
import json
from http import HTTPStatus
from typing import Any

from .._litellm.client import REST
from .answer import TOO_LATE, Answer, clean, refusal, streamed_answer, whole_answer
from .ledger import TAG

with contextlib.suppress(ImportError):  # the module reports it
    import httpx

# The least that every provider allows.
MAX_TOKENS = 16

CONNECT_SECONDS = 10.0

PROMPT = "Count from 1 to 100."


def user_client(url: str, timeout: float, verify: bool | str) -> httpx.Client:
    """An HTTP client without any key of its own. C(timeout) is in seconds."""
    local = httpx.URL(url).host in ("127.0.0.1", "::1", "localhost")
    return httpx.Client(
        base_url=f"{url}/",
        timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
        verify=verify if url.startswith("https") else False,
        trust_env=not local,
        limits=httpx.Limits(keepalive_expiry=REST),
    )


class Chat:
    """Calls of one model. Safe to use from several threads; nothing is ever tried again here, LiteLLM does that."""

    def __init__(self, http: httpx.Client, model: str) -> None:
        self._http = http
        self._model = model

    def complete(self, key: str) -> Answer:
        """One whole answer under this key."""
        try:
            response = self._http.post("v1/chat/completions", json=self._body(), headers=_bearer(key))
        except httpx.HTTPError as error:
            return _unanswered(error)
        return whole_answer(response.status_code, response.text)

    def stream(self, key: str) -> Answer:
        """One streamed answer under this key, with usage asked for."""
        body = {**self._body(), "stream": True, "stream_options": {"include_usage": True}}
        try:
            with self._http.stream("POST", "v1/chat/completions", json=body, headers=_bearer(key)) as response:
                if response.status_code != HTTPStatus.OK:
                    response.read()
                    return whole_answer(response.status_code, response.text)
                return streamed_answer(200, response.iter_lines())
        except httpx.HTTPError as error:
            return _unanswered(error)

    def health(self, path: str) -> tuple[Answer, str]:
        """What an open health path answered, and its C(db) field."""
        try:
            response = self._http.get(path)
        except httpx.HTTPError as error:
            return _unanswered(error), ""
        try:
            body = json.loads(response.text)
        except ValueError:
            return refusal(response.status_code, None, response.text), ""
        if response.status_code != HTTPStatus.OK:
            return refusal(response.status_code, None, response.text), _database(body)
        return Answer(200), _database(body)

    def _body(self) -> dict[str, Any]:
        """A small call, the same each time: so a response cache must stay out, a cached answer costs nothing."""
        return {
            "model": self._model,
            "messages": [{"role": "user", "content": PROMPT}],
            "max_tokens": MAX_TOKENS,
            "metadata": {"tags": [TAG]},
            "cache": {"no-cache": True},
        }


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _database(body: Any) -> str:
    return str(body.get("db") or "").lower() if isinstance(body, dict) else ""


def _unanswered(error: Exception) -> Answer:
    kind = TOO_LATE if isinstance(error, httpx.TimeoutException) else ""
    return Answer(0, kind, clean(f"{type(error).__name__}: {error}"))
