# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator under a real server, with the real OpenAI client."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

KEY = "sk-simulated-0123456789"
USER: Any = [{"role": "user", "content": "hello"}]


def client_of(server: Any, key: str = KEY) -> openai.OpenAI:
    """The official client."""
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def test_the_openai_client_gets_along_with_it(serve: Any) -> None:
    client = client_of(serve())
    assert [model.id for model in client.models.list()] == ["qwen-local"]
    whole = client.chat.completions.create(model="qwen-local", messages=USER, max_tokens=5)
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (8, 5)
    chunks = list(
        client.chat.completions.create(
            model="qwen-local", messages=USER, max_tokens=5, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 13
    assert client.completions.create(model="qwen-local", prompt="hi", max_tokens=2).choices[0].finish_reason == "length"
    vectors = client.embeddings.create(model="qwen-local", input=["a", "b"], dimensions=16).data
    assert [len(vector.embedding) for vector in vectors] == [16, 16]


def test_the_openai_client_understands_its_refusals(serve: Any) -> None:
    server = serve("--max-model-len", "64")
    client = client_of(server)
    with pytest.raises(openai.AuthenticationError):
        client_of(server, "sk-wrong").models.list()
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.chat.completions.create(model="gpt-9", messages=USER)
    with pytest.raises(openai.BadRequestError, match="This model's maximum context length is 64 tokens"):
        client.chat.completions.create(model="qwen-local", messages=[{"role": "user", "content": "x" * 400}])


def test_tokens_come_one_by_one(serve: Any) -> None:
    client = client_of(serve("--time-to-first-token", "150", "--time-per-token", "50"))
    start = time.monotonic()
    moments = [
        time.monotonic() - start
        for _chunk in client.chat.completions.create(model="qwen-local", messages=USER, max_tokens=5, stream=True)
    ]
    assert moments[0] >= 0.15
    assert moments[-1] >= 0.15 + 4 * 0.05
    assert moments[-1] - moments[0] >= 0.15


def test_sigterm_lets_a_stream_end(serve: Any) -> None:
    server = serve("--time-per-token", "30")
    with httpx.stream(
        "POST",
        f"{server.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {KEY}"},
        json={"messages": USER, "stream": True, "max_tokens": 30, "ignore_eos": True},
    ) as response:
        lines = response.iter_lines()
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert sum('"content":"' in line for line in rest) == 30
    assert server.process.wait(10) == 0


def test_sigterm_ends_an_idle_server_at_once(serve: Any) -> None:
    server = serve()
    start = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start < 5


def test_a_client_that_goes_away_frees_its_seat(serve: Any) -> None:
    server = serve("--time-per-token", "50")
    with httpx.stream(
        "POST",
        f"{server.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {KEY}"},
        json={"messages": USER, "stream": True, "max_tokens": 1000, "ignore_eos": True},
    ) as response:
        next(response.iter_lines())
    deadline = time.monotonic() + 5
    metrics = ""
    while time.monotonic() < deadline and 'finished_reason="abort",model_name="qwen-local"} 1.0' not in metrics:
        metrics = httpx.get(f"{server.url}/metrics").text
    assert 'num_requests_running{engine="0",model_name="qwen-local"} 0.0' in metrics
    assert " 499 " in server.log.read_text()


def test_the_key_never_shows(serve: Any) -> None:
    server = serve()
    client_of(server).models.list()
    with pytest.raises(openai.AuthenticationError):
        client_of(server, "sk-wrong-but-private").models.list()
    command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    assert KEY.encode() not in command
    server.stop()
    log = server.log.read_text()
    assert KEY not in log
    assert "sk-wrong" not in log


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_key_file_without_a_key_is_refused(server_python: str, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    sources = Path(__file__).resolve().parents[3] / "roles" / "local_gateway" / "files"
    result = subprocess.run(
        [server_python, "-m", "model_simulator", "--port", "23999", "--api-key-file", path],
        cwd=sources,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert str(path) in result.stderr
