# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client makes of refusals, silence and broken connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.client import Client, LiteLLMError
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.refusal import refusal

REAL_CLIENT = httpx.Client
Handler = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers one after another; an exception is raised. The pauses between tries are noted."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.pauses: list[float] = []
        self.requests: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Client, Script]]:
    """A client with a script of answers."""

    def make(*answers: Any) -> tuple[Client, Script]:
        script = Script(*answers)
        monkeypatch.setattr("time.sleep", script.pauses.append)
        transport = httpx.MockTransport(script.answer)
        monkeypatch.setattr(httpx, "Client", lambda **_options: REAL_CLIENT(transport=transport))
        return Client("http://proxy.invalid/", "sk-x"), script

    return make


OK = httpx.Response(200, json={"fine": True})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": {"message": "no", "type": "auth_error", "param": "None", "code": "400"}}, '"no" (400)'),
        ({"detail": {"error": "no"}}, '"no" (400)'),
        ({"detail": "no"}, '"no" (400)'),
        ({"detail": [{"loc": ["body", "max_budget"], "msg": "is bad", "input": "sk-x"}]}, '"max_budget: is bad" (400)'),
        (["no"], '"["no"]" (400)'),
    ],
)  # fmt: skip
def test_each_shape_of_an_error_has_its_message(body: Any, sentence: str, scripted: Any) -> None:
    client, script = scripted(httpx.Response(400, json=body))
    with pytest.raises(LiteLLMError) as caught:
        client.write("POST", "/x", {})
    assert str(caught.value).replace('"[ "', '"["') == sentence
    assert caught.value.status == 400
    assert len(script.requests) == 1


def test_licence_admin_key_and_repeated_secrets_are_dealt_with() -> None:
    assert "a feature of LiteLLM Enterprise" in refusal(403, "This is a Premium feature")[0]
    assert "master key" in refusal(401, "wrong")[0]
    assert "sk-abcdefghij" not in refusal(400, "Received API Key = sk-abcdefghij")[0]
    assert refusal(400, '{"error": {"message": "x", "type": "budget_exceeded"}}')[2] == "budget_exceeded"
    assert len(refusal(500, "x" * 5000)[0]) < 500


def test_reads_are_tried_again_after_a_broken_connection(scripted: Any) -> None:
    # LiteLLM ends the connection after an unhandled 500: the next request of the pool finds it dead.
    client, _script = scripted(httpx.ReadError("reset"), httpx.RemoteProtocolError("gone"), OK)
    assert client.get("/x") == {"fine": True}
    assert client.requests == {"read": 3}


def test_a_creation_is_never_sent_twice_unless_it_surely_did_not_arrive(scripted: Any) -> None:
    client, script = scripted(httpx.ConnectError("refused"), httpx.ReadError("reset"), OK)
    with pytest.raises(LiteLLMError) as caught:
        client.write("POST", "/x", {}, again=False)
    assert len(script.requests) == 2
    assert caught.value.status == 0
    assert not caught.value.unreached


def test_a_proxy_that_is_not_there_is_named(scripted: Any) -> None:
    client, _script = scripted(*(httpx.ConnectError("Connection refused") for number in range(4)))
    with pytest.raises(
        LiteLLMError, match=r"no answer from http://proxy\.invalid: Connection refused\. Is the proxy"
    ) as caught:
        client.get("/x")
    assert caught.value.unreached
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize(("headers", "pause"), [({"retry-after": "2"}, 2.0), ({"retry-after": "60"}, 30.0), ({}, 0.6)])
def test_a_busy_proxy_is_given_the_time_that_it_asks_for(scripted: Any, headers: dict[str, str], pause: float) -> None:
    client, script = scripted(httpx.Response(429, headers=headers, text="slow"), OK)
    assert client.write("POST", "/x", {}, again=False) == {"fine": True}
    assert pause <= script.pauses[0] <= pause * 1.25  # a little longer, so that not all come back at once


def test_an_unavailable_proxy_is_asked_again_but_not_to_create(scripted: Any) -> None:
    client, _script = scripted(httpx.Response(503, text="away"), OK)
    assert client.write("POST", "/x", {}) == {"fine": True}
    client, _script = scripted(httpx.Response(503, text="away"))
    with pytest.raises(LiteLLMError, match="503"):
        client.write("POST", "/x", {}, again=False)


def test_an_unhandled_500_is_not_repeated(scripted: Any) -> None:
    client, _script = scripted(httpx.Response(500, text="Internal Server Error."))
    with pytest.raises(LiteLLMError, match="Internal Server Error"):
        client.write("POST", "/x", {})


def test_blanks_in_queries_are_not_sent_as_plus_signs(scripted: Any) -> None:
    client, script = scripted(OK)
    client.get("/x", {"user": "a b+c"})
    assert str(script.requests[0].url).endswith("?user=a%20b%2Bc")


def test_something_else_that_answers_is_told_apart(scripted: Any) -> None:
    client, _script = scripted(httpx.Response(200, text="<html>"), httpx.Response(200, text="hello"), OK)
    with pytest.raises(LiteLLMError, match="answered with an HTML page: is this a LiteLLM proxy"):
        client.get("/x")
    with pytest.raises(LiteLLMError, match="no JSON"):
        client.get("/x")
    with pytest.raises(LiteLLMError, match="is this a LiteLLM proxy"):
        list(client.pages("/x", {}, "keys", "size"))


def test_all_pages_are_read(scripted: Any) -> None:
    pages = [httpx.Response(200, json={"rows": [number], "total_pages": 3}) for number in range(3)]
    client, script = scripted(*pages)
    assert list(client.pages("/x", {"a": 1}, "rows", "size")) == [0, 1, 2]
    assert str(script.requests[2].url).endswith("?a=1&page=3&size=100")


def test_requests_are_counted_and_timed_from_the_first_to_the_last_answer(
    scripted: Callable[..., tuple[Client, Script]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _script = scripted(httpx.Response(200, json={}), httpx.Response(200, json={}))
    assert client.sent() == {"read": 0, "write": 0, "seconds": 0}
    clock = iter((10.0, 11.0, 17.25))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    client.get("/a")
    client.write("POST", "/b", {})
    assert client.sent() == {"read": 1, "write": 1, "seconds": 7.25}
