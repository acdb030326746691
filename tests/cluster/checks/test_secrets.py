# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in a cluster: written once, kept by the API server itself, and delivered to where workloads read them."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import searched
import yaml
from kubernetes import client
from role_run import Run, play_role
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_cluster.places import CHECKOUT

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster as modules_cluster
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.deliver import Rules, deliver, wanted_of
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError, ensure
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.kubernetes_store import KubernetesStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, Wanted

RACERS = 20
OTHER = "another-horse-battery-staple"
RECORD = "tollgate.llm/fingerprint"
OURS = {"app.kubernetes.io/managed-by": "tollgate", "app.kubernetes.io/part-of": "tollgate"}
DECLARED: list[dict[str, Any]] = [
    {"name": "litellm-master-key", "generate": {"format": "hex", "bytes": 24, "prefix": "sk-"}},
    {"name": "litellm-salt-key", "generate": {"format": "hex", "bytes": 32}},
    {"name": "litellm-db-password", "generate": {"format": "hex", "bytes": 24}},
    {"name": "vllm-api-key", "generate": {"format": "hex", "bytes": 24}},
    *({"name": f"virtual-{number}", "generate": {"prefix": "sk-"}} for number in range(20)),
]
SOME = [Wanted(entry["name"], generate=Generate(**entry["generate"])) for entry in DECLARED[:4]]


@dataclass
class Place:
    """A namespace to deliver to, and the name of one for the store, which the role makes."""

    cluster: Cluster
    name: str
    store: str
    directory: Path
    known: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    @property
    def deliver(self) -> list[dict[str, Any]]:
        """What the gateway's workloads read."""
        return [
            {
                "name": "litellm-pg-app",
                "namespace": self.name,
                "type": "kubernetes.io/basic-auth",
                "labels": {"cnpg.io/reload": "true"},
                "data": {"username": {"value": "litellm"}, "password": {"secret": "litellm-db-password"}},
            },
            {
                "name": "litellm-secrets",
                "namespace": self.name,
                "data": {
                    "PROXY_MASTER_KEY": {"secret": "litellm-master-key"},
                    "CA_VLLM_LOCAL_API_KEY": {"secret": "vllm-api-key"},
                },
            },
            {
                "name": "litellm-salt-key",
                "namespace": self.name,
                "immutable": True,
                "data": {"LITELLM_SALT_KEY": {"secret": "litellm-salt-key"}},
            },
        ]

    def run(self, *words: str, kubeconfig: Path | None = None, **variables: Any) -> Run:
        """The role, as in a play, with everything that it can be made to print; no value may be in that."""
        given = {
            "secrets_store": "kubernetes",
            "secrets_namespace": self.store,
            "secrets_declared": DECLARED,
            "secrets_deliver": self.deliver,
            **variables,
        }
        run = play_role(self.cluster, self.directory, "secrets", given, *words, kubeconfig=kubeconfig)
        for value in [*self.known, *self.values()]:
            assert value not in run.output
            assert base64.b64encode(value.encode()).decode() not in run.output
        self.printed.append(run.output)
        return run

    def nothing_is_seen(self, *allowed: Path) -> None:
        """No value that was kept or delivered is where none may be; what the user wrote down may hold it."""
        secrets = {f"value-{number}": value for number, value in enumerate(sorted({*self.known, *self.values()}))}
        assert len(secrets) >= len(DECLARED[:4])
        given = self.directory / "given.json"
        assert searched.seen(self.cluster, self.directory, secrets, self.printed, [given, *allowed]) == []

    def secret(self, namespace: str, name: str) -> Object | None:
        """A Secret as it is now."""
        metadata = {"name": name, "namespace": namespace}
        return self.cluster.get({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})

    def put(self, namespace: str, name: str, values: dict[str, str], **fields: Any) -> Object:
        """A Secret that somebody else makes."""
        metadata = {"name": name, "namespace": namespace, **fields.pop("metadata", {})}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values, **fields}
        return self.cluster.create(secret)

    def held(self, namespace: str, name: str) -> dict[str, str]:
        """The values in a Secret."""
        found = self.secret(namespace, name)
        assert found, f"there is no Secret {namespace}/{name}"
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    def values(self) -> list[str]:
        """Every value that is no name of a user."""
        secrets = [each for home in (self.name, self.store) for each in self.cluster.all("v1", "Secret", home)]
        data = [(key, text) for each in secrets for key, text in (each.get("data") or {}).items()]
        return [base64.b64decode(text).decode() for key, text in data if key != "username"]

    def versions(self) -> dict[str, str]:
        """The resource version of every Secret."""
        secrets = [each for home in (self.name, self.store) for each in self.cluster.all("v1", "Secret", home)]
        return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in secrets}

    def connected(self) -> KubernetesStore:
        """The store by a connection of its own."""
        return KubernetesStore(Counting(str(self.cluster.kubeconfig), None), self.store, make_namespace=True)

    def fill(self, *wanted: Wanted) -> None:
        """Put secrets into the store, without a play."""
        report = ensure(self.connected(), wanted)
        assert report.error is None, report.error

    def copied(self, *entries: dict[str, Any]) -> dict[str, Any]:
        """Deliver without a play: the module's result."""
        store = self.connected()
        plain = {"type": "Opaque", "labels": None, "immutable": False}
        report = deliver(store.cluster, store, wanted_of([{**plain, **entry} for entry in entries]), Rules())
        assert report.errors == []
        return report.result()

    def changed_by_hand(self, namespace: str, name: str, key: str) -> None:
        """Somebody puts another value into a Secret."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}}
        self.cluster.patch(secret, {"stringData": {key: OTHER}})
        self.known.append(OTHER)

    def removed_by_hand(self, namespace: str, name: str) -> Object:
        """Somebody deletes a Secret that is there: what it was."""
        found = self.secret(namespace, name)
        assert found, f"there is no Secret {namespace}/{name}"
        self.cluster.delete(found)
        return found

    def namespace(self) -> Object | None:
        """The store's namespace."""
        return self.cluster.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.store}})

    def leave(self, namespaces: list[Object]) -> None:
        """Remove the store's namespace; that it is gone is waited for with the others."""
        found = self.namespace()
        if found:
            namespaces.append(found)
            self.cluster.delete(found)


