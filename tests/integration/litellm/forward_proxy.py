# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of the proxy: it notes every request, and can lose an answer after the request was carried out."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import ports
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.guards import LICENCE, VERSION
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES

CALLS = {call for resource in RESOURCES for call in resource.calls.values()}
# POST where LiteLLM reads.
READS = ("/budget/info", "/v2/key/info")


@dataclass
class Forward:
    """What went through."""

    url: str
    upstream: httpx.Client
    seen: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)  # of what was not a read
    lose: set[str] = field(default_factory=set)  # paths of which the next answer to a write is lost
    dies: bool = False  # after a lost answer nothing is answered any more
    dead: bool = False
    dies_after: int = 0  # so many writes: the answer of the last one is lost, and nothing is answered any more
    # By path: answers given instead of passing a request on, each once: status, headers, text. A stale read, say.
    answers: dict[str, list[tuple[int, dict[str, str], str]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def writes(self) -> list[tuple[str, str]]:
        """Everything that could change something."""
        return [(method, path) for method, path in self.seen if method != "GET" and path not in READS]

    def undeclared(self) -> list[tuple[str, str]]:
        """Requests to endpoints that no table names, which tests/support/contract.py would not compare."""
        return [
            (method, path)
            for method, path in self.seen
            if path not in (LICENCE, VERSION) and not any(_same(call, method, path) for call in CALLS)
        ]

    def given(self, path: str) -> tuple[int, dict[str, str], str] | None:
        """The answer that is given without asking the proxy, if there is one left."""
        with self.lock:
            return self.answers[path].pop(0) if self.answers.get(path) else None

    def loses(self, path: str) -> bool:
        """Whether the answer is to be lost, once."""
        with self.lock:
            if self.dies_after and len(self.writes()) >= self.dies_after:
                self.dead = True
                return True
            if path not in self.lose:
                return False
            self.lose.remove(path)
            self.dead = self.dies
            return True


def _same(call: str, method: str, path: str) -> bool:
    known, template = call.split(" ", 1)
    return known == method and bool(re.fullmatch(re.sub(r"\\{[^}]*\\}", ".+", re.escape(template)), path))


@contextmanager
def in_front_of(url: str) -> Iterator[Forward]:
    """A forwarding server on a port of its own."""
    port = ports.free(1)[0]
    with httpx.Client(base_url=url, timeout=60) as upstream:
        forward = Forward(f"http://127.0.0.1:{port}", upstream)
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(forward))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield forward
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(forward: Forward) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            if forward.dead:
                self.close_connection = True
                return
            with forward.lock:
                forward.seen.append((self.command, path))
                if self.command != "GET" and path not in READS:
                    forward.bodies.append(body)
            given = forward.given(path)
            if given:
                status, headers, text = given
                self._send(status, {"content-type": "text/html", **headers}, text.encode())
                return
            kept = {"authorization": self.headers["authorization"], "content-type": "application/json"}
            answer = forward.upstream.request(self.command, self.path, content=body, headers=kept)
            if self.command != "GET" and forward.loses(path):
                self.close_connection = True
                return
            kind = answer.headers.get("content-type", "application/json")
            self._send(answer.status_code, {"content-type": kind}, answer.content)

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass_on

        def log_message(self, *_arguments: object) -> None:
            """Nothing: pytest shows what matters."""

    return Handler
