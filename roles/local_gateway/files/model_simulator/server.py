# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's paths, its key and its access log."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from . import fields, tokens
from .completions import chat, completion
from .embeddings import embeddings
from .errors import ApiError, prompt_too_long, unauthorized
from .exchange import ClientGoneError, Exchange, Message, Receive, Send
from .generation import Engine
from .settings import Settings

GUARDED = ("/v1", "/v2", "/inference", "/cohere")
VERSION = "0.32.0"
CLIENT_CLOSED = 499
Handler = Callable[[Engine, Exchange], Awaitable[None]]


async def models(engine: Engine, exchange: Exchange) -> None:
    """The served names."""
    cards = [
        {
            "id": name,
            "object": "model",
            "created": int(time.time()),
            "owned_by": "vllm",
            "root": engine.settings.models[0],
            "parent": None,
            "max_model_len": engine.settings.max_model_len,
            "permission": [
                {"id": f"modelperm-{uuid.uuid4().hex}", "object": "model_permission", "allow_sampling": True}
            ],
        }
        for name in engine.settings.models
    ]
    await exchange.answer(200, {"object": "list", "data": cards})


async def tokenize(engine: Engine, exchange: Exchange) -> None:
    """The tokens of a prompt or a chat."""
    body = await exchange.json()
    engine.model(body)
    longest = engine.settings.max_model_len
    contents = [str(body["prompt"])] if "prompt" in body else fields.messages(body)
    numbers = [number for content in contents for number in tokens.identifiers(content)]
    if "prompt" not in body:
        numbers = [0] * (tokens.count_chat(contents) - len(numbers)) + numbers
    if len(numbers) > longest:
        raise prompt_too_long(longest)
    answer = {"count": len(numbers), "max_model_len": longest, "tokens": numbers, "token_strs": None}
    await exchange.answer(200, answer)


async def health(_engine: Engine, exchange: Exchange) -> None:
    """Alive."""
    await exchange.answer_bytes(200, b"", b"text/plain; charset=utf-8")


async def version(_engine: Engine, exchange: Exchange) -> None:
    """The version of vLLM whose behaviour this is."""
    await exchange.answer(200, {"version": VERSION})


async def metrics(engine: Engine, exchange: Exchange) -> None:
    """Prometheus' page."""
    await exchange.answer_bytes(200, engine.metrics.text().encode(), b"text/plain; version=0.0.4; charset=utf-8")


async def load(engine: Engine, exchange: Exchange) -> None:
    """Requests under way."""
    await exchange.answer(200, {"server_load": engine.metrics.running + engine.metrics.waiting})


PATHS: dict[str, dict[str, Handler]] = {
    "/v1/chat/completions": {"POST": chat},
    "/v1/completions": {"POST": completion},
    "/v1/embeddings": {"POST": embeddings},
    "/v1/models": {"GET": models},
    "/tokenize": {"POST": tokenize},
    "/health": {"GET": health},
    "/ping": {"GET": health, "POST": health},
    "/version": {"GET": version},
    "/load": {"GET": load},
    "/metrics": {"GET": metrics},
}
QUIET = ("/health", "/ping", "/metrics")


class Simulator:
    """The ASGI application."""

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)
        self._key = None if settings.api_key is None else hashlib.sha256(settings.api_key.encode()).digest()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        start = time.monotonic()
        try:
            self._admit(exchange)
            await self._handler(exchange)(self.engine, exchange)
        except ApiError as error:
            await exchange.answer(error.status, error.body)
        except ClientGoneError:
            exchange.status = CLIENT_CLOSED
        except asyncio.CancelledError:
            exchange.status = CLIENT_CLOSED
            raise
        finally:
            exchange.close()
            _log(exchange, time.monotonic() - start)

    def _admit(self, exchange: Exchange) -> None:
        if self._key is None or exchange.method == "OPTIONS" or not exchange.path.startswith(GUARDED):
            return
        scheme, _blank, given = exchange.headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(given.encode()).digest()
        if not secrets.compare_digest(digest, self._key) or scheme.lower() != "bearer":
            raise unauthorized()

    def _handler(self, exchange: Exchange) -> Handler:
        methods = PATHS.get(exchange.path)
        if methods is None:
            raise ApiError(404, {"detail": "Not Found"})
        if exchange.method not in methods:
            raise ApiError(405, {"detail": "Method Not Allowed"})
        return methods[exchange.method]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: dict[str, Any] = dict(await receive())
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _log(exchange: Exchange, seconds: float) -> None:
    """One line without content. Unknown paths are not repeated: they are somebody else's text."""
    known = exchange.path in PATHS
    if exchange.path in QUIET and exchange.status < 400:  # noqa: PLR2004 (probes would drown the rest)
        return
    notes = "".join(f" {name}={value}" for name, value in exchange.note.items())
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path = exchange.path if known else "(unknown path)"
    print(
        f"{moment} {exchange.method} {path} {exchange.status} {1000 * seconds:.0f}ms{notes}",
        file=sys.stdout,
        flush=True,
    )