class Counting(modules_cluster.Cluster):
    """Counts what is asked."""

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        super().__init__(kubeconfig, context)
        self.verbs: list[str] = []

    def _one(self, verb: str, *arguments: Any, **named: Any) -> Object | None:
        self.verbs.append(verb)
        return super()._one(verb, *arguments, **named)


@pytest.fixture
def place(cluster: Cluster, namespace: str, namespaces: list[Object], tmp_path: Path) -> Iterator[Place]:
    """A namespace, and a name for the store's."""
    made = Place(cluster, namespace, f"{namespace}-store", tmp_path)
    yield made
    made.leave(namespaces)


def test_from_nothing_to_delivered_and_a_second_run_changes_nothing(place: Place) -> None:
    assert place.run("--check").changed == 2
    assert place.namespace() is None
    assert place.values() == []
    assert place.run().changed == 2
    made = place.namespace()
    assert made
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for entry in DECLARED:
        kept = place.secret(place.store, entry["name"])
        assert kept
        assert kept["immutable"] is True
        assert kept["metadata"]["labels"] == OURS
        value = place.held(place.store, entry["name"])["value"]
        assert kept["metadata"]["annotations"][RECORD] == fingerprint(value)
    assert len(place.held(place.store, "litellm-master-key")["value"]) == len("sk-") + 48

    password = place.held(place.store, "litellm-db-password")["value"]
    assert place.held(place.name, "litellm-pg-app") == {"username": "litellm", "password": password}
    login, salt = place.secret(place.name, "litellm-pg-app"), place.secret(place.name, "litellm-salt-key")
    assert login and salt
    assert login["type"] == "kubernetes.io/basic-auth"
    assert login["metadata"]["labels"] == {**OURS, "cnpg.io/reload": "true"}
    assert salt["immutable"] is True

    before = place.versions()
    assert place.run().changed == 0
    assert place.run("--check").changed == 0
    assert place.versions() == before
    place.nothing_is_seen()


