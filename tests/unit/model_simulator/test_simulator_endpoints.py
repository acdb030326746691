# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models, embeddings, tokens and metrics."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from typing import Any

import httpx
import pytest

CHAT = "/v1/chat/completions"
USER = [{"role": "user", "content": "hello"}]


def test_models_with_their_context(make_backend: Any) -> None:
    backend = make_backend(models=("qwen-local", "alias"), max_model_len=4096)
    cards = backend.get("/v1/models").json()["data"]
    assert [(card["id"], card["max_model_len"], card["owned_by"]) for card in cards] == [
        ("qwen-local", 4096, "vllm"),
        ("alias", 4096, "vllm"),
    ]
    assert backend.post(CHAT, {"model": "alias", "messages": USER}).json()["model"] == "alias"


def test_embeddings_are_repeatable_unit_vectors(backend: Any) -> None:
    answer = backend.post("/v1/embeddings", {"input": ["one", "two", "one"]}).json()
    vectors = [entry["embedding"] for entry in answer["data"]]
    assert [len(vector) for vector in vectors] == [1024] * 3
    assert all(math.isclose(math.fsum(value * value for value in vector), 1) for vector in vectors)
    assert vectors[0] == vectors[2] != vectors[1]
    assert answer["usage"] == {
        "prompt_tokens": 3,
        "total_tokens": 3,
        "completion_tokens": 0,
        "prompt_tokens_details": None,
    }


def test_embeddings_in_base64_and_with_fewer_dimensions(backend: Any) -> None:
    plain = backend.post("/v1/embeddings", {"input": "one", "dimensions": 8}).json()["data"][0]["embedding"]
    packed = backend.post("/v1/embeddings", {"input": "one", "dimensions": 8, "encoding_format": "base64"}).json()
    values = struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"]))
    assert values == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize(
    "body", [{}, {"input": []}, {"input": "a", "dimensions": 0}, {"input": "a", "encoding_format": "x"}]
)
def test_embeddings_with_a_mistake(backend: Any, body: dict[str, Any]) -> None:
    assert backend.post("/v1/embeddings", body).status_code == 400


def test_tokenize_counts_as_the_usage_does(backend: Any) -> None:
    text = backend.post("/tokenize", {"prompt": "123456789"}, headers={"Authorization": ""}).json()
    assert (text["count"], text["max_model_len"]) == (3, 8192)
    assert len(text["tokens"]) == 3
    counted = backend.post("/tokenize", {"messages": USER}).json()["count"]
    assert backend.post(CHAT, {"messages": USER}).json()["usage"]["prompt_tokens"] == counted


def test_metrics_add_up(backend: Any) -> None:
    first = backend.post(CHAT, {"messages": USER, "max_tokens": 5}).json()["usage"]
    second = backend.post(CHAT, {"messages": USER, "stream": True}).text.count('"content":"') - 1
    assert backend.metric("prompt_tokens_total") == 2 * first["prompt_tokens"]
    assert backend.metric("generation_tokens_total") == 5 + second
    assert backend.metric("request_success_total", 'finished_reason="length"') == 1
    assert backend.metric("request_success_total", 'finished_reason="stop"') == 1
    assert backend.metric("time_to_first_token_seconds_count") == 2
    assert backend.metric("e2e_request_latency_seconds_count") == 2
    assert backend.metric("num_requests_running", 'model_name="qwen-local"') == 0
    assert backend.metric("kv_cache_usage_perc") == 0
    assert backend.metric("cache_config_info", 'num_gpu_blocks="4096"') == 1


def test_histogram_buckets_are_cumulative(make_backend: Any) -> None:
    backend = make_backend(time_to_first_token=0.03)
    for _count in range(3):
        backend.post(CHAT, {"messages": USER, "max_tokens": 1})
    assert backend.metric("time_to_first_token_seconds_bucket", 'le="0.02"') == 0
    assert backend.metric("time_to_first_token_seconds_bucket", 'le="+Inf"') == 3
    assert backend.metric("time_to_first_token_seconds_sum") >= 0.089


def test_more_requests_than_seats_wait_in_line(make_backend: Any) -> None:
    backend = make_backend(max_num_seqs=2, time_to_first_token=0.6, num_gpu_blocks=10)

    async def work(client: httpx.AsyncClient) -> tuple[str, list[int]]:
        requests = [
            asyncio.ensure_future(client.post(CHAT, json={"messages": USER, "max_tokens": 24, "ignore_eos": True}))
            for _count in range(5)
        ]
        metrics = ""
        waiting = 'num_requests_waiting{engine="0",model_name="qwen-local"} 3.0'
        while waiting not in metrics and not all(request.done() for request in requests):
            await asyncio.sleep(0)  # let the requests come as far as they can
            metrics = (await client.get("/metrics")).text
        return metrics, [response.status_code for response in await asyncio.gather(*requests)]

    metrics, statuses = backend.run(work)
    assert statuses == [200] * 5
    assert 'num_requests_running{engine="0",model_name="qwen-local"} 2.0' in metrics
    assert f'kv_cache_usage_perc{{engine="0",model_name="qwen-local"}} {2 * (8 + 24) / 160}' in metrics
    assert backend.metric("num_requests_waiting") == 0


@pytest.mark.parametrize("way", ["header", "body"])
def test_a_request_may_choose_its_own_delay(backend: Any, way: str) -> None:
    headers = {"x-simulator-time-to-first-token": "120"} if way == "header" else {}
    body: dict[str, Any] = {"messages": USER, "max_tokens": 1}
    if way == "body":
        body["vllm_xargs"] = {"time_to_first_token": 120}
    backend.post(CHAT, body, headers=headers)
    assert backend.metric("time_to_first_token_seconds_sum") >= 0.119
    assert backend.post(CHAT, body, headers={"x-simulator-time-to-first-token": "soon"}).status_code == 400
