# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`/v1/embeddings`: for each text a direction of its own, the same each time."""

from __future__ import annotations

import base64
import hashlib
import math
import random
import struct
import time
import uuid

from . import fields, tokens
from .errors import bad_request, invalid, prompt_too_long
from .exchange import Exchange
from .generation import Engine


async def embeddings(engine: Engine, exchange: Exchange) -> None:
    """Answer with one unit vector for each text."""
    body = await exchange.json()
    inputs = fields.texts(body, "input")
    model = engine.model(body)
    longest = engine.settings.embedding_dimensions
    dimensions = fields.whole(body, "dimensions")
    if dimensions is not None and not 1 <= dimensions <= longest:
        raise bad_request(f"dimensions must lie between 1 and {longest}, got {dimensions}.", "dimensions", dimensions)
    form = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise invalid("literal_error", "body.encoding_format", "Input should be 'float' or 'base64'", form)
    counts = [tokens.count(text) for text in inputs]
    if max(counts) > engine.settings.max_model_len:
        raise prompt_too_long(engine.settings.max_model_len)
    vectors = [vector(model, text, dimensions or longest) for text in inputs]
    await exchange.pause(engine.settings.time_to_first_token)
    engine.metrics.prompt_tokens += sum(counts)
    identifier = f"embd-{uuid.uuid4().hex}"
    exchange.note.update(id=identifier, model=model, prompt=sum(counts))
    entries = [
        {"index": index, "object": "embedding", "embedding": packed(item) if form == "base64" else item}
        for index, item in enumerate(vectors)
    ]
    usage = {
        "prompt_tokens": sum(counts),
        "total_tokens": sum(counts),
        "completion_tokens": 0,
        "prompt_tokens_details": None,
    }
    head = {"id": identifier, "object": "list", "created": int(time.time()), "model": model}
    await exchange.answer(200, {**head, "data": entries, "usage": usage})


def vector(model: str, text: str, dimensions: int) -> list[float]:
    """A vector of length 1 that depends on the model and the text alone."""
    chance = random.Random(hashlib.sha256(f"{model}\0{text}".encode()).digest())  # noqa: S311 (repeatable on purpose)
    values = [chance.gauss(0, 1) for _place in range(dimensions)]
    length = math.sqrt(math.fsum(value * value for value in values))
    return [value / length for value in values]


def packed(values: list[float]) -> str:
    """32-bit little-endian numbers in base64, as the OpenAI client asks for."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