def test_a_second_run_sends_no_request_that_writes(place: Place) -> None:
    wanted = [Wanted(f"key-{number}", generate=Generate()) for number in range(50)]
    entry = {"name": "keys", "namespace": place.name, "type": "Opaque", "labels": None, "immutable": False}
    deliveries = wanted_of([{**entry, "data": {each.name: {"secret": each.name} for each in wanted}}])
    for writes in (52, 0):  # the namespace, fifty secrets, what is delivered
        store = place.connected()
        report = ensure(store, wanted)
        assert report.error is None
        delivered = deliver(store.cluster, store, deliveries, Rules())
        assert delivered.errors == []
        verbs = store.cluster.verbs  # type: ignore[attr-defined]  # it is a Counting
        assert len([verb for verb in verbs if verb != "get"]) == writes


def raced(place: Place, name: str) -> None:
    """Twenty creators of three secrets end with one value of each."""
    wanted = [Wanted(f"{name}-{number}", generate=Generate()) for number in range(3)]
    stores = [place.connected() for _racer in range(RACERS)]
    start = Barrier(RACERS)

    def race(store: KubernetesStore) -> tuple[str | None, ...]:
        start.wait()
        report = ensure(store, wanted)
        assert report.error is None, report.error
        return tuple(outcome.value for outcome in report.outcomes)

    with ThreadPoolExecutor(RACERS) as pool:
        seen = set(pool.map(race, stores))
    assert seen == {tuple(place.held(place.store, each.name)["value"] for each in wanted)}


def test_twenty_racing_creators_end_with_one_value(place: Place) -> None:
    raced(place, "key")


@pytest.mark.soak
def test_twenty_racing_creators_end_with_one_value_again_and_again(place: Place) -> None:
    for number in range(20):
        raced(place, f"key-{number}")


def test_a_changed_salt_is_refused_with_both_fingerprints(place: Place) -> None:
    place.fill(*SOME)
    assert place.copied(*place.deliver)["summary"]["created"] == 3
    salt = place.held(place.store, "litellm-salt-key")["value"]
    with pytest.raises(client.ApiException, match="immutable"):
        place.changed_by_hand(place.store, "litellm-salt-key", "value")
    place.known += [salt, OTHER]
    lost = place.removed_by_hand(place.store, "litellm-salt-key")
    place.put(place.store, "litellm-salt-key", {"value": OTHER})
    before = place.versions()
    message = place.run("--check").refusal
    for said in (f"{place.name}/litellm-salt-key is immutable", fingerprint(salt), fingerprint(OTHER), "value_file"):
        assert said in message
    assert place.versions() == before

    place.removed_by_hand(place.store, "litellm-salt-key")
    notes = {"annotations": lost["metadata"]["annotations"]}
    place.put(place.store, "litellm-salt-key", {"value": OTHER}, metadata=notes)
    before = place.versions()
    message = place.run().refusal
    for said in ("somebody changed a write-once secret", fingerprint(salt), fingerprint(OTHER), "annotate secret"):
        assert said in message
    assert place.versions() == before


def test_what_somebody_else_put_there_is_kept(place: Place) -> None:
    place.fill(*SOME)
    place.put(place.name, "litellm-secrets", {"OPENAI_API_KEY": OTHER})
    assert place.copied(*place.deliver)["summary"] == {"created": 2, "updated": 1, "unchanged": 0, "deleted": 0}
    master = place.held(place.store, "litellm-master-key")["value"]
    found = place.held(place.name, "litellm-secrets")
    assert (found["OPENAI_API_KEY"], found["PROXY_MASTER_KEY"]) == (OTHER, master)
    place.put(place.name, "foreign", {"PROXY_MASTER_KEY": OTHER})
    foreign = {"name": "foreign", "namespace": place.name, "data": {"PROXY_MASTER_KEY": {"secret": "vllm-api-key"}}}
    with pytest.raises(SecretsRefusedError, match="which was not delivered from here"):
        place.copied(foreign)
    assert place.held(place.name, "foreign") == {"PROXY_MASTER_KEY": OTHER}


def test_secrets_that_somebody_brings_are_compared_with_the_store(place: Place) -> None:
    place.fill(*SOME)
    place.copied(*place.deliver)
    brought: dict[str, Any] = {"secrets_delivery": "existing", "secrets_declared": DECLARED[:4]}
    assert place.run(**brought).changed == 0
    place.removed_by_hand(place.name, "litellm-pg-app")
    place.changed_by_hand(place.name, "litellm-secrets", "CA_VLLM_LOCAL_API_KEY")
    before = place.versions()
    message = place.run(**brought).refusal
    for said in (
        f"Secret {place.name}/litellm-pg-app does not exist",
        f"Secret {place.name}/litellm-secrets has no CA_VLLM_LOCAL_API_KEY as the store has it",
        "No Secret was changed.",
    ):
        assert said in message
    assert place.versions() == before


