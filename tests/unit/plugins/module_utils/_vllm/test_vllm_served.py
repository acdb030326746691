# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._vllm.served import Found, asking, key_problem, look

KEY = "not-a-secret"
Handler = Callable[[httpx.Request], httpx.Response]


def server(*names: str, key: str = KEY, health: int = 200) -> Handler:
    """A server as vLLM is one."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/health":
            return httpx.Response(health)
        if key and request.headers.get("Authorization") != f"Bearer {key}":
            return httpx.Response(401, json={"error": "Unauthorized"})
        return httpx.Response(200, text=json.dumps({"data": [{"id": name} for name in names]}))

    return handle


def seen(handler: Handler, expected: str = "") -> Found:
    with httpx.Client(base_url="http://model", transport=httpx.MockTransport(handler)) as client:
        return look(asking(client), "qwen", KEY, expected)


def test_a_server_that_serves_the_model_to_the_key_alone_is_well() -> None:
    found = seen(server("qwen", "an-adapter"))
    assert found == Found(True, 'serves "qwen" to those who have the key')


def test_a_model_under_another_name_is_told() -> None:
    found = seen(server("Qwen/Qwen3-8B"))
    assert found.final
    assert found.detail == 'it serves "Qwen/Qwen3-8B", and not "qwen"'


def test_a_server_that_lets_everybody_in_is_told() -> None:
    found = seen(server("qwen", key=""))
    assert (found.ok, found.final, found.detail) == (False, True, "it answers without a key")


def test_a_key_that_is_refused_is_told_by_its_fingerprint() -> None:
    found = seen(server("qwen", key="another"))
    assert found.final
    assert fingerprint(KEY) in found.detail
    assert KEY not in found.detail + found.next_step
    assert "after the pods had started" in found.detail
    undelivered = seen(server("qwen", key="another"), expected=fingerprint("another"))
    assert fingerprint("another") in undelivered.detail
    assert "Deliver" in undelivered.next_step


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (server("qwen", health=503), "/health answered 503"),
        (lambda _request: httpx.Response(502, text="bad  gateway"), "/health answered 502: bad gateway"),
        (
            lambda request: httpx.Response(200 if request.url.path == "/health" else 500, text="draining"),
            "/v1/models answered 500: draining",
        ),
        (
            lambda request: httpx.Response(
                200 if "Authorization" in request.headers or len(request.url.path) < 8 else 401
            ),
            "/v1/models answered 200",
        ),
    ],
)
def test_what_a_moment_may_heal_is_not_final(handler: Handler, said: str) -> None:
    found = seen(handler)
    assert (found.ok, found.final) == (False, False)
    assert found.detail.startswith(said)


def test_a_connection_that_fails_is_explained_by_who_knows() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("", request=request)

    with httpx.Client(base_url="http://model", transport=httpx.MockTransport(broken)) as client:
        assert look(asking(client), "qwen", KEY).detail == "/health: ReadError"
        assert look(asking(client, lambda: "no pod is ready"), "qwen", KEY).detail == "no pod is ready"


@pytest.mark.parametrize("key", ["", "key\n", " key", "kéy", "a\x00b"])
def test_a_key_that_cannot_work_is_told_before(key: str) -> None:
    assert key_problem(key)
    assert not key_problem(KEY)
