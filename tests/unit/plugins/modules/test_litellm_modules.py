# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as a task sees them, against a proxy in memory that fails as LiteLLM does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from ansible_collections.tollgate.llm.plugins.modules import litellm_key, litellm_model, litellm_team, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
    refused,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task

VALUE = "sk-0123456789abcdef"
KEY = {"alias": "batch", "models": ["qwen"], "value": VALUE}
TEAM = {"team": "research", "models": ["qwen"]}
MODEL = {"name": "qwen", "model": "hosted_vllm/qwen", "api_base": "http://x/v1"}
CREATIONS = {
    "key": (litellm_key, "/key/generate", KEY),
    "team": (litellm_team, "/team/new", TEAM),
    "model": (litellm_model, "/model/new", MODEL),
}
every_kind = pytest.mark.parametrize("kind", CREATIONS)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> MemoryProxy:
    """An empty one. Pauses between tries take no time."""
    made = MemoryProxy()
    monkeypatch.setattr(httpx, "Client", made.client)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    for name in ("LITELLM_API_KEY", "LITELLM_URL"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def task(proxy: MemoryProxy) -> Task:
    """Runs modules; no result may hold these secrets."""
    return Task(URL, MASTER, [VALUE])


@pytest.fixture
def store(tmp_path: Path, task: Task) -> Path:
    """A directory of secrets."""
    for name in ("first", "second", "third", "provider"):
        value = f"sk-{name:0>30}"
        (tmp_path / name).write_text(f"{value}\n")
        task.secrets.append(value)
    return tmp_path


@every_kind
def test_check_mode_sends_nothing_and_says_what_a_run_does(task: Task, proxy: MemoryProxy, kind: str) -> None:
    module, path, options = CREATIONS[kind]
    predicted = task(module, check=True, **options)
    assert proxy.writes() == []
    result = task(module, **options)
    assert (result["summary"], result["diff"]) == (predicted["summary"], predicted["diff"])
    assert proxy.writes() == [path]
    again = task(module, **options)
    assert (again["changed"], again["requests"]["write"]) == (False, 0)
    assert task(module, check=True, **options, state="absent")["summary"]["deleted"] == 1
    assert task(module, **options, state="absent")["summary"]["deleted"] == 1
    assert task(module, **options, state="absent")["changed"] is False


@every_kind
def test_lost_answer_of_a_creation_is_no_failure(task: Task, proxy: MemoryProxy, kind: str) -> None:
    module, path, options = CREATIONS[kind]
    proxy.lost.append(path)
    assert task(module, **options)["summary"]["created"] == 1
    assert proxy.writes().count(path) == 1
    assert task(module, **options)["changed"] is False


@every_kind
def test_creation_that_was_never_carried_out_is_sent_again(
    task: Task, proxy: MemoryProxy, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, path, options = CREATIONS[kind]

    def reset(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("connection reset by peer", request=request)

    sent: list[str] = []
    answer = proxy._answer

    def flaky(request: httpx.Request) -> httpx.Response:
        if request.url.path == path and not sent:
            sent.append(path)
            return reset(request)
        return answer(request)

    monkeypatch.setattr(proxy, "_answer", flaky)  # a fault of the network
    assert task(module, **options)["summary"]["created"] == 1


@every_kind
def test_object_that_somebody_else_has_just_made_is_made_as_declared(
    task: Task, proxy: MemoryProxy, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, path, options = CREATIONS[kind]
    task(module, **options)
    rows = {"key": proxy.keys, "team": proxy.teams, "model": proxy.models}[kind]
    hidden = dict(rows)
    limit = {"rpm": 7} if kind == "model" else {"rpm_limit": 7}
    answer = proxy._answer

    def late(request: httpx.Request) -> httpx.Response:
        if request.url.path == path:
            rows.update(hidden)
        return answer(request)

    rows.clear()
    monkeypatch.setattr(proxy, "_answer", late)  # somebody else is faster
    result = task(module, **options, **limit)
    assert not result.get("msg"), result["msg"]
    assert task(module, **options, **limit)["changed"] is False


def test_two_keys_of_one_value_are_refused(task: Task, proxy: MemoryProxy, tmp_path: Path) -> None:
    """They are one key, which would get the other one's alias in each run."""
    for name in ("one", "other"):
        (tmp_path / name).write_text(f"{VALUE}\n")
    keys = [{"alias": name, "models": ["m"], "value_file": str(tmp_path / name)} for name in ("one", "other")]
    message = task(litellm_tenants, keys=keys)["msg"]
    assert message.startswith('key "other": has the same value as key "one". Store another one for it.')
    assert proxy.seen == []


def test_retry_after_is_honoured(task: Task, proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    proxy.before["/key/generate"] = [httpx.Response(429, headers={"retry-after": "3"}, text="slow down")]
    assert task(litellm_key, **KEY)["summary"]["created"] == 1
    assert len(pauses) == 1
    assert 3.0 <= pauses[0] <= 3.75


def test_model_that_was_saved_but_can_not_be_served_is_taken_back(task: Task, proxy: MemoryProxy) -> None:
    message = task(litellm_model, **{**MODEL, "model": "no-such/x"})["msg"]
    assert 'model "qwen": LiteLLM refused' in message
    assert "was removed" in message
    assert proxy.models == {}


def test_model_of_a_taken_id_is_never_removed(task: Task, proxy: MemoryProxy) -> None:
    task(litellm_model, **MODEL)
    proxy.live.clear()  # another pod has not loaded it yet: the list does not show it
    assert task(litellm_model, **MODEL, rpm=5)["summary"]["updated"] == 1
    assert proxy.models["qwen"]["litellm_params"]["rpm"] == 5


def test_one_failure_leaves_the_others_done(task: Task, proxy: MemoryProxy, store: Path) -> None:
    proxy.before["/team/new"] = [refused(400, "Invalid tpm_limit")]
    declared: dict[str, Any] = {
        "secrets_directory": str(store),
        "models": [{**MODEL, "free": True, "api_key_secret": "provider"}],
        "teams": [{**TEAM, "tpm_limit": 5, "rpm_limit": 6}],
        "keys": [{"alias": "first", "models": ["qwen"], "team": "research"}, {"alias": "second", "models": ["qwen"]}],
    }
    result = task(litellm_tenants, **declared)
    assert result["failed"]
    assert result["msg"].splitlines() == [
        "2 of 4 objects failed, the others are as declared:",
        'team "research": LiteLLM refused tpm_limit: "Invalid tpm_limit" (400)',
        'key "first": left as it was, since its team "research" failed',
    ]
    assert result["changed"]
    assert [(found["kind"], found["name"]) for found in result["objects"]] == [("model", "qwen"), ("key", "second")]
    result = task(litellm_tenants, **declared)
    assert result["summary"] == {"created": 2, "updated": 0, "unchanged": 2, "deleted": 0}


def test_error_that_repeats_a_secret_does_not_pass_it_on(task: Task, proxy: MemoryProxy, store: Path) -> None:
    proxy.before["/key/generate"] = [refused(400, f"bad: {VALUE}")]
    assert "LiteLLM refused" in task(litellm_key, **KEY)["msg"]
    (store / "odd").write_text("correct-horse-battery")
    task.secrets.append("correct-horse-battery")
    proxy.before["/model/new"] = [refused(400, "bad: correct-horse-battery")]
    message = task(litellm_model, **MODEL, api_key_secret="odd", secrets_directory=str(store))["msg"]
    assert "LiteLLM refused" in message


def test_secrets_of_models_are_compared_by_fingerprints(task: Task, proxy: MemoryProxy, store: Path) -> None:
    options = {
        **MODEL,
        "secrets_directory": str(store),
        "api_key_secret": "provider",
        "secret_params": {"client_secret": {"secret": "first"}},
        "litellm_params": {"region_name": "os.environ/REGION"},
    }
    task(litellm_model, **options)
    assert proxy.models["qwen"]["litellm_params"]["api_key"].startswith("sk-")
    assert task(litellm_model, **options)["changed"] is False
    (store / "first").write_text("sk-another-one-altogether")
    changed = {**options, "litellm_params": {"region_name": "os.environ/OTHER"}}
    assert task(litellm_model, **changed)["objects"][0]["fields"] == ["client_secret", "region_name"]
    assert set(proxy.seen[-1][2]) == {"litellm_params", "model_info"}
    assert task(litellm_model, **changed)["changed"] is False


def test_spend_of_a_deleted_key_is_forgotten(task: Task, proxy: MemoryProxy) -> None:
    task(litellm_key, **KEY)
    assert proxy.writes() == ["/key/generate"]
    task(litellm_key, alias="batch", state="absent")
    task(litellm_key, **KEY)
    assert proxy.writes()[-1].endswith("/reset_spend")


def test_team_keeps_its_keys_unless_told(task: Task, proxy: MemoryProxy) -> None:
    task(litellm_team, **TEAM)
    task(litellm_key, **KEY, team="research")
    assert (
        "LiteLLM would delete its 1 keys with it (batch)" in task(litellm_team, team="research", state="absent")["msg"]
    )
    assert task(litellm_team, team="research", state="absent", delete_keys=True)["changed"]
    assert proxy.keys == {}


def test_key_that_came_meanwhile_keeps_its_team(
    task: Task, proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(litellm_team, **TEAM)
    task(litellm_key, **KEY)
    row = next(iter(proxy.keys.values()))
    listed = proxy._v2_team_list

    def moving(query: Any) -> httpx.Response:
        answer = listed(query)
        row["team_id"] = "research"
        return answer

    monkeypatch.setattr(proxy, "_v2_team_list", moving)  # somebody moves a key after the plan was made
    assert "it has keys by now" in task(litellm_team, team="research", state="absent")["msg"]
    assert "research" in proxy.teams


def test_key_of_a_team_that_is_not_there_is_refused(task: Task, proxy: MemoryProxy) -> None:
    assert 'there is no team "research"' in task(litellm_key, **KEY, team="research")["msg"]
    assert proxy.writes() == []
    task(litellm_team, **TEAM)
    assert task(litellm_key, **KEY, team="research")["changed"]
    assert 'there is no team "other"' in task(litellm_key, **KEY, team="other")["msg"]


def test_clear_takes_fields_only(task: Task, proxy: MemoryProxy) -> None:
    assert task(litellm_key, **KEY, clear=["rpm_limt"])["msg"] == (
        'clear: unknown field "rpm_limt", did you mean "rpm_limit"?'
    )
    assert "unknown field" in task(litellm_key, **KEY, clear=["alias"])["msg"]
    assert '"rpm_limit" has a value too' in task(litellm_key, **KEY, rpm_limit=5, clear=["rpm_limit"])["msg"]
    assert "models can't be cleared" in task(litellm_key, alias="batch", clear=["models"])["msg"]
    assert proxy.seen == []


def test_zero_and_false_are_values(task: Task, proxy: MemoryProxy) -> None:
    task(litellm_key, **KEY, max_budget=5, rpm_limit=5, blocked=True)
    result = task(litellm_key, **KEY, max_budget=0, rpm_limit=0, blocked=False)
    assert result["diff"]["after"] == {'key "batch"': {"max_budget": 0.0, "rpm_limit": 0, "blocked": False}}
    assert task(litellm_key, **KEY, max_budget=0, rpm_limit=0, blocked=False)["changed"] is False


def test_wrong_declarations_are_refused_before_anything_is_read(task: Task, proxy: MemoryProxy) -> None:
    message = task(litellm_tenants, keys=[{"alias": "a"}, {"alias": "b", "modles": []}])["msg"]
    assert message.splitlines() == ['key "b": unknown field "modles", did you mean "models"?', "Nothing was changed."]
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"value": "sk-short"}, "a key begins with sk- and has 16 characters or more"),
        ({"value": "0123456789abcdefgh"}, "a key begins with sk-"),
        ({"value_file": "/no/such/file"}, "/no/such/file: No such file or directory"),
        ({"secret": "x"}, "secrets_directory is needed to find the secret x"),
        ({"secrets_directory": "/no/such"}, "/no/such/batch: No such file"),
    ],
)
def test_a_key_needs_its_value(task: Task, proxy: MemoryProxy, options: dict[str, Any], sentence: str) -> None:
    assert sentence in task(litellm_key, alias="batch", models=["qwen"], **options)["msg"]
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"api_key_env": "NO_SUCH_VARIABLE"}, "the environment variable NO_SUCH_VARIABLE is not set"),
        ({"api_key_secret": "x"}, "secrets_directory is needed to find the secret x"),
        ({"secret_params": {"a": {"file": "/no/such/file"}}}, "/no/such/file: No such file"),
    ],
)
def test_a_model_needs_its_secrets(task: Task, proxy: MemoryProxy, options: dict[str, Any], sentence: str) -> None:
    assert sentence in task(litellm_model, **MODEL, **options)["msg"]


