# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules with their secrets in Secret Manager: Google's own client, and a Secret Manager on this machine."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.salt import STORE, Key
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.salt_keys import SaltKeys, in_words
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.connection import NamedCluster
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.secret_store import Refused, SecretManager
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_client, gsm_connection
from ansible_collections.tollgate.llm.plugins.modules import gateway_proof, litellm_info, litellm_tenants
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import (
    MASTER,
    URL,
    MemoryProxy,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.task import Task
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import OTHER, VALUE, GsmTask

KEY, PROVIDER, SALT = "sk-0123456789abcdef", "the provider's own key", "litellm-salt-key"
TENANTS: dict[str, Any] = {
    "models": [
        {"name": "qwen", "model": "openai/q", "api_base": "http://x", "free": True, "api_key_secret": "provider"}
    ],
    "keys": [{"alias": "batch", "models": ["qwen"]}],
}


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> MemoryProxy:
    made = MemoryProxy()
    monkeypatch.setattr(httpx, "Client", made.client)
    for name in ("LITELLM_API_KEY", "LITELLM_URL"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def task(gsm: GsmTask, proxy: MemoryProxy) -> Task:
    """Runs modules with the master key in Secret Manager; no result may hold a value or a token of that."""
    for name, value in (("litellm-master-key", MASTER), ("batch", KEY), ("provider", PROVIDER)):
        gsm(name=name, value=value)
    return Task(URL, MASTER, [KEY, PROVIDER, *gsm.service.identity.tokens()])


def declared(gsm: GsmTask, task: Task, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """One task of litellm_tenants."""
    store = {**gsm.options(), **options}
    task.secrets.append(store["access_token"])
    given = {"api_key": None, "api_key_secret": "litellm-master-key", "secrets_gsm": store, **TENANTS}
    return task(litellm_tenants, check=check, **given)


def test_tenants_are_declared_with_secrets_of_secret_manager(gsm: GsmTask, task: Task, proxy: MemoryProxy) -> None:
    before = len(gsm.service.requests)
    assert declared(gsm, task)["summary"] == {"created": 2, "updated": 0, "unchanged": 0, "deleted": 0}
    assert proxy.models["qwen"]["litellm_params"]["api_key"] == PROVIDER
    asked = gsm.service.requests[before:]
    assert len(asked) == 2 * 3
    assert not any(request.writes for request in asked)
    assert declared(gsm, task, versions={"batch": 1})["changed"] is False


def test_a_module_that_only_reads_finds_its_key_there(gsm: GsmTask, task: Task) -> None:
    found = task(litellm_info, api_key=None, api_key_secret="litellm-master-key", secrets_gsm=gsm.options())
    assert not found.get("failed"), found


def test_the_named_version_counts_where_it_can_not_be_told(gsm: GsmTask, task: Task, proxy: MemoryProxy) -> None:
    gsm.container("other", PROVIDER, OTHER)
    model = [{**TENANTS["models"][0], "api_key_secret": "other"}]
    options = {"api_key": None, "api_key_secret": "litellm-master-key", "models": model}
    said = task(litellm_tenants, secrets_gsm=gsm.options(), **options)["msg"]
    assert said.startswith('model "qwen": api_key: projects/tollgate-test/secrets/other has several enabled versions')
    task(litellm_tenants, secrets_gsm={**gsm.options(), "versions": {"other": 1}}, **options)
    assert proxy.models["qwen"]["litellm_params"]["api_key"] == PROVIDER


def test_what_is_made_by_then_is_predicted(gsm: GsmTask, task: Task) -> None:
    gsm(name="batch", state="absent", allow_loss=True)
    assert declared(gsm, task, check=True)["summary"]["created"] == 2
    said = declared(gsm, task)["msg"]
    place = "projects/tollgate-test/secrets/batch/versions/1"
    assert said == f'key "batch": {place} does not exist. Make it first (the wave secrets does).'


def test_a_secret_that_is_not_what_was_noted_is_not_used(gsm: GsmTask, task: Task, proxy: MemoryProxy) -> None:
    gsm.add("batch", "sk-fedcba9876543210")
    said = declared(gsm, task, versions={"batch": 2})["msg"]
    assert said.startswith('key "batch": projects/tollgate-test/secrets/batch/versions/2 now holds sha256:')
    assert "--remove-annotations=tollgate-version,tollgate-fingerprint" in said
    gsm.turn("batch", 1, "DisableSecretVersion")
    assert "versions/1 is disabled. Run: gcloud secrets versions enable 1" in declared(gsm, task)["msg"]
    assert proxy.keys == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"project": "elsewhere"}, 'model "qwen": api_key: there is no project "elsewhere"'),
        ({"versions": {"batch": "latest"}}, "secrets_gsm: versions.batch is 'latest', and must be the number"),
        ({"endpoint": "http://192.0.2.1"}, "secrets_gsm: endpoint http://192.0.2.1 has no TLS"),
        ({"service_account_file": "/x"}, "mutually exclusive: service_account_file|access_token found in secrets_gsm"),
    ],
)
def test_what_can_not_be_meant_is_refused(
    gsm: GsmTask, task: Task, proxy: MemoryProxy, change: dict[str, Any], said: str
) -> None:
    sent = len(proxy.seen)
    assert said in declared(gsm, task, **change)["msg"]
    assert len(proxy.seen) == sent


