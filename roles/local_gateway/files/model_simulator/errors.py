# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors with the bodies that vLLM 0.32 sends."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def _error(status: int, kind: str, message: str, param: str | None) -> ApiError:
    return ApiError(status, {"error": {"message": message, "type": kind, "param": param, "code": status}})


def bad_request(message: str, parameter: str | None = None, value: object = None) -> ApiError:
    """vLLM refuses a value: parameter and value are part of its text."""
    extras = [] if parameter is None else [f"parameter={parameter}"]
    if value is not None:
        extras.append(f"value={value}")
    return _error(400, "BadRequestError", f"{message} ({', '.join(extras)})" if extras else message, parameter)


def invalid(kind: str, location: str, message: str, given: object) -> ApiError:
    """The body has the wrong shape: the text is pydantic's, as vLLM shortens it."""
    shown = f"<{type(given).__name__} of {len(given)} items>" if isinstance(given, dict | list) else given
    entry = {"type": kind, "loc": location, "msg": message, "input": shown}
    return _error(400, "Bad Request", f"1 validation error:\n  {entry}", location)


def unknown_model(name: str, served: tuple[str, ...]) -> ApiError:
    """The model is not served here."""
    text = f"The model `{name}` does not exist. Valid aliases: {', '.join(served)}."
    return _error(404, "NotFoundError", text, "model")


def unauthorized() -> ApiError:
    """No key or a wrong one."""
    return ApiError(401, {"error": "Unauthorized"})


def prompt_too_long(limit: int) -> ApiError:
    """The prompt alone exceeds the context. vLLM stops counting one token above the limit, hence "at least"."""
    return bad_request(
        f"This model's maximum context length is {limit} tokens. However, your prompt contains "
        f"at least {limit + 1} input tokens, which exceeds this limit even without any "
        "output tokens. Please reduce the length of the input prompt.",
        "input_tokens",
        limit + 1,
    )
