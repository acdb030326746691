# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request for text to timed tokens: admission, delays, metrics."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from . import fields
from .answers import Answer, Limits, answer
from .errors import ApiError, bad_request, invalid, prompt_too_long, unknown_model
from .exchange import ClientGoneError, Exchange
from .metrics import Metrics
from .settings import Settings

Token = tuple[int, str, int, bool]


@dataclass(frozen=True, slots=True)
class Job:
    """A request that was understood: its answers are known before their time has come."""

    id: str
    created: int
    model: str
    prompt_tokens: int
    answers: list[Answer]
    stream: bool
    include_usage: bool
    continuous_usage: bool
    first_token: float
    next_token: float

    def usage(self, generated: int) -> dict[str, Any]:
        """The usage with this many generated tokens."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + generated,
            "completion_tokens": generated,
        }

    @property
    def generated(self) -> int:
        """Tokens of all answers."""
        return sum(item.tokens for item in self.answers)


class Engine:
    """What all requests share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics(settings)
        self._seats = asyncio.Semaphore(settings.max_num_seqs)

    def model(self, body: dict[str, Any]) -> str:
        """The model that a body names; vLLM takes the first one when it names none."""
        name = body.get("model")
        if name is None or name == "":
            return self.settings.models[0]
        if not isinstance(name, str):
            raise invalid("string_type", "body.model", "Input should be a valid string", name)
        if name not in self.settings.models:
            raise unknown_model(name, self.settings.models)
        return name

    def job(self, exchange: Exchange, body: dict[str, Any], kind: str, prompts: list[str], tokens: list[int]) -> Job:
        """Understand a request for text; `tokens` are those of each prompt."""
        settings = self.settings
        fields.sampling(body)
        stream = fields.flag(body, "stream")
        options = fields.table(body, "stream_options")
        if options and not stream:
            raise bad_request("Stream options can only be defined when `stream=True`.", "stream_options")
        choices = fields.whole(body, "n")
        if choices is not None and choices < 1:
            raise bad_request(f"n must be at least 1, got {choices}.", "n", choices)
        model = self.model(body)
        answers: list[Answer] = []
        for prompt, length in zip(prompts, tokens, strict=True):
            limits = self._limits(body, length)
            for _number in range(choices or 1):
                answers.append(answer(model, prompt, len(answers), fields.whole(body, "seed"), limits))
        forced = settings.force_include_usage
        include = forced or fields.flag(options, "include_usage")
        extra = fields.table(body, "vllm_xargs")
        return Job(
            id=f"{kind}-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=model,
            prompt_tokens=sum(tokens),
            answers=answers,
            stream=stream,
            include_usage=include,
            continuous_usage=forced or (include and fields.flag(options, "continuous_usage_stats")),
            first_token=_delay(exchange, extra, "time_to_first_token", settings.time_to_first_token),
            next_token=_delay(exchange, extra, "time_per_token", settings.time_per_token),
        )

    def _limits(self, body: dict[str, Any], prompt_tokens: int) -> Limits:
        longest = self.settings.max_model_len
        name = "max_tokens" if body.get("max_completion_tokens") is None else "max_completion_tokens"
        wanted = fields.whole(body, name)
        if wanted is not None and wanted > longest:
            raise bad_request(
                f"{name}={wanted} cannot be greater than max_model_len={longest}. Please request fewer output tokens.",
                name,
                wanted,
            )
        if prompt_tokens > longest:
            raise prompt_too_long(longest)
        room = longest - prompt_tokens
        tokens = room if wanted is None else min(wanted, room)
        if tokens < 1:
            raise bad_request(f"max_tokens must be at least 1, got {tokens}.", "max_tokens", tokens)
        return Limits(
            tokens,
            fields.stops(body),
            fields.flag(body, "ignore_eos"),
            fields.flag(body, "include_stop_str_in_output"),
        )

    @asynccontextmanager
    async def running(self, exchange: Exchange, job: Job) -> AsyncIterator[None]:
        """Wait for a seat, hold it, and count the request under the way it ended."""
        metrics = self.metrics
        start = time.monotonic()
        held = job.prompt_tokens + job.generated
        exchange.note.update(id=job.id, model=job.model, prompt=job.prompt_tokens, completion=job.generated)
        metrics.waiting += 1
        try:
            await exchange.until(asyncio.ensure_future(self._seats.acquire()))
        except ClientGoneError:
            metrics.finished["abort"] += 1
            raise
        finally:
            metrics.waiting -= 1
        metrics.running += 1
        metrics.tokens_held += held
        metrics.queue.observe(time.monotonic() - start)
        try:
            yield
        except (ClientGoneError, asyncio.CancelledError):
            metrics.finished["abort"] += len(job.answers)
            raise
        else:
            metrics.latency.observe(time.monotonic() - start)
            metrics.prompt_tokens += job.prompt_tokens
            for item in job.answers:
                metrics.finished[item.finish_reason] += 1
        finally:
            metrics.running -= 1
            metrics.tokens_held -= held
            self._seats.release()

    async def tokens(self, exchange: Exchange, job: Job) -> AsyncIterator[Token]:
        """(choice, text, tokens of the choice so far, is it the last) when their time has come, choices in turn."""
        start = time.monotonic()
        await exchange.pause(job.first_token)
        parts = [item.chunks() for item in job.answers]
        for turn in range(max(len(part) for part in parts)):
            if turn:
                await exchange.pause(job.next_token)
            now = time.monotonic()
            (self.metrics.next_token if turn else self.metrics.first_token).observe(now - start)
            start = now
            for choice, part in enumerate(parts):
                if turn < len(part):
                    self.metrics.generation_tokens += 1
                    yield choice, part[turn], turn + 1, turn + 1 == len(part)


def _delay(exchange: Exchange, extra: dict[str, Any], name: str, default: float) -> float:
    """Seconds; a request may say milliseconds in a header or, through a gateway, in `vllm_xargs`."""
    text = exchange.headers.get(f"x-simulator-{name.replace('_', '-')}", extra.get(name))
    if text is None:
        return default
    try:
        return max(0.0, float(text) / 1000)
    except (TypeError, ValueError):
        raise ApiError(400, {"detail": f"{name} is a number of milliseconds"}) from None
