# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request and its answer, on plain ASGI: nothing but a server such as uvicorn is needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .errors import ApiError, invalid

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LARGEST_BODY = 32 * 1024 * 1024
JSON_TYPE = b"application/json"


class ClientGoneError(Exception):
    """The client closed the connection before the answer was complete."""


class Exchange:
    """What a handler reads from and writes to. `note` collects what the access log may say: numbers and ids only."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.status = 0
        self.note: dict[str, object] = {}
        self._receive = receive
        self._send = send
        self._gone: asyncio.Task[None] | None = None

    async def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        data = b""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            data += message.get("body", b"")
            more = message.get("more_body", False)
            if len(data) > LARGEST_BODY:
                raise ApiError(413, {"detail": "Request Entity Too Large"})
        self._gone = asyncio.create_task(self._watch())
        try:
            body = json.loads(data)
        except json.JSONDecodeError as error:
            raise invalid("json_invalid", f"body.{error.pos}", "JSON decode error", {}) from error
        except UnicodeDecodeError as error:
            raise ApiError(400, {"detail": "There was an error parsing the body"}) from error
        if not isinstance(body, dict):
            raise invalid("model_attributes_type", "body", "Input should be a valid dictionary", body)
        return body

    async def pause(self, seconds: float) -> None:
        """Wait, unless the client goes away."""
        if self._gone is None:
            await asyncio.sleep(seconds)
            return
        await asyncio.wait({self._gone}, timeout=seconds)
        if self._gone.done():
            raise ClientGoneError

    async def until(self, work: asyncio.Future[Any]) -> None:
        """Wait for something, unless the client goes away."""
        try:
            await asyncio.wait(
                {work} if self._gone is None else {work, self._gone}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not work.done():
                work.cancel()
        if work.cancelled() or not work.done():
            raise ClientGoneError

    async def answer(self, status: int, body: object) -> None:
        """A whole JSON answer."""
        await self.answer_bytes(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), JSON_TYPE)

    async def answer_bytes(self, status: int, body: bytes, kind: bytes) -> None:
        """A whole answer of another type."""
        await self._start(status, kind, [(b"content-length", str(len(body)).encode())])
        await self._send({"type": "http.response.body", "body": body})

    async def begin_stream(self) -> None:
        """The head of a stream of server-sent events."""
        await self._start(200, b"text/event-stream; charset=utf-8", [(b"cache-control", b"no-cache")])

    async def event(self, data: object) -> None:
        """One event; the text `[DONE]` is sent as it is."""
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        await self._send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})

    async def end_stream(self) -> None:
        """The last bytes of a stream."""
        await self.event("[DONE]")
        await self._send({"type": "http.response.body", "body": b""})

    def close(self) -> None:
        """Stop watching the client."""
        if self._gone is not None:
            self._gone.cancel()

    async def _start(self, status: int, kind: bytes, more: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        headers = [(b"content-type", kind), *more]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
