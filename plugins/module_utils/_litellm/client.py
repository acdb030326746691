# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM's management API over one pooled HTTP client."""

from __future__ import annotations

import random
import ssl
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from .refusal import page, refusal
from .way import Way

try:
    import httpx
except ImportError:
    HTTPX_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    HTTPX_IMPORT_ERROR = None

TRIES = 4
GLANCE = 5.0  # seconds for a backend to say what it serves
SERVER_ERROR = 500
NOT_FOUND = 404
TOO_MANY = 429
UNAVAILABLE = (502, 503, 504)
# A transaction that waited for more than 5 seconds: it was rolled back. LiteLLM calls that 400 or 500.
ROLLED_BACK = "Transaction already closed"
LONGEST_PAUSE = 30.0  # LiteLLM always says 60
# Seconds that a connection may rest. Uvicorn closes it after 5, which a port-forward tells a second late.
REST = 2.0


class LiteLLMError(Exception):
    """A call that LiteLLM refused or did not answer.

    C(status) is 0 when there was no answer; C(unreached) tells whether the request surely never arrived. C(kind) is the
    answer's error type, the one thing that is stable over versions.
    """

    def __init__(self, message: str, status: int = 0, kind: str = "", *, unreached: bool = False) -> None:
        self.status = status
        self.kind = kind
        self.unreached = unreached
        super().__init__(message)

    @property
    def undone(self) -> bool:
        """Whether LiteLLM began it, and the database took all of it back."""
        return ROLLED_BACK in str(self)


