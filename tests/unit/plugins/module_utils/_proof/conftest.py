# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway in memory that behaves as LiteLLM does where a proof looks, with faults to choose from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

REAL_CLIENT = httpx.Client
MASTER = "sk-master-of-the-test"
MODEL = "qwen-local"
INPUT, OUTPUT = 1.75e-07, 7e-07
PROMPT_TOKENS, COMPLETION_TOKENS = 31, 16


@dataclass
class Gateway:
    """Faults are plain attributes; what was asked of it is in C(requests)."""

    price: float = 1.0
    page: str = ""
    database: str = "connected"
    backend_status: int = 200
    stream_usage: bool = True
    same_ids: bool = False
    checks_keys: bool = True
    checks_models: bool = True
    budgets: bool = True
    budget_status: int = 422
    lag: int = 0
    refuse_keys: bool = False
    delete_failures: int = 0
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    on_request: Callable[[str], None] = field(default=lambda _path: None)

    def client(self, **options: Any) -> httpx.Client:
        """A client whose requests end here, in place of httpx.Client."""
        kept = {name: options[name] for name in ("base_url", "headers") if name in options}
        return REAL_CLIENT(transport=httpx.MockTransport(self._answer), **kept)

    def writes(self) -> list[str]:
        """The paths that were posted to, completions left out."""
        return [path for method, path in self.requests if method == "POST" and "completions" not in path]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append((request.method, path))
        self.on_request(path)
        if self.page:
            return httpx.Response(200, text=self.page)
        if path == "/health/liveliness":
            return httpx.Response(200, json="I'm alive!")
        if path == "/health/readiness":
            healthy = self.database == "connected"
            return httpx.Response(200 if healthy else 503, json={"status": "healthy", "db": self.database})
        bearer = request.headers["Authorization"].removeprefix("Bearer ")
        body = json.loads(request.content) if request.content else {}
        if path == "/v1/chat/completions":
            return self._complete(bearer, body)
        if bearer != MASTER:
            return _error(401, "auth_error", f"Received API Key = {bearer}")
        return self._manage(path, body, dict(request.url.params))

    def _manage(self, path: str, body: dict[str, Any], query: dict[str, str]) -> httpx.Response:
        match path:
            case "/key/generate":
                return self._create_key(body)
            case "/key/delete":
                return self._delete_keys(body["keys"])
            case "/key/list":
                answer: dict[str, Any] = {"keys": list(self.keys.values()), "total_pages": 1}
            case "/key/info":
                answer = {"info": self.keys[query["key"]]}
            case "/spend/logs/v2":
                self.lag -= 1
                rows = [row for row in self.rows.values() if row["api_key"] == query["api_key"]]
                answer = {"data": rows if self.lag < 0 else []}
            case _:
                return _error(404, "not_found_error", path)
        return httpx.Response(200, json=answer)

    def _create_key(self, body: dict[str, Any]) -> httpx.Response:
        if self.refuse_keys:
            return _error(403, "auth_error", "custom keys are disabled")
        token = hashlib.sha256(body["key"].encode()).hexdigest()
        self.keys[token] = {**body, "token": token, "spend": 0.0, "expires": "2999-01-01T00:00:00+00:00"}
        return httpx.Response(200, json={"token": token})

    def _delete_keys(self, tokens: list[str]) -> httpx.Response:
        if self.delete_failures:
            self.delete_failures -= 1
            return _error(500, "internal_server_error", "the database is away")
        gone = [token for token in tokens if self.keys.pop(token, None)]
        return httpx.Response(200, json={"deleted_keys": gone}) if gone else _error(404, "not_found_error", "none")

    def _complete(self, bearer: str, body: dict[str, Any]) -> httpx.Response:
        token = hashlib.sha256(bearer.encode()).hexdigest()
        key = self.keys.get(token)
        if key is None and self.checks_keys:
            return _error(401, "token_not_found_in_db", f"Received API Key = {bearer}")
        if key and self.checks_models and body["model"] not in key["models"]:
            return _error(403, "key_model_access_denied", "The requested model is not available for this API key")
        if key and self.budgets and key["spend"] >= key["max_budget"]:
            self._row(token, {"spend": 0, "status": "failure"})
            return _error(self.budget_status, "budget_exceeded", "Budget has been exceeded!")
        if self.backend_status != 200:
            return _error(self.backend_status, "internal_server_error", "out of memory")
        guessed = body.get("stream", False) and not self.stream_usage
        prompt, completion = (15, 4) if guessed else (PROMPT_TOKENS, COMPLETION_TOKENS)
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        cost = (prompt * INPUT + completion * OUTPUT) * self.price
        if key:
            key["spend"] += cost
        self._row(token, {"spend": cost, "status": "success", "request_tags": body["metadata"]["tags"], **usage})
        if body.get("stream"):
            events = [{"choices": [{"delta": {"content": "One"}}]}, {"choices": [], "usage": usage}]
            lines = [f"data: {json.dumps(event)}\n\n" for event in events]
            return httpx.Response(200, text="".join(lines) + "data: [DONE]\n\n")
        return httpx.Response(200, json={"choices": [{"message": {"content": "One two"}}], "usage": usage})

    def _row(self, token: str, row: dict[str, Any]) -> None:
        identity = "x" if self.same_ids else f"row-{len(self.rows)}"
        self.rows.setdefault(identity, {"request_id": identity, "api_key": token, **row})


def _error(status: int, kind: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message, "type": kind, "code": str(status)}})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A healthy gateway, which all HTTP clients talk to."""
    healthy = Gateway()
    monkeypatch.setattr(httpx, "Client", healthy.client)
    return healthy