def test_values_that_are_made_by_then_are_predicted(task: Task, proxy: MemoryProxy, tmp_path: Path) -> None:
    later = {"secrets_directory": str(tmp_path / "later")}
    assert task(litellm_key, check=True, alias="new", models=["qwen"], **later)["summary"]["created"] == 1
    task(litellm_key, **KEY)
    assert "its value is not stored" in task(litellm_key, check=True, alias="batch", models=["qwen"], **later)["msg"]
    assert task(litellm_model, check=True, **MODEL, api_key_secret="x", **later)["summary"]["created"] == 1
    task(litellm_model, **MODEL)
    predicted = task(litellm_model, check=True, **MODEL, api_key_secret="x", **later)
    assert predicted["objects"][0]["fields"] == ["api_key"]


def test_connection_options_are_checked(task: Task, proxy: MemoryProxy, tmp_path: Path) -> None:
    assert "api_url must begin with" in Task("proxy:4000", MASTER)(litellm_key, **KEY)["msg"]
    assert "must be more than 0" in task(litellm_key, **KEY, concurrency=0)["msg"]
    nobody = Task(URL, "sk-wrong-wrong-wrong")
    assert "Give an admin's key" in nobody(litellm_key, **KEY)["msg"]
    (tmp_path / "admin").write_text(MASTER)
    assert nobody(litellm_key, **KEY, api_key_file=str(tmp_path / "admin"))["changed"]
    assert "an admin's key is needed" in task(litellm_key, **KEY, api_key=None)["msg"]
    assert "ca_path" in Task("https://proxy", MASTER)(litellm_key, **KEY, ca_path="/no/such/file")["msg"]


def test_an_absent_proxy_is_empty_in_check_mode_when_told(
    proxy: MemoryProxy, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    monkeypatch.setattr(proxy, "_answer", away)  # there is no proxy
    declared = {"models": [{**MODEL, "free": True}], "teams": [TEAM], "secrets_directory": str(tmp_path)}
    assert "Connection refused" in task(litellm_tenants, check=True, **declared)["msg"]
    assert "Connection refused" in task(litellm_tenants, assume_empty=True, **declared)["msg"]
    assumed = {**declared, "assume_empty": True, "api_key": None, "api_key_file": str(tmp_path / "not-made-yet")}
    assert task(litellm_tenants, check=True, **assumed)["summary"]["created"] == 2
