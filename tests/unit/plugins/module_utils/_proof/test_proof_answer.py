# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the gateway, whole, streamed and refused."""

from __future__ import annotations

import json

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._proof.answer import (
    Answer,
    clean,
    streamed_answer,
    whole_answer,
)
from ansible_collections.tollgate.llm.plugins.module_utils._proof.money import Tokens

USAGE = {"prompt_tokens": 31, "completion_tokens": 16}


def event(content: object) -> str:
    return f"data: {json.dumps(content)}"


def test_a_whole_answer_has_content_and_tokens() -> None:
    text = json.dumps({"choices": [{"message": {"content": "One"}}], "usage": USAGE})
    assert whole_answer(200, text) == Answer(200, content="One", tokens=Tokens(31, 16))


def test_thoughts_count_as_content() -> None:
    text = json.dumps({"choices": [{"message": {"content": None, "reasoning_content": "Hm"}}], "usage": USAGE})
    assert whole_answer(200, text).content == "Hm"


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"error": {"message": "too much", "type": "budget_exceeded"}}, "budget_exceeded", "too much"),
        ({"detail": "Virtual key is not allowed"}, "error", "Virtual key is not allowed"),
        ({"detail": {"error": "no team"}}, "error", "no team"),
        ({"detail": [{"msg": "field required"}]}, "error", "[{'msg': 'field required'}]"),
    ],
)
def test_every_shape_of_error_is_read(body: object, kind: str, message: str) -> None:
    assert whole_answer(422, json.dumps(body)) == Answer(422, kind, message)


def test_a_page_of_a_proxy_in_between_is_no_answer() -> None:
    answer = whole_answer(200, "<html>sign in</html>")
    assert not answer.served
    assert "sign in" in answer.message


def test_the_last_event_of_a_stream_brings_the_usage() -> None:
    lines = [
        event({"choices": [{"delta": {"content": "One"}}]}),
        "",
        event({"choices": [], "usage": USAGE}),
        "data: [DONE]",
    ]
    assert streamed_answer(200, lines) == Answer(200, content="One", tokens=Tokens(31, 16))


def test_usage_that_is_not_at_the_end_does_not_count() -> None:
    lines = [event({"usage": USAGE}), event({"choices": [{"delta": {"content": "One"}}]})]
    assert streamed_answer(200, lines).tokens is None


def test_an_error_in_a_stream_is_a_refusal() -> None:
    answer = streamed_answer(200, [event({"error": {"message": "gone", "type": "internal_server_error"}})])
    assert not answer.served
    assert answer.error_type == "internal_server_error"


def test_texts_of_keys_are_never_shown() -> None:
    assert clean("Received API Key = sk-0123456789abcdef,\n Hash = 12") == "Received API Key = sk-***, Hash = 12"


def test_long_messages_are_cut() -> None:
    assert len(clean("x" * 5000)) == 303


def test_no_answer_is_told_as_such() -> None:
    assert str(Answer(0, message="ConnectError: refused")) == "got no answer: ConnectError: refused"
