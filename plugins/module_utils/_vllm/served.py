# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a model server serves what is declared, to whoever has the key and to nobody else."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .._secrets.fingerprint import fingerprint

try:
    import httpx
except ImportError:
    HTTPX_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    HTTPX_IMPORT_ERROR = None

GOOD, UNAUTHORIZED = 200, 401
LIMIT = 10.0  # seconds of a request
SHOWN = 200  # characters of an answer


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    body: str

    def __str__(self) -> str:
        return f"answered {self.status}: {' '.join(self.body.split())[:SHOWN]}".rstrip(": ")


@dataclass(frozen=True)
class Found:
    """What came of it. C(final): asking again is in vain."""

    ok: bool
    detail: str
    next_step: str = ""
    final: bool = False


OPEN = Found(
    False,
    "it answers without a key",
    "Look whether another container or a proxy answers here instead of vLLM with VLLM_API_KEY.",
    final=True,
)


class Silent(Exception):
    """Nobody answered."""


Ask = Callable[[str, str], Answer]  # a path and a key, which may be empty


def key_problem(key: str) -> str:
    """What is wrong with a key before it is used."""
    if not key:
        return "the key is empty, and vLLM would let everybody in"
    if key != key.strip() or not key.isascii() or not key.isprintable():
        return "the key has blanks or a line break at its ends, or letters that no header takes"
    return ""


def look(ask: Ask, declared: str, key: str, expected: str = "") -> Found:
    """Ask a server once. EXPECTED: the fingerprint of the key that the secret store has, if it is known."""
    try:
        health = ask("/health", "")
        if health.status != GOOD:
            return Found(False, f"/health {health}")
        if ask("/v1/models", "").status == GOOD:
            return OPEN
        known = ask("/v1/models", key)
    except Silent as error:
        return Found(False, str(error))
    return _locked_out(key, expected) if known.status == UNAUTHORIZED else _serving(known, declared)


def _serving(known: Answer, declared: str) -> Found:
    names = _names(known)
    if names is None:
        return Found(False, f"/v1/models {known}")
    if declared not in names:
        return Found(
            False,
            f'it serves {_quoted(names)}, and not "{declared}"',
            "Look into extra_args and the image for another --served-model-name.",
            final=True,
        )
    return Found(True, f'serves "{declared}" to those who have the key')


def _locked_out(key: str, expected: str) -> Found:
    mine = fingerprint(key)
    if expected and expected != mine:
        return Found(
            False,
            f"it refuses the key of its Secret, {mine}; the secret store has {expected}",
            "Deliver the secrets first (the wave secrets does).",
            final=True,
        )
    return Found(
        False,
        f"it refuses the key of its Secret, {mine}: the Secret was changed after the pods had started",
        "Run the wave serving again, which starts them anew, or restart them (kubectl rollout restart).",
        final=True,
    )


def _names(answer: Answer) -> list[str] | None:
    if answer.status != GOOD:
        return None
    try:
        return [str(row["id"]) for row in json.loads(answer.body)["data"]]
    except (ValueError, KeyError, TypeError):
        return None


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names) or "nothing"


def asking(client: httpx.Client, why: Callable[[], str] = lambda: "") -> Ask:
    """Questions of a client; WHY knows more than the client about a connection that failed."""

    def ask(path: str, key: str) -> Answer:
        try:
            answer = client.get(path, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=LIMIT)
        except httpx.HTTPError as error:
            raise Silent(why() or f"{path}: {str(error) or type(error).__name__}") from None
        return Answer(answer.status_code, answer.text)

    return ask
