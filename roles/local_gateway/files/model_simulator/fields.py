# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a request's fields with the complaints of vLLM's own models."""

from __future__ import annotations

from typing import Any

from .errors import bad_request, invalid

SMALLEST_SEED, LARGEST_SEED = -(2**63), 2**63 - 1
LARGEST_PENALTY = 2


def whole(body: dict[str, Any], name: str) -> int | None:
    """An integer or nothing."""
    value = body.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise invalid("int_type", f"body.{name}", "Input should be a valid integer", value)


def number(body: dict[str, Any], name: str) -> float | None:
    """A number or nothing."""
    value = body.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise invalid("float_type", f"body.{name}", "Input should be a valid number", value)


def flag(body: dict[str, Any], name: str) -> bool:
    """A boolean; nothing is false."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid("bool_type", f"body.{name}", "Input should be a valid boolean", value)


def table(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object; nothing is an empty one."""
    value = body.get(name)
    if value is None or isinstance(value, dict):
        return value or {}
    raise invalid("model_attributes_type", f"body.{name}", "Input should be a valid dictionary", value)


def stops(body: dict[str, Any]) -> tuple[str, ...]:
    """The stop strings."""
    value = body.get("stop")
    entries = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise invalid("string_type", "body.stop", "Input should be a valid string", value)
    if not all(entries):
        raise bad_request("stop cannot contain an empty string.", "stop", value)
    return tuple(entries)


def texts(body: dict[str, Any], name: str) -> list[str]:
    """One or several prompts. A list of token numbers stands for four characters each."""
    if name not in body:
        raise invalid("missing", f"body.{name}", "Field required", body)
    value = body[name]
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value:
        if all(isinstance(entry, str) for entry in value):
            return value
        if all(isinstance(entry, int) for entry in value):
            return [_text(value)]
        if all(isinstance(entry, list) and all(isinstance(token, int) for token in entry) for entry in value):
            return [_text(entry) for entry in value]
    raise invalid("string_type", f"body.{name}", "Input should be a valid string", value)


def messages(body: dict[str, Any]) -> list[str]:
    """The contents of a chat's messages; parts that are no text (images) count as nothing."""
    if "messages" not in body:
        raise invalid("missing", "body.messages", "Field required", body)
    entries = body["messages"]
    if not isinstance(entries, list):
        raise invalid("list_type", "body.messages", "Input should be a valid list", entries)
    if not entries:
        raise bad_request("Please provide at least one message.", "messages")
    found = []
    for position, entry in enumerate(entries):
        where = f"body.messages.{position}"
        if not isinstance(entry, dict):
            raise invalid("model_attributes_type", where, "Input should be a valid dictionary", entry)
        if not isinstance(entry.get("role"), str):
            raise invalid("missing", f"{where}.role", "Field required", entry)
        found.append(_content(entry.get("content"), where))
    return found


def sampling(body: dict[str, Any]) -> None:
    """Refuse values that vLLM's sampler refuses."""
    temperature, top_p = number(body, "temperature"), number(body, "top_p")
    if temperature is not None and temperature < 0:
        raise bad_request(f"temperature must be non-negative, got {temperature}.", "temperature", temperature)
    if top_p is not None and not 0 < top_p <= 1:
        raise bad_request(f"top_p must be in (0, 1], got {top_p}.", "top_p", top_p)
    for name in ("presence_penalty", "frequency_penalty"):
        value = number(body, name)
        if value is not None and abs(value) > LARGEST_PENALTY:
            raise bad_request(f"{name} must be in [-2, 2], got {value}.", name, value)
    seed = whole(body, "seed")
    if seed is not None and not SMALLEST_SEED <= seed <= LARGEST_SEED:
        raise invalid("less_than_equal", "body.seed", f"Input should be less than or equal to {LARGEST_SEED}", seed)


def _content(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    raise invalid("string_type", f"{where}.content", "Input should be a valid string", content)


def _text(tokens: list[int]) -> str:
    return "".join(f"{token % 10000:4d}" for token in tokens)
