# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals with vLLM's status and body, by which gateways decide what to do next."""

from __future__ import annotations

import json
from typing import Any

import pytest

CHAT = "/v1/chat/completions"
USER = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic sk-simulated-0123456789", "sk-simulated-0123456789", "Bearer é"]
)
def test_a_wrong_key_is_refused_as_vllm_does(backend: Any, header: str) -> None:
    response = backend.post(CHAT, {"messages": USER}, headers={"Authorization": header.encode()})
    assert response.status_code == 401
    assert response.json() == {"error": "Unauthorized"}


def test_the_key_is_not_taken_from_another_header(backend: Any) -> None:
    headers = {"Authorization": "", "x-api-key": "sk-simulated-0123456789", "api-key": "sk-simulated-0123456789"}
    assert backend.get("/v1/models", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ping", "/version", "/metrics", "/load"])
def test_probes_and_metrics_need_no_key(backend: Any, path: str) -> None:
    assert backend.get(path, headers={"Authorization": ""}).status_code == 200


def test_without_a_key_everything_is_open(make_backend: Any) -> None:
    backend = make_backend(api_key=None)
    assert backend.get("/v1/models", headers={"Authorization": ""}).status_code == 200


def test_an_unknown_model(backend: Any) -> None:
    response = backend.post(CHAT, {"model": "gpt-9", "messages": USER})
    assert response.status_code == 404
    assert response.json() == {
        "error": {
            "message": "The model `gpt-9` does not exist. Valid aliases: qwen-local.",
            "type": "NotFoundError",
            "param": "model",
            "code": 404,
        }
    }


def test_a_prompt_over_the_context(make_backend: Any) -> None:
    backend = make_backend(max_model_len=100)
    response = backend.post(CHAT, {"messages": [{"role": "user", "content": "x" * 4 * 95}]})
    assert response.status_code == 400
    assert response.json() == {
        "error": {
            "message": "This model's maximum context length is 100 tokens. However, your prompt contains at least 101 "
            "input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the "
            "input prompt. (parameter=input_tokens, value=101)",
            "type": "BadRequestError",
            "param": "input_tokens",
            "code": 400,
        }
    }


def test_only_the_sum_over_the_context_is_clamped(make_backend: Any) -> None:
    backend = make_backend(max_model_len=100)
    long = {"messages": [{"role": "user", "content": "x" * 4 * 84}], "max_tokens": 50, "ignore_eos": True}
    usage = backend.post(CHAT, long).json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (90, 10)


def test_more_tokens_than_the_context(backend: Any) -> None:
    error = backend.post(CHAT, {"messages": USER, "max_tokens": 8193}).json()["error"]
    assert error["message"] == (
        "max_tokens=8193 cannot be greater than max_model_len=8192. Please request fewer output tokens. "
        "(parameter=max_tokens, value=8193)"
    )
    assert (error["type"], error["param"], error["code"]) == ("BadRequestError", "max_tokens", 400)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "body.messages"),
        ({"messages": "hello"}, "body.messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hello"]}, "body.messages.0"),
        ({"messages": [{"content": "hello"}]}, "body.messages.0.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "body.messages.0.content"),
        ({"messages": USER, "max_tokens": "many"}, "body.max_tokens"),
        ({"messages": USER, "max_tokens": 0}, "max_tokens"),
        ({"messages": USER, "n": 0}, "n"),
        ({"messages": USER, "temperature": -1}, "temperature"),
        ({"messages": USER, "temperature": "hot"}, "body.temperature"),
        ({"messages": USER, "top_p": 0}, "top_p"),
        ({"messages": USER, "presence_penalty": 3}, "presence_penalty"),
        ({"messages": USER, "stop": ""}, "stop"),
        ({"messages": USER, "stop": {"a": 1}}, "body.stop"),
        ({"messages": USER, "stream": "yes"}, "body.stream"),
        ({"messages": USER, "stream_options": {"include_usage": True}}, "stream_options"),
        ({"messages": USER, "tools": []}, "tools"),
        ({"messages": USER, "model": 7}, "body.model"),
        ({"messages": USER, "seed": 2**64}, "body.seed"),
    ],
)
def test_a_body_with_a_mistake(backend: Any, body: dict[str, Any], param: str) -> None:
    response = backend.post(CHAT, body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, 400)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"text"', b"\xff\xfe{}"])
def test_a_body_that_is_no_object(backend: Any, content: bytes) -> None:
    response = backend.run(lambda client: client.post(CHAT, content=content))
    assert response.status_code == 400
    assert json.loads(response.text)


@pytest.mark.parametrize(("path", "method", "status"), [("/v1/nothing", "GET", 404), (CHAT, "GET", 405)])
def test_unknown_paths_and_methods(backend: Any, path: str, method: str, status: int) -> None:
    assert backend.run(lambda client: client.request(method, path)).status_code == status


def test_the_log_has_no_content_and_no_key(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    backend.post(CHAT, {"messages": [{"role": "user", "content": "my-very-private-words"}]})
    backend.post(CHAT, {"model": "my-very-private-words", "messages": USER})
    backend.get("/v1/my-very-private-words?my-very-private-words")
    backend.get("/health")
    log = capsys.readouterr().out
    assert "private" not in log
    assert "sk-simulated" not in log
    assert len(log.splitlines()) == 3
    assert "prompt=" in log.splitlines()[0]
