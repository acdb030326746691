# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway answered to a chat completion, whole or streamed, reduced to what a proof looks at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .money import Tokens

BUDGET_EXCEEDED = "budget_exceeded"
TOO_LATE = "too late"
NO_DATABASE = "no_db_connection"
KEY_MODEL_ACCESS_DENIED = "key_model_access_denied"
LONGEST_MESSAGE = 300

_KEY_TEXT = re.compile(r"sk-[A-Za-z0-9_-]{8,}")


@dataclass(frozen=True)
class Answer:
    """One answer. C(status) 0 means that there was none; C(message) then says why."""

    status: int
    error_type: str = ""
    message: str = ""
    content: str = ""
    tokens: Tokens | None = None

    @property
    def served(self) -> bool:
        """Whether the call was let through and done."""
        return self.status == HTTPStatus.OK and not self.error_type

    @property
    def stopped_by_budget(self) -> bool:
        """Whether a budget refused the call. LiteLLM's status was 400, 429 and 422 in turn; the type never changed."""
        return self.error_type == BUDGET_EXCEEDED

    def __str__(self) -> str:
        if self.served:
            return f"was served ({self.tokens or 'no usage'})"
        if not self.status:
            return f"got no answer: {self.message}"
        reason = " ".join(part for part in (self.error_type, f'"{self.message}"' if self.message else "") if part)
        return f"got {self.status} {reason}".rstrip()


def whole_answer(status: int, text: str) -> Answer:
    """Read the answer to a call without streaming."""
    body = _json_object(text)
    if status != HTTPStatus.OK or body is None or "error" in body:
        return refusal(status, body, text)
    return Answer(status, content=_content(body, "message"), tokens=Tokens.from_usage(body.get("usage")))


def streamed_answer(status: int, lines: Iterable[str]) -> Answer:
    """Read the server-sent events of a call with streaming. Usage must be in the last event that has data."""
    content: list[str] = []
    tokens: Tokens | None = None
    for line in lines:
        if not line.startswith("data:"):
            continue
        event = _json_object(line.removeprefix("data:"))
        if event is None:
            continue
        if "error" in event:
            return refusal(status, event, line)
        content.append(_content(event, "delta"))
        tokens = Tokens.from_usage(event.get("usage"))
    return Answer(status, content="".join(content), tokens=tokens)


def refusal(status: int, body: dict[str, Any] | None, text: str) -> Answer:
    """Read any of LiteLLM's error shapes: C(error), C(detail), or a text that is no JSON."""
    error = (body or {}).get("error")
    if isinstance(error, dict):
        return Answer(status, str(error.get("type") or "error"), clean(str(error.get("message") or "")))
    detail = (body or {}).get("detail")
    if isinstance(detail, dict):
        detail = detail.get("error", detail)
    return Answer(status, "error", clean(str(detail or error or text or "an empty answer")))


def clean(text: str) -> str:
    """One short line without the text of any key."""
    line = _KEY_TEXT.sub("sk-***", " ".join(text.split()))
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE] + "..."


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _content(body: dict[str, Any], part: str) -> str:
    """The text of the first choice. What a reasoning model thought counts: its tokens may end before the answer."""
    choices = body.get("choices")
    message = choices[0].get(part) if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if not isinstance(message, dict):
        return ""
    return str(message.get("content") or message.get("reasoning_content") or message.get("reasoning") or "")