class Client:
    """One proxy, one key. Threads may share it. C(requests) counts reads and writes that were sent.

    With a C(way) that leads nowhere yet every call is a LiteLLMError that never arrived.
    """

    def __init__(
        self,
        to: str | Way,
        key: str,
        *,
        timeout: float = 30.0,
        verify: bool | str = True,
        connections: int = 8,
        tries: int = TRIES,
    ) -> None:
        self.way = to if isinstance(to, Way) else Way(to.rstrip("/"), to.rstrip("/"))
        self.url = self.way.url
        self.requests: Counter[str] = Counter()
        self.connections = max(connections, 1)
        self._began = self._ended = 0.0
        self._tries = tries
        self._lock = threading.Lock()
        self._verify = verify
        self._options: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {key}"},
            "timeout": timeout,
            "verify": _verification(verify) if self.url.startswith("https") else False,
            "trust_env": not _local(self.url),
        }
        self._http = httpx.Client(
            **self._options,
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=REST
            ),
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sent(self) -> dict[str, Any]:
        """What a result says of the requests: how many, and the seconds from the first to the last answer."""
        seconds = round(self._ended - self._began, 3)
        return {"read": self.requests["read"], "write": self.requests["write"], "seconds": seconds}

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Read. Tried again when the connection broke or the server is busy."""
        # Some endpoints take a plus sign literally: blanks must be %20.
        suffix = "?" + urlencode(query, quote_via=quote) if query else ""
        return self._call("GET", path + suffix, None, counted="read", again=True)

    def read_by_post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Read where LiteLLM wants a POST."""
        return self._call("POST", path, body, counted="read", again=True)

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, again: bool = True) -> Any:
        """Write. C(again=False) for creations: a lost answer may have been a success, which the caller finds out."""
        return self._call(method, path, body, counted="write", again=again)

    def probe(self, key: str, url: str) -> tuple[str, int, str]:
        """What the proxy at an address says to another key, over a new connection, which any worker there may accept.

        Returns the worker's name (empty if it says none), the status, and the text. A connection stays with one worker.
        """
        with self._lock:
            self.requests["read"] += 2
        try:
            with httpx.Client(**self._options) as http:
                named = http.get(url + "/debug/memory/summary")
                answer = http.get(url + "/v1/models", headers={"Authorization": f"Bearer {key}"})
        except httpx.HTTPError as error:
            raise LiteLLMError(self._silence(str(error) or type(error).__name__)) from error
        try:
            said = named.json() if named.is_success else {}
        except ValueError:
            said = {}
        worker = f"{said.get('hostname') or ''}/{said['worker_pid']}" if said.get("worker_pid") else ""
        return worker, answer.status_code, answer.text

    def ask_backend(self, url: str, key: str | None) -> tuple[int, Any, str]:
        """What somebody else than the proxy answers: the status, the JSON, and why there is no answer if there is none.

        The proxy's key is not sent. The time is short: this is no more than a look.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            verify = _verification(self._verify) if url.startswith("https") else False
            with httpx.Client(headers=headers, timeout=GLANCE, verify=verify, trust_env=not _local(url)) as http:
                answer = http.get(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return 0, None, str(error) or type(error).__name__
        try:
            return answer.status_code, answer.json(), ""
        except ValueError:
            return answer.status_code, None, ""

    def pages(self, path: str, query: Mapping[str, Any], rows: str, size: str, limit: int = 100) -> Iterator[Any]:
        """All rows of a paged list."""
        page = 1
        while True:
            answer = self.get(path, {**query, "page": page, size: limit})
            if not isinstance(answer, Mapping) or rows not in answer:
                raise LiteLLMError(f'{self.way.name}{path} answered without "{rows}": is this a LiteLLM proxy?')
            yield from answer[rows]
            if page >= int(answer.get("total_pages") or 1):
                return
            page += 1

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, *, counted: str, again: bool) -> Any:
        if not self.url:
            raise LiteLLMError(self._silence("nobody is there"), unreached=True)
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries
            with self._lock:
                self.requests[counted] += 1
            try:
                answer = self._timed(method, path, body)
            except httpx.HTTPError as error:
                # LiteLLM ends the connection after an unhandled 500 without saying so: a reset alone is no outage.
                unreached = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
                if not last and (again or unreached):
                    time.sleep(_spread(0.2 * 2**attempt))
                    continue
                raise LiteLLMError(self._silence(str(error) or type(error).__name__), unreached=unreached) from error
            status = answer.status_code
            passing = status in UNAVAILABLE or (not answer.is_success and ROLLED_BACK in answer.text)
            if not last and (status == TOO_MANY or (passing and again)):
                time.sleep(_pause(answer, attempt))
                continue
            if answer.is_success:
                return self._content(answer)
            raise LiteLLMError(*refusal(status, answer.text))
        raise LiteLLMError(f"no answer from {self.way.name}")

    def _timed(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        self._began = self._began or time.monotonic()
        try:
            return self._http.request(method, self.url + path, json=body)
        finally:
            self._ended = time.monotonic()

    def _content(self, answer: httpx.Response) -> Any:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise LiteLLMError(
                f"{self.way.name} answered with {page(answer.text) or 'something that is no JSON'}: is this a LiteLLM "
                f"proxy, and not a load balancer in front of it or a login? Correct {self.way.option}",
                answer.status_code,
            ) from error

    def _silence(self, reason: str) -> str:
        reason = (self.way.trouble() or reason).rstrip(".")
        return f"no answer from {self.way.name}: {reason}. Is the proxy running, and is this its address?"


def _local(url: str) -> bool:
    return httpx.URL(url).host in ("127.0.0.1", "::1", "localhost")


def _verification(verify: bool | str) -> bool | ssl.SSLContext:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify


def _pause(answer: httpx.Response, attempt: int) -> float:
    try:
        wanted = float(answer.headers.get("retry-after", ""))
    except ValueError:
        wanted = 0.3 * 2**attempt
    return _spread(min(max(wanted, 0.1), LONGEST_PAUSE))


def _spread(seconds: float) -> float:
    """Never less, and a quarter more at most: clients that were refused together do not come back together."""
    return seconds * random.uniform(1, 1.25)  # noqa: S311 (no secret)