def test_refusals_of_google_are_explained(gsm: GsmTask, task: Task) -> None:
    gsm.service.denied.add("versions.access")
    said = declared(gsm, task)["msg"]
    assert "lacks the permission secretmanager.versions.access" in said
    assert "--role=roles/secretmanager.secretAccessor" in said


def test_only_who_names_secret_manager_needs_its_client(
    task: Task, gsm: GsmTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_client, "GOOGLE_IMPORT_ERROR", "No module named google")
    assert task(litellm_tenants)["changed"] is False
    said = declared(gsm, task)["msg"]
    assert said.startswith("secrets_gsm: The Python package google-cloud-secret-manager is missing")


def test_the_proof_asks_with_a_key_of_secret_manager(gsm: GsmTask, task: Task) -> None:
    options = {"api_key": None, "api_key_secret": "none", "model": "qwen", "secrets_gsm": gsm.options()}
    said = task(gateway_proof, **options)["msg"]
    assert "secrets/none/versions/1 does not exist" in said


def keys(gsm: GsmTask, **change: Any) -> SaltKeys:
    """What the salt guard compares."""
    store = gsm_connection.store_option()["options"].keys()
    options: dict[str, Any] = {
        **dict.fromkeys(("salt_file", "delivered", "secrets_directory", "secrets_namespace", "kubeconfig", "context")),
        "salt_secret": SALT,
        "master_key_secret": "litellm-master-key",
        "database": {"password_secret": None},
        "secrets_gsm": {**dict.fromkeys(store), "transport": "rest", **gsm.options(), **change},
    }
    with in_words():
        return SaltKeys(options, NamedCluster(options), must_exist=False)


@pytest.mark.parametrize("location", [None, "europe-west3"])
def test_a_master_key_becomes_the_salt_once(gsm: GsmTask, location: str | None) -> None:
    gsm(name="litellm-master-key", value=VALUE, location=location)
    found = keys(gsm, location=location)
    assert STORE not in found.all()
    found.adopt(Key(VALUE, "the master key"))
    assert gsm.service.secrets[location or "", SALT].versions[0].payload.decode() == VALUE
    assert gsm(name=SALT, location=location)["secrets"][0]["action"] == "keep"
    salt = keys(gsm, location=location).all()[STORE]
    assert (salt.text, salt.place.rpartition("/secrets/")[2]) == (VALUE, f"{SALT}/versions/1")
    with pytest.raises(GatewayError, match=r"can't be put into .*versions/1 as the salt: .* never overwritten"):
        found.adopt(Key(OTHER, "the master key"))


def test_a_salt_that_can_not_be_read_is_no_missing_one(gsm: GsmTask) -> None:
    gsm(name=SALT, value=VALUE)
    gsm.service.denied.add("versions.access")
    with pytest.raises(Refused, match=r"salt key: .* lacks the permission"):
        keys(gsm).all()


def test_secrets_are_read_at_once_and_only_once(gsm: GsmTask) -> None:
    for number in range(3):
        gsm(name=f"one-{number}", value=VALUE)
    before = len(gsm.service.requests)
    store = SecretManager(
        {**dict.fromkeys(gsm_connection.store_option()["options"]), "transport": "rest", **gsm.options()}
    )
    store.load(["one-0", "one-1", "one-2"])
    assert [store.text(f"one-{number}", "x") for number in range(3)] == [VALUE] * 3
    assert len(gsm.service.requests) - before == 6
