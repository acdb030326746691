# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules against a proxy behind a Service, with the secrets of a namespace; no cluster runs."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import database
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster as cluster_module
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.connection import NamedCluster, Unreachable
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.service_port import ServicePort
from ansible_collections.tollgate.llm.plugins.module_utils._litellm import block
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.client import Client
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.modules import (
    litellm_key,
    litellm_model,
    litellm_salt_guard,
    litellm_tenants,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task

VALUES = {
    "litellm-master-key": MASTER,
    "batch": "sk-0123456789abcdef",
    "second": "sk-fedcba9876543210",
    "provider": "the provider's own key",
    "litellm-salt-key": "salt-" * 8,
    "litellm-db-password": "password-of-the-test",
}
CLUSTER: dict[str, Any] = {
    "service": {"name": "litellm", "namespace": "litellm", "port": 4000},
    "secrets_namespace": "litellm-store",
    "api_key_secret": "litellm-master-key",
}
TENANTS: dict[str, Any] = {
    "models": [
        {"name": "qwen", "model": "openai/q", "api_base": "http://x", "free": True, "api_key_secret": "provider"}
    ],
    "keys": [{"alias": "batch", "models": ["qwen"]}, {"alias": "other", "secret": "second", "models": ["qwen"]}],
}
NOBODY = "there is no Service litellm in litellm. Make it first."


class Server:
    """What the secret store asks of a cluster."""

    def __init__(self) -> None:
        self.values = dict(VALUES)
        self.delivered: dict[str, dict[str, str]] = {}
        self.read_names: list[str] = []

    def resource(self, *_kind: str) -> None:
        return None

    def read(self, _version: str, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        if (kind, namespace) == ("Secret", "litellm") and name in self.delivered:
            data = {key: base64.b64encode(text.encode()).decode() for key, text in self.delivered[name].items()}
            return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": data}
        self.read_names.append(name)
        if name not in self.values or namespace != "litellm-store":
            return None
        value = base64.b64encode(self.values[name].encode()).decode()
        return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": {"value": value}}


class Forwards:
    """In place of port-forwards: what they lead to, or why they do not."""

    def __init__(self) -> None:
        self.refuse = Unreachable("")
        self.trouble = ""
        self.services: list[str] = []
        self.open = 0

    @contextlib.contextmanager
    def __call__(self, service: ServicePort) -> Iterator[Any]:
        if str(self.refuse):
            raise self.refuse
        self.services.append(str(service))
        self.open += 1
        yield SimpleNamespace(host="127.0.0.1", port=54321, trouble=self.trouble)
        self.open -= 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(NamedCluster, "connected", made)
    return made


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forwards]:
    made = Forwards()
    monkeypatch.setattr(NamedCluster, "forwarded", lambda _self, service: made(service))
    yield made


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> MemoryProxy:
    made = MemoryProxy()
    monkeypatch.setattr(httpx, "Client", made.client)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    for name in ("LITELLM_API_KEY", "LITELLM_URL", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def task(proxy: MemoryProxy, server: Server, forwards: Forwards) -> Task:
    """Runs modules; no result may hold any of the values."""
    return Task(URL, MASTER, list(VALUES.values()))


def test_tenants_are_declared_through_a_service_with_secrets_of_a_namespace(
    task: Task, proxy: MemoryProxy, server: Server, forwards: Forwards
) -> None:
    result = task(litellm_tenants, api_key=None, **CLUSTER, **TENANTS)
    assert result.get("summary") == {"created": 3, "updated": 0, "unchanged": 0, "deleted": 0}, result
    assert forwards.services == ["Service litellm in litellm, port 4000"]
    assert proxy.models["qwen"]["litellm_params"]["api_key"] == VALUES["provider"]
    assert sorted(server.read_names) == ["batch", "litellm-master-key", "provider", "second"]
    assert task(litellm_tenants, api_key=None, **CLUSTER, **TENANTS)["changed"] is False


def test_block_is_asked_of_each_pod_until_all_of_them_follow(
    task: Task, forwards: Forwards, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(litellm_key, api_key=None, **CLUSTER, alias="batch", models=["qwen"])

    @contextlib.contextmanager
    def each(_self: NamedCluster, _service: ServicePort) -> Iterator[list[Any]]:
        yield [SimpleNamespace(host="127.0.0.1", port=number) for number in (1, 2)]

    asked: list[str] = []

    def probe(_self: Client, key: str, url: str) -> tuple[str, int, str]:
        assert key == VALUES["batch"]
        asked.append(url)
        late = url.endswith(":2") and asked.count(url) <= block.ROUND  # its first round
        return f"pod-{url[-1]}/1", *((200, "") if late else (401, "Key is blocked"))

    monkeypatch.setattr(NamedCluster, "forwarded_each", each)
    monkeypatch.setattr(Client, "probe", probe)
    result = task(litellm_key, api_key=None, **CLUSTER, alias="batch", state="blocked", workers=2)
    assert not result.get("msg"), result["msg"]
    found = result["objects"][0]["effective"]
    assert (found["proven"], found["workers"]) == (True, 2)
    assert {url: asked.count(url) for url in asked} == {
        f"http://127.0.0.1:{number}": 2 * block.ROUND for number in (1, 2)
    }


def test_what_is_made_by_then_is_predicted(task: Task, server: Server) -> None:
    server.values = {"litellm-master-key": MASTER}
    result = task(litellm_tenants, check=True, api_key=None, **CLUSTER, **TENANTS)
    assert result["summary"]["created"] == 3
    message = task(litellm_tenants, api_key=None, **CLUSTER, **TENANTS)["msg"]
    assert message == (
        'model "qwen": api_key: Secret litellm-store/provider does not exist. Make it first (the wave secrets does).'
    )


def test_before_the_first_run_nobody_is_there_and_all_is_predicted(
    task: Task, proxy: MemoryProxy, server: Server, forwards: Forwards
) -> None:
    forwards.refuse, server.values = Unreachable(NOBODY, absent=True), {}
    first = {**CLUSTER, **TENANTS, "api_key": None, "assume_empty": True}
    assert task(litellm_tenants, check=True, **first)["summary"]["created"] == 3
    server.values = dict(VALUES)
    assert task(litellm_tenants, **first)["msg"] == NOBODY
    assert task(litellm_tenants, check=True, **{**first, "assume_empty": False})["msg"] == NOBODY
    forwards.refuse = Unreachable("the cluster does not answer")
    assert task(litellm_tenants, check=True, **first)["msg"] == "the cluster does not answer"
    assert proxy.seen == []


def test_messages_name_the_service_and_why_it_failed(
    task: Task, proxy: MemoryProxy, forwards: Forwards, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("Server disconnected", request=request)

    monkeypatch.setattr(proxy, "_answer", broken)
    forwards.trouble = "no pod of Service litellm in litellm, port 4000 is ready: pod litellm-1: Running, not ready."
    message = task(litellm_key, alias="batch", models=["qwen"], **CLUSTER)["msg"]
    assert message == (
        "no answer from Service litellm in litellm, port 4000: no pod of Service litellm in litellm, port 4000 is "
        "ready: pod litellm-1: Running, not ready. Is the proxy running, and is this its address?"
    )
    assert "54321" not in task.output
    monkeypatch.setattr(proxy, "_answer", lambda _request: httpx.Response(200, text="<html>"))
    message = task(litellm_key, alias="batch", models=["qwen"], **CLUSTER)["msg"]
    assert "Correct service" in message
    assert "54321" not in task.output


def test_a_models_own_secret_is_not_the_admins(task: Task, proxy: MemoryProxy) -> None:
    model = {"name": "qwen", "model": "openai/q", "api_base": "http://x", "api_key_secret": "provider"}
    admin = {"service": CLUSTER["service"], "secrets_namespace": "litellm-store"}
    result = task(litellm_model, api_key=None, admin_key_secret="litellm-master-key", **admin, **model)
    assert result["summary"]["created"] == 1
    assert "admin_key_secret" in task(litellm_model, api_key=None, **admin, **model)["msg"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secrets_directory": "/tmp/x"}, "mutually exclusive: secrets_directory|secrets_namespace"),
        ({"secrets_namespace": None}, "secrets_directory is needed to find the secret litellm-master-key, or"),
        ({"api_key_secret": "none"}, "api_key_secret: Secret litellm-store/none does not exist"),
        ({"api_key_secret": "Bad name"}, "api_key_secret: no Secret can have this name"),
        ({"service": {"name": "x"}}, "missing required arguments: namespace, port"),
    ],
)
def test_what_can_not_be_meant_is_refused(task: Task, proxy: MemoryProxy, change: dict[str, Any], said: str) -> None:
    options = {**CLUSTER, "value": VALUES["batch"], **change}
    assert said in task(litellm_key, alias="batch", models=["qwen"], api_key=None, **options)["msg"]
    assert proxy.seen == []


def test_an_admins_key_may_lie_in_a_directory_of_secrets(task: Task, tmp_path: Path) -> None:
    (tmp_path / "master").write_text(MASTER)
    options = {"secrets_directory": str(tmp_path), "api_key_secret": "master", "value": VALUES["batch"]}
    assert task(litellm_key, alias="batch", models=["qwen"], api_key=None, **options)["summary"]["created"] == 1


@pytest.mark.parametrize("option", [{"service": CLUSTER["service"]}, {"secrets_namespace": "litellm-store"}])
def test_only_who_names_a_cluster_needs_the_library(
    proxy: MemoryProxy, monkeypatch: pytest.MonkeyPatch, option: dict[str, Any]
) -> None:
    monkeypatch.setattr(cluster_module, "KUBERNETES_IMPORT_ERROR", "No module named kubernetes")
    task = Task(URL, MASTER, [VALUES["batch"]])
    assert task(litellm_key, alias="a", models=["qwen"], value=VALUES["batch"])["changed"]
    message = task(litellm_key, alias="batch", models=["qwen"], **option)["msg"]
    assert "Failed to import the required Python library (kubernetes)" in message


def test_a_kubeconfig_that_is_not_there_is_named(proxy: MemoryProxy, tmp_path: Path) -> None:
    task = Task(URL, MASTER)
    named = {"service": CLUSTER["service"], "kubeconfig": str(tmp_path / "none")}
    message = task(litellm_key, alias="batch", models=["qwen"], state="absent", **named)["msg"]
    assert f"{tmp_path}/none can't be used" in message


def run(module: Any, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    """A module's result. It holds none of the values."""
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    output = capsys.readouterr().out
    assert not [value for value in VALUES.values() if value in output]
    result: dict[str, Any] = json.loads(output)
    return result


GUARD: dict[str, Any] = {
    "database": {
        "service": {"name": "litellm-pg-rw", "namespace": "litellm", "port": 5432},
        "password_secret": "litellm-db-password",
    },
    "secrets_namespace": "litellm-store",
    "salt_secret": "litellm-salt-key",
}


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What PostgreSQL was asked with. It answers that it is not there, as libpq says it."""
    psycopg = pytest.importorskip("psycopg")
    made: list[dict[str, Any]] = []

    def connect(*_url: str, **words: Any) -> None:
        made.append(words)
        where = f'"{words["host"]}", port {words["port"]}'
        raise psycopg.OperationalError(f"connection failed: connection to server at {where} failed: no answer")

    monkeypatch.setattr(database.psycopg, "connect", connect)
    return made


def test_the_salt_guard_reaches_a_database_behind_a_service(
    server: Server, forwards: Forwards, connections: list[dict[str, Any]], capsys: Any
) -> None:
    message = run(litellm_salt_guard, capsys, **GUARD)["msg"]
    assert message == ("database litellm on Service litellm-pg-rw in litellm, port 5432: connection failed: no answer.")
    words = connections[0]
    assert (words["host"], words["port"], words["password"]) == ("127.0.0.1", 54321, VALUES["litellm-db-password"])
    assert forwards.services == ["Service litellm-pg-rw in litellm, port 5432"]
    assert sorted(server.read_names) == ["litellm-db-password", "litellm-salt-key"]


def test_the_salt_guard_tells_why_the_forward_failed(
    server: Server, forwards: Forwards, connections: list[dict[str, Any]], capsys: Any
) -> None:
    forwards.trouble = "no pod is ready."
    assert run(litellm_salt_guard, capsys, **GUARD)["msg"].endswith("port 5432: no pod is ready.")


def test_the_salt_guard_takes_a_url_to_where_the_forward_leads(
    server: Server, forwards: Forwards, connections: list[dict[str, Any]], capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@db.example:5432/litellm")
    run(litellm_salt_guard, capsys, **{**GUARD, "database": {**GUARD["database"], "url_file": str(tmp_path / "url")}})
    assert (connections[0]["host"], connections[0]["port"]) == ("127.0.0.1", 54321)


def test_the_salt_guard_predicts_the_first_run(
    server: Server, forwards: Forwards, connections: list[dict[str, Any]], capsys: Any
) -> None:
    check = {**GUARD, "_ansible_check_mode": True}
    result = run(litellm_salt_guard, capsys, **check)
    assert (result["changed"], result["fingerprint"]) == (True, fingerprint(VALUES["litellm-salt-key"]))
    forwards.refuse, server.values = Unreachable(NOBODY, absent=True), {}
    result = run(litellm_salt_guard, capsys, **check)
    assert (result["changed"], result["fingerprint"]) == (True, "")
    forwards.refuse = Unreachable("the cluster does not answer")
    assert run(litellm_salt_guard, capsys, **check)["msg"] == "the cluster does not answer"
    server.values = dict(VALUES)
    forwards.refuse = Unreachable(NOBODY, absent=True)
    assert run(litellm_salt_guard, capsys, **GUARD)["msg"] == NOBODY


DELIVERED = {"namespace": "litellm", "name": "litellm-salt-key"}


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "salt key: Secret litellm/litellm-salt-key does not exist. Deliver it first"),
        ({"other": "x"}, "salt key: Secret litellm/litellm-salt-key has no LITELLM_SALT_KEY. Deliver it first"),
        ({"LITELLM_SALT_KEY": ""}, "salt key: Secret litellm/litellm-salt-key is empty under LITELLM_SALT_KEY."),
    ],
)
def test_the_salt_guard_refuses_a_salt_that_was_not_delivered(
    server: Server, forwards: Forwards, held: dict[str, str] | None, said: str, capsys: Any
) -> None:
    if held is not None:
        server.delivered = {"litellm-salt-key": held}
    assert run(litellm_salt_guard, capsys, **GUARD, delivered=DELIVERED)["msg"].startswith(said)
    assert forwards.open == 0


ADOPT: dict[str, Any] = {**GUARD, "master_key_secret": "litellm-master-key", "adopt": True}


def test_adopting_does_nothing_where_there_is_a_salt_or_no_database(
    server: Server, forwards: Forwards, connections: list[dict[str, Any]], capsys: Any
) -> None:
    assert run(litellm_salt_guard, capsys, **ADOPT)["changed"] is False
    del server.values["litellm-salt-key"]
    assert run(litellm_salt_guard, capsys, **ADOPT)["changed"] is False
    assert connections == forwards.services == []


def test_no_salt_is_made_for_a_database_that_can_not_be_looked_at(
    server: Server, forwards: Forwards, connections: list[dict[str, Any]], monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(NamedCluster, "read", lambda _self, kind, *_name: {"kind": kind})
    del server.values["litellm-salt-key"]
    assert "no answer" in run(litellm_salt_guard, capsys, **ADOPT)["msg"]
    del server.values["litellm-db-password"]
    said = run(litellm_salt_guard, capsys, **ADOPT)["msg"]
    assert said.startswith("salt key: the store has none, and no password for the database, though there is one.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"adopt": True}, "adopt is True but all of the following are missing: master_key_secret"),
        ({"salt_secret": None}, "one of the following is required: salt_file, salt_secret"),
        ({"salt_file": "/x"}, "mutually exclusive: salt_file|salt_secret"),
        ({"secrets_namespace": None}, "secrets_directory is needed to find the secret litellm-salt-key, or"),
        ({"salt_secret": "none"}, "salt key: Secret litellm-store/none does not exist"),
    ],
)
def test_the_salt_guard_refuses_what_can_not_be_meant(
    server: Server, forwards: Forwards, change: dict[str, Any], said: str, capsys: Any
) -> None:
    options = {name: value for name, value in {**GUARD, **change}.items() if value is not None}
    assert said in run(litellm_salt_guard, capsys, **options)["msg"]
    assert forwards.open == 0
