# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OpenAI-compatible backend whose faults are chosen by the model's name. It runs in a thread of the test."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT_TOKENS = 31
WORDS = ["One", " two", " three", " four"]

GOOD = "good"
STREAMS_WITHOUT_USAGE = "streams-without-usage"
ALWAYS_THE_SAME_ID = "always-the-same-id"
BROKEN = "broken"
SLOW = "slow"
SILENT = "silent"


class Backend(BaseHTTPRequestHandler):
    """Answers chat completions: 31 prompt tokens, and as many completion tokens as `max_tokens` allows."""

    protocol_version = "HTTP/1.1"
    ended = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = body["model"]
        if fault == SLOW:
            self.ended.wait(20)
        if fault == BROKEN:
            self._send(500, "application/json", json.dumps({"error": {"message": "out of memory"}}))
            return
        tokens = min(16, body.get("max_tokens") or 16)
        usage = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": tokens,
            "total_tokens": PROMPT_TOKENS + tokens,
        }
        answer = {
            "id": "x" if fault == ALWAYS_THE_SAME_ID else f"chatcmpl-{uuid.uuid4()}",
            "created": 1_700_000_000,
            "model": fault,
        }
        if body.get("stream"):
            self._send(200, "text/event-stream", "".join(_events(answer, usage, fault)))
            return
        message = {"role": "assistant", "content": "" if fault == SILENT else "".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "length"}
        self._send(
            200,
            "application/json",
            json.dumps({**answer, "object": "chat.completion", "choices": [choice], "usage": usage}),
        )

    def _send(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: pytest's output stays readable."""


class Server(ThreadingHTTPServer):
    """Says nothing about clients that went away."""

    daemon_threads = True

    def handle_error(self, *_arguments: Any) -> None:
        """A proof that was ended closes its connections."""


def _events(answer: dict[str, Any], usage: dict[str, int], fault: str) -> Iterator[str]:
    answer = {**answer, "object": "chat.completion.chunk"}
    for word in WORDS:
        yield _event({**answer, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
    yield _event({**answer, "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
    if fault != STREAMS_WITHOUT_USAGE:
        yield _event({**answer, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content)}\n\n"


@contextmanager
def running_backend() -> Iterator[str]:
    """The base URL of a backend that ends with the context."""
    Backend.ended.clear()
    server = Server(("127.0.0.1", 0), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        Backend.ended.set()
        server.shutdown()
        server.server_close()
