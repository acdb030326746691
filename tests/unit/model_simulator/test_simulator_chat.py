# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chats and texts: what a gateway bills, streams and passes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

MESSAGES = [{"role": "system", "content": "12345"}, {"role": "user", "content": "12345678"}]
PROMPT_TOKENS = 2 + (4 + 2) + (4 + 2)
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


def body(path: str, **more: Any) -> dict[str, Any]:
    """A request for the same prompt in either form."""
    prompt = {"messages": MESSAGES} if path == CHAT else {"prompt": "12345678"}
    return {"model": "qwen-local", **prompt, **more}


def text_of(choice: dict[str, Any]) -> str:
    """A whole choice's text."""
    return str(choice["message"]["content"] if "message" in choice else choice["text"])


def events(response: Any) -> list[dict[str, Any]]:
    """The events of a stream that ended as it should."""
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_usage_follows_the_documented_rule(backend: Any, path: str) -> None:
    answer = backend.post(path, body(path, max_tokens=7)).json()
    prompt = PROMPT_TOKENS if path == CHAT else 2
    assert answer["usage"] == {
        "prompt_tokens": prompt,
        "completion_tokens": 7,
        "total_tokens": prompt + 7,
        "prompt_tokens_details": None,
    }
    assert len(text_of(answer["choices"][0])) == 4 * 7
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_an_answer_ends_by_itself_and_is_repeatable(backend: Any, path: str) -> None:
    first, second = (backend.post(path, body(path)).json() for _count in range(2))
    assert first["choices"][0]["finish_reason"] == "stop"
    assert first["choices"] == second["choices"]
    assert first["id"] != second["id"]
    assert -(-len(text_of(first["choices"][0])) // 4) == first["usage"]["completion_tokens"]
    assert backend.post(path, body(path, seed=7)).json()["choices"] != first["choices"]


def test_max_completion_tokens_goes_before_max_tokens(backend: Any) -> None:
    answer = backend.post(CHAT, body(CHAT, max_tokens=9, max_completion_tokens=3)).json()
    assert answer["usage"]["completion_tokens"] == 3


def test_ignore_eos_gives_exactly_the_wanted_tokens(backend: Any) -> None:
    answer = backend.post(CHAT, body(CHAT, max_tokens=500, ignore_eos=True)).json()
    assert answer["usage"]["completion_tokens"] == 500
    assert answer["choices"][0]["finish_reason"] == "length"


def test_several_choices_differ_and_are_all_counted(backend: Any) -> None:
    answer = backend.post(CHAT, body(CHAT, n=3, max_tokens=40, ignore_eos=True)).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len({text_of(choice) for choice in answer["choices"]}) == 3
    assert answer["usage"]["completion_tokens"] == 120


@pytest.mark.parametrize("stop", ["simulated", ["nowhere", "simulated"]])
def test_a_stop_string_ends_the_answer(backend: Any, stop: Any) -> None:
    choice = backend.post(CHAT, body(CHAT, stop=stop)).json()["choices"][0]
    assert text_of(choice) == "This is qwen-local, "
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "simulated")
    kept = backend.post(CHAT, body(CHAT, stop=stop, include_stop_str_in_output=True)).json()["choices"][0]
    assert text_of(kept) == "This is qwen-local, simulated"


@pytest.mark.parametrize("path", [CHAT, TEXT])
@pytest.mark.parametrize("more", [{}, {"max_tokens": 5}, {"stop": "simulated"}, {"n": 2}])
def test_a_stream_holds_what_the_whole_answer_holds(backend: Any, path: str, more: dict[str, Any]) -> None:
    whole = backend.post(path, body(path, **more)).json()
    chunks = events(backend.post(path, body(path, stream=True, **more)))
    assert len({chunk["id"] for chunk in chunks}) == 1
    texts = [""] * len(whole["choices"])
    reasons: dict[int, Any] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"]["content"] if path == CHAT else choice["text"]
            if choice["finish_reason"] is not None:
                reasons[choice["index"]] = choice["finish_reason"]
    assert texts == [text_of(choice) for choice in whole["choices"]]
    assert [reasons[choice["index"]] for choice in whole["choices"]] == [
        choice["finish_reason"] for choice in whole["choices"]
    ]
    last = chunks[-1]
    assert last["choices"] == []
    assert last["usage"] == {key: value for key, value in whole["usage"].items() if value is not None}
    assert all("usage" in chunk for chunk in chunks)


def test_a_stream_opens_with_the_role(backend: Any) -> None:
    first = events(backend.post(CHAT, body(CHAT, stream=True)))[0]
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}


@pytest.mark.parametrize(
    ("options", "chunks_with_usage"),
    [
        (None, 0),
        ({"include_usage": False}, 0),
        ({"include_usage": True}, 1),
        ({"include_usage": True, "continuous_usage_stats": True}, 5),
    ],
)
def test_without_the_forced_usage_the_request_decides(
    make_backend: Any, options: dict[str, Any] | None, chunks_with_usage: int
) -> None:
    backend = make_backend(force_include_usage=False)
    chunks = events(backend.post(CHAT, body(CHAT, stream=True, max_tokens=3, stream_options=options)))
    assert sum("usage" in chunk for chunk in chunks) == chunks_with_usage
    assert (chunks[-1]["choices"] == []) == (chunks_with_usage > 0)


def test_several_texts_in_one_request(backend: Any) -> None:
    answer = backend.post(TEXT, {"prompt": ["1234", "12345678"], "max_tokens": 2, "n": 2}).json()
    assert len(answer["choices"]) == 4
    assert answer["usage"]["prompt_tokens"] == 3
    assert answer["usage"]["completion_tokens"] == 8
    assert backend.post(TEXT, {"prompt": [1, 2, 3], "max_tokens": 2}).json()["usage"]["prompt_tokens"] == 3


def test_content_in_parts_counts_its_text(backend: Any) -> None:
    parts = [{"type": "text", "text": "12345678"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    answer = backend.post(CHAT, {"messages": [{"role": "user", "content": parts}], "max_tokens": 1}).json()
    assert answer["usage"]["prompt_tokens"] == 2 + 4 + 2


def test_ids_are_never_used_twice(backend: Any) -> None:
    headers = {"X-Request-Id": "the-same"}
    answers = [backend.post(CHAT, body(CHAT, max_tokens=1), headers=headers).json()["id"] for _count in range(20)]
    assert len(set(answers)) == 20
