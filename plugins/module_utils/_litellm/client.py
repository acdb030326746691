# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM's management API over one pooled HTTP client."""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

try:
    import httpx
except ImportError:
    HTTPX_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    HTTPX_IMPORT_ERROR = None

TRIES = 4
SERVER_ERROR = 500
NOT_FOUND = 404
BUSY = (429, 503)
LONGEST_PAUSE = 30.0


class LiteLLMError(Exception):
    """A call that LiteLLM refused or did not answer.

    C(status) is 0 when there was no answer. C(kind) is the answer's error type, the one thing that is stable over versions.
    """

    def __init__(self, message: str, status: int = 0, kind: str = "") -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


class Client:
    """One proxy, one key. Threads may share it. C(requests) counts reads and writes that were sent."""

    def __init__(
        self, url: str, key: str, *, timeout: float = 30.0, verify: bool | str = True, connections: int = 8
    ) -> None:
        self.url = url.rstrip("/")
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        local = httpx.URL(self.url).host in ("127.0.0.1", "::1", "localhost")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
            verify=verify if self.url.startswith("https") else False,
            trust_env=not local,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Read. Tried again when the connection broke or the server is busy."""
        # Some endpoints take a plus sign literally: blanks must be %20.
        suffix = "?" + urlencode(query, quote_via=quote) if query else ""
        return self._call("GET", path + suffix, None, counted="read", again=True)

    def read_by_post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Read where LiteLLM wants a POST."""
        return self._call("POST", path, body, counted="read", again=True)

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, again: bool = True) -> Any:
        """Write. C(again=False) for creations, which the caller cures by reading: a lost answer may have been a success."""
        return self._call(method, path, body, counted="write", again=again)

    def pages(self, path: str, query: Mapping[str, Any], rows: str, size: str, limit: int = 100) -> Iterator[Any]:
        """All rows of a paged list."""
        page = 1
        while True:
            answer = self.get(path, {**query, "page": page, size: limit})
            yield from answer[rows]
            if page >= int(answer.get("total_pages") or 1):
                return
            page += 1

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, *, counted: str, again: bool) -> Any:
        for attempt in range(1, TRIES + 1):
            with self._lock:
                self.requests[counted] += 1
            try:
                answer = self._http.request(method, self.url + path, json=body)
            except httpx.HTTPError as error:
                if attempt < TRIES and (again or isinstance(error, httpx.ConnectError)):
                    time.sleep(0.2 * 2**attempt)
                    continue
                reason = str(error) or type(error).__name__
                raise LiteLLMError(f"no answer from {self.url}: {reason}") from error
            if answer.status_code in BUSY and attempt < TRIES:
                time.sleep(_pause(answer, attempt))
                continue
            if answer.is_success:
                return answer.json() if answer.content else None
            raise _refusal(answer)
        raise LiteLLMError(f"no answer from {self.url}")


def _pause(answer: httpx.Response, attempt: int) -> float:
    try:
        wanted = float(answer.headers.get("retry-after", ""))
    except ValueError:
        wanted = 0.3 * 2**attempt
    return min(max(wanted, 0.1), LONGEST_PAUSE)


def _refusal(answer: httpx.Response) -> LiteLLMError:
    """LiteLLM has four shapes of errors; all have a message somewhere."""
    kind, text = "", answer.text[:500]
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        error = body.get("error")
        detail = body.get("detail")
        if isinstance(error, Mapping):
            kind, text = str(error.get("type") or ""), str(error.get("message"))
        elif isinstance(detail, Mapping):
            text = str(detail.get("error") or detail)
        elif isinstance(detail, list):
            text = "; ".join(f"{'.'.join(map(str, item.get('loc', [])))}: {item.get('msg')}" for item in detail)
        elif detail or error:
            text = str(detail or error)
    if "enterprise" in text.lower() or "premium" in text.lower():
        text += " (a LiteLLM Enterprise feature)"
    return LiteLLMError(f'"{text[:400]}" ({answer.status_code})', answer.status_code, kind)
