# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator says: the same to the same request, with an end of its own."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from .tokens import CHARACTERS, count, pieces

WORDS = ("budget", "cache", "cluster", "counter", "gateway", "header", "ledger", "limit", "model", "number", "prompt")
SHORTEST, LONGEST = 24, 64  # tokens of an answer that ends by itself


@dataclass(frozen=True, slots=True)
class Limits:
    """When an answer ends. `tokens` is the most it may have; with `ignore_eos` it has exactly that many."""

    tokens: int
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    keep_stop: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice. `tokens` counts what was generated, which a stop string may cut from the text."""

    text: str
    tokens: int
    finish_reason: str
    stop_reason: str | None = None

    def chunks(self) -> list[str]:
        """One text for each token; those that a stop string cut away are empty."""
        parts = pieces(self.text)
        return parts + [""] * (self.tokens - len(parts))


def answer(model: str, prompt: str, number: int, seed: int | None, limits: Limits) -> Answer:
    """The choice with this number for a prompt."""
    digest = hashlib.sha256(f"{model}\0{prompt}\0{number}\0{seed}".encode()).digest()
    chance = random.Random(digest)  # noqa: S311 (repeatable on purpose)
    natural = chance.randint(SHORTEST, LONGEST)
    wanted = limits.tokens if limits.ignore_eos else min(limits.tokens, natural)
    text = f"This is {model}, simulated: no weights are loaded here. Some words:"
    while len(text) < wanted * CHARACTERS:
        text += f" {chance.choice(WORDS)}"
    text = text[: wanted * CHARACTERS]
    found = [(text.index(stop), stop) for stop in limits.stop if stop in text]
    if found:
        start, stop = min(found)
        end = start + len(stop)
        return Answer(text[: end if limits.keep_stop else start], count(text[:end]), "stop", stop)
    reason = "stop" if not limits.ignore_eos and natural <= limits.tokens else "length"
    return Answer(text, wanted, reason)
