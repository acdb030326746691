# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`/v1/chat/completions` and `/v1/completions`."""

from __future__ import annotations

from typing import Any

from . import fields, tokens
from .answers import Answer
from .errors import bad_request
from .exchange import Exchange
from .generation import Engine, Job


async def chat(engine: Engine, exchange: Exchange) -> None:
    """Answer a chat."""
    body = await exchange.json()
    contents = fields.messages(body)
    if body.get("tools") == []:
        raise bad_request(
            "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.", "tools"
        )
    job = engine.job(exchange, body, "chatcmpl", ["\0".join(contents)], [tokens.count_chat(contents)])
    await _run(engine, exchange, job, Chat())


async def completion(engine: Engine, exchange: Exchange) -> None:
    """Continue one or several texts."""
    body = await exchange.json()
    prompts = fields.texts(body, "prompt")
    job = engine.job(exchange, body, "cmpl", prompts, [tokens.count(prompt) for prompt in prompts])
    await _run(engine, exchange, job, Text())


class Chat:
    """The shapes of a chat's answer."""

    whole, chunk = "chat.completion", "chat.completion.chunk"

    def choice(self, item: Answer) -> dict[str, Any]:
        """A whole choice."""
        message = {
            "role": "assistant",
            "content": item.text,
            "refusal": None,
            "annotations": None,
            "audio": None,
            "function_call": None,
            "reasoning": None,
        }
        return {"message": message, "logprobs": None, "token_ids": None}

    def opening(self) -> dict[str, Any] | None:
        """The part of a choice that comes before its first token."""
        return {"delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}

    def part(self, text: str) -> dict[str, Any]:
        """A part of a choice."""
        return {"delta": {"content": text}, "logprobs": None, "token_ids": None}


class Text:
    """The shapes of a text's continuation."""

    whole = chunk = "text_completion"

    def choice(self, item: Answer) -> dict[str, Any]:
        """A whole choice."""
        return {"text": item.text, "logprobs": None, "token_ids": None, "prompt_logprobs": None}

    def opening(self) -> dict[str, Any] | None:
        """Nothing comes before the first token."""
        return None

    def part(self, text: str) -> dict[str, Any]:
        """A part of a choice."""
        return {"text": text, "logprobs": None, "token_ids": None}


async def _run(engine: Engine, exchange: Exchange, job: Job, shape: Chat | Text) -> None:
    async with engine.running(exchange, job):
        if job.stream:
            await _stream(engine, exchange, job, shape)
            return
        async for _token in engine.tokens(exchange, job):
            pass
    choices = [
        {
            "index": index,
            **shape.choice(item),
            "finish_reason": item.finish_reason,
            "stop_reason": item.stop_reason,
        }
        for index, item in enumerate(job.answers)
    ]
    head = _head(job, shape.whole)
    usage = {**job.usage(job.generated), "prompt_tokens_details": None}
    await exchange.answer(200, {**head, "choices": choices, "system_fingerprint": None, "usage": usage})


async def _stream(engine: Engine, exchange: Exchange, job: Job, shape: Chat | Text) -> None:
    head = _head(job, shape.chunk)

    async def event(choice: dict[str, Any], generated: int) -> None:
        usage = {"usage": job.usage(generated)} if job.continuous_usage else {}
        await exchange.event({**head, "choices": [choice], **usage})

    opened = False
    async for index, text, number, last in engine.tokens(exchange, job):
        if not opened:
            opened = True
            await exchange.begin_stream()
            if (opening := shape.opening()) is not None:
                for first in range(len(job.answers)):
                    await event({"index": first, **opening}, 0)
        item = job.answers[index]
        end = (
            {"finish_reason": item.finish_reason, "stop_reason": item.stop_reason} if last else {"finish_reason": None}
        )
        if text or last:
            await event({"index": index, **shape.part(text), **end}, number)
    if job.include_usage:
        await exchange.event({**head, "choices": [], "usage": job.usage(job.generated)})
    await exchange.end_stream()


def _head(job: Job, kind: str) -> dict[str, Any]:
    return {"id": job.id, "object": kind, "created": job.created, "model": job.model}