def test_a_new_version_replaces_the_old_one_everywhere(place: Place) -> None:
    entry = {"name": "keys", "namespace": place.name, "data": {"OPENAI_API_KEY": {"secret": "openai"}}}
    first, second, third = "first-of-the-values", "second-of-the-values", "third-of-the-values"
    place.known += [first, second, third]
    place.fill(Wanted("openai", value=first, mode=Mode.VERSIONED))
    assert place.copied(entry)["changed"]
    versions = [{"name": "openai", "value": second, "mode": "versioned"}]
    assert place.run(secrets_declared=versions, secrets_deliver=[entry]).changed == 2
    assert place.held(place.name, "keys") == {"OPENAI_API_KEY": second}
    assert place.held(place.store, "openai") == {"value": second, "previous": first}
    place.fill(Wanted("openai"))  # from now on it is written once, and immutable
    kept = place.secret(place.store, "openai")
    assert kept
    assert kept["immutable"] is True
    place.fill(Wanted("openai", value=third, mode=Mode.VERSIONED))
    assert place.held(place.store, "openai") == {"value": third, "previous": second}


def test_absent_keeps_the_store_until_its_loss_is_confirmed(place: Place) -> None:
    place.fill(*SOME)
    place.copied(*place.deliver)
    kept = place.versions()
    assert place.run("--check", secrets_state="absent").changed == 1
    assert place.versions() == kept
    assert place.run(secrets_state="absent").changed == 1
    assert place.cluster.all("v1", "Secret", place.name) == []
    assert len(place.cluster.all("v1", "Secret", place.store)) == len(SOME)
    assert place.run(secrets_state="absent", secrets_allow_loss=True).changed == 1
    assert place.run(secrets_state="absent", secrets_allow_loss=True).changed == 0
    assert place.values() == []
    assert place.namespace()


@pytest.fixture
def reader(place: Place, tmp_path: Path) -> Path:
    """The kubeconfig of somebody who may read Secrets in one namespace, and nothing else."""
    metadata = {"name": "reader", "namespace": place.name}
    group = "rbac.authorization.k8s.io"
    place.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    place.cluster.apply({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
    place.cluster.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    accounts = place.cluster.resource("v1", "ServiceAccount")
    granted = accounts.subresources["token"].create(name="reader", namespace=place.name, body=request).to_dict()
    given = yaml.safe_load(Path(place.cluster.kubeconfig).read_text(encoding="utf-8"))
    given["users"][0]["user"] = {"token": granted["status"]["token"]}
    path = tmp_path / "reader.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    return path


def test_who_is_not_allowed_hears_the_verb_and_the_resource(place: Place, reader: Path) -> None:
    place.store = place.name
    message = place.run(kubeconfig=reader, secrets_declared=DECLARED[:2]).refusal
    for said in (
        f"not allowed to create Secret {place.name}/litellm-",
        'cannot create resource "secrets"',
        "Ask for that verb on that resource.",
        "Not done: litellm-master-key, litellm-salt-key.",
    ):
        assert said in message
    elsewhere = place.run(kubeconfig=reader, secrets_declared=DECLARED[:1], secrets_namespace="default").refusal
    assert "not allowed to get Secret default/litellm-master-key" in elsewhere
    assert "Nothing was changed." in elsewhere


def test_a_delivery_that_is_not_allowed_says_so(place: Place, reader: Path) -> None:
    place.store = place.name
    place.fill(SOME[0])
    message = place.run(
        kubeconfig=reader,
        secrets_declared=[{"name": "litellm-master-key"}],
        secrets_deliver=[
            {"name": "keys", "namespace": place.name, "data": {"PROXY_MASTER_KEY": {"secret": "litellm-master-key"}}}
        ],
    ).refusal
    assert f"not allowed to create Secret {place.name}/keys" in message
    assert f"Not done: Secret {place.name}/keys." in message
