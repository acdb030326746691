# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that External Secrets reads out of Secret Manager: its own provider asks the tests' server, as Google's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google_names
import pytest
from gates import gate
from role_run import Run
from test_external_secrets_role import API, NAMES, OPERATOR, External, operators
from test_secrets import OTHER
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually
from tollgate_cluster.addresses import MACHINE_ADDRESS
from tollgate_cluster.lock import alone
from tollgate_cluster.places import CHECKOUT, CHECKOUT_STATE

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.tests.support.secret_manager import errors
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import Addresses, running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Request, Service
from google.cloud.secretmanager_v1 import types

READER = "external-secrets@tollgate-test.iam.gserviceaccount.com"
TOKENS = "https://oauth2.googleapis.com"  # where Google's key files send their owners


@dataclass
class FromGoogle(External):
    """A namespace, and a project of Secret Manager in the place of the store's namespace."""

    service: Service = field(default_factory=Service)
    addresses: Addresses = field(default_factory=lambda: Addresses(""))

    @property
    def key(self) -> dict[str, Any]:
        """The operator signs in with the key of an account."""
        return {"key": {"name": "google", "namespace": self.name, "key": "key.json"}}

    @property
    def identity(self) -> dict[str, Any]:
        """The operator signs in as an account of Kubernetes."""
        cluster = {"cluster_project": self.service.project, "cluster_name": "a", "cluster_location": "b"}
        return {"workload_identity": {"account": "gsm-reader", "namespace": self.name, **cluster}}

    def run(self, *words: str, kubeconfig: Path | None = None, **variables: Any) -> Run:
        """The role secrets, with Secret Manager as the store."""
        token = self.service.identity.token("controller@tollgate-test.iam.gserviceaccount.com")
        project = {"project": self.service.project, "endpoint": self.addresses.http, "access_token": token}
        given = {
            "secrets_store": "gsm",
            "secrets_gsm": project,
            "external_secrets_gsm": self.key,
            "external_secrets_store_name": self.name,  # a ClusterSecretStore has no namespace
            **variables,
        }
        run = super().run(*words, kubeconfig=kubeconfig, **given)
        assert not any(secret in run.output for secret in [*self.service.payloads(), *self.service.identity.tokens()])
        return run

    @property
    def way(self) -> Object:
        """The way to Google."""
        return {"apiVersion": API, "kind": "ClusterSecretStore", "metadata": {"name": self.name}}

    def sign_in(self, email: str, name: str = "google") -> None:
        """Give the operator the key of an account, in a Secret."""
        account = self.service.identity.service_account(email, self.service.project, TOKENS)
        metadata = {"name": name, "namespace": self.name}
        text = {"key.json": json.dumps(account)}
        self.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": text})

    def kept(self, name: str, version: int = 1) -> str:
        """A version's value."""
        return self.service.secrets["", name].versions[version - 1].payload.decode()

    def written(self, name: str, value: str) -> None:
        """Somebody else adds a version."""
        added = {"parent": f"projects/{self.service.project}/secrets/{name}", "payload": {"data": value.encode()}}
        self.call("AddSecretVersion", types.AddSecretVersionRequest(added))

    def disabled(self, name: str, version: int) -> None:
        """Somebody else disables a version."""
        resource = f"projects/{self.service.project}/secrets/{name}/versions/{version}"
        self.call("DisableSecretVersion", types.DisableSecretVersionRequest({"name": resource}))

    def call(self, method: str, request: Any) -> None:
        """Ask as somebody else."""
        self.service.call(method, request, self.service.identity.token("somebody"))

    def pinned(self, name: str, secret: str, version: int) -> tuple[str, str]:
        """An ExternalSecret that nobody here made: its kind and its name."""
        reference = {"key": secret, "version": str(version)}
        self.cluster.create(
            {
                "apiVersion": API,
                "kind": "ExternalSecret",
                "metadata": {"name": name, "namespace": self.name},
                "spec": {
                    "secretStoreRef": {"kind": "ClusterSecretStore", "name": self.name},
                    "target": {"name": name, "creationPolicy": "Orphan"},
                    "data": [{"secretKey": "a", "remoteRef": reference}],
                },
            }
        )
        return "ExternalSecret", name

    def signed_in(self, name: str, account: str = "", *, there: bool = True) -> tuple[str, str]:
        """A ClusterSecretStore that signs in with a Secret of this name: its kind and its own."""
        if "@" in account:
            self.sign_in(account, name)
            self.service.identity.remove(account)
        elif there:
            self.put(self.name, name, {"key.json" if account else "another": account})
        way = self.cluster.get(self.way)
        assert way
        provider = {"gcpsm": {**way["spec"]["provider"]["gcpsm"], "auth": {"secretRef": {}}}}
        reference = {**self.key["key"], "name": name}
        provider["gcpsm"]["auth"]["secretRef"]["secretAccessKeySecretRef"] = reference
        metadata = {"name": f"{self.name}-{name}"}
        self.cluster.create({**self.way, "metadata": metadata, "spec": {**way["spec"], "provider": provider}})
        return "ClusterSecretStore", metadata["name"]

    def delivered(self) -> None:
        """All that the first versions hold is where it is to be."""
        for entry in self.deliver:
            held = self.held(self.name, entry["name"])
            for key, source in entry["data"].items():
                kept = source.get("value") or self.kept(source["secret"])
                assert held[key] == kept, f"{entry['name']}: {key} differs"

    def asked(self) -> list[Request]:
        """What the operator asked for."""
        return [each for each in self.service.requests if not each.principal.startswith("controller@")]

    def versions(self) -> dict[str, str]:
        """The resource version of all that the role and the operator made."""
        way = self.cluster.get(self.way)
        assert way
        return {**self.everything(), "way": way["metadata"]["resourceVersion"]}

    def explained(self, names: list[tuple[str, str]], texts: tuple[str, ...]) -> str:
        """What a gate says of these, once it says all these texts."""
        wanted = [
            {"kind": kind, "name": name, **({"namespace": self.name} if kind == "ExternalSecret" else {})}
            for kind, name in names
        ]

        def said() -> str:
            message = gate(self.cluster.kubeconfig, objects=wanted, timeout=5).message
            return message if all(text in message for text in texts) else ""

        return eventually(said, 60, f"the gate says {texts}")


def denied_to_the_operator(secret: str) -> Callable[[Request], None]:
    """What lets nobody but the operator be refused a secret."""

    def before(request: Request) -> None:
        if request.principal == READER and f"/secrets/{secret}/" in request.resource:
            raise errors.permission_denied("secretmanager.versions.access", request.resource)

    return before


@pytest.fixture(params=["key"])
def place(
    request: pytest.FixtureRequest, cluster: Cluster, namespace: str, namespaces: list[Object], tmp_path: Path
) -> Iterator[FromGoogle]:
    """The operator of all checks, which goes on to serve the others: for it Google is here until this check ends."""
    if not cluster.made_here:
        pytest.skip("pods of that cluster may not reach this machine")
    service, shared = Service(), CHECKOUT_STATE / "external-secrets.lock"
    with (
        alone(CHECKOUT_STATE / "external-secrets-google.lock"),
        running(service, tmp_path, address=str(MACHINE_ADDRESS)) as addresses,
        ExitStack() as google,
    ):
        made = FromGoogle(cluster, namespace, f"{namespace}-store", tmp_path, service=service, addresses=addresses)
        with alone(shared):
            run = operators(cluster, tmp_path, external_secrets_gsm=getattr(made, request.param))
            assert run.code == 0, run.output[-6000:]
            google.enter_context(google_names.google_is(addresses, cluster, OPERATOR, namespace))
        yield made
        for way in cluster.all(API, "ClusterSecretStore"):
            if way["metadata"]["name"].startswith(namespace):
                cluster.delete(way)
        with alone(shared):
            google.close()
            run = operators(cluster, tmp_path)
            assert run.code == 0, run.output[-6000:]
        made.leave(namespaces)


@pytest.mark.first
def test_each_value_is_read_by_the_number_of_its_version_and_a_second_run_changes_nothing(place: FromGoogle) -> None:
    place.sign_in(READER)
    assert place.run("--check").changed > 0
    assert (place.service.secrets, place.objects("ExternalSecret")) == ({}, [])
    assert place.run().changed > 0
    for each in place.objects("ExternalSecret"):
        ready = {row["type"]: row for row in each["status"]["conditions"]}["Ready"]
        assert (ready["status"], ready["reason"]) == ("True", "SecretSynced")
    found = {each["metadata"]["name"]: each["spec"] for each in place.objects("ExternalSecret")}
    assert sorted(found) == list(NAMES)
    assert found["litellm-salt-key"]["refreshPolicy"] == "CreatedOnce"
    salt = place.secret(place.name, "litellm-salt-key")
    assert salt
    assert salt["immutable"] is True
    place.delivered()
    assert {each.principal for each in place.asked()} == {READER}
    assert all(
        re.search("AccessSecretVersion .*/versions/1$", f"{each.method} {each.resource}") for each in place.asked()
    )
    assert place.namespace() is None
    place.written("litellm-salt-key", OTHER)
    place.written("vllm-api-key", OTHER)
    before, writes = place.versions(), len(place.service.writes())
    again = place.run()
    assert again.changed == 0
    assert (place.versions(), len(place.service.writes())) == (before, writes)
    place.delivered()
    place.known += [OTHER, *place.service.identity.tokens(), *place.service.payloads()]
    place.nothing_is_seen()


@pytest.mark.first
def test_what_google_refuses_is_explained_with_the_next_step(place: FromGoogle) -> None:
    place.sign_in(READER)
    assert place.run().changed > 0
    place.delivered()
    place.written("vllm-api-key", OTHER)
    place.disabled("vllm-api-key", 2)
    place.service.before = denied_to_the_operator("litellm-master-key")
    meant = {
        place.pinned("denied", "litellm-master-key", 1): (
            "secretmanager.versions.access on projects/tollgate-test/secrets/litellm-master-key/versions/1"
        ),
        place.pinned("off", "vllm-api-key", 2): "/secrets/vllm-api-key/versions/2 is DISABLED",
        place.pinned("missing", "vllm-api-key", 9): "Secret Manager has no such version",
        place.signed_in("removed", "removed@tollgate-test.iam.gserviceaccount.com"): "Google does not know the key",
        place.signed_in("empty", "{}"): "a text that is no key of a service account",
        place.signed_in("other-key"): "has nothing under key.json",
        place.signed_in("nothing", there=False): f"there is no Secret {place.name}/nothing",
    }
    place.explained(list(meant), texts=tuple(meant.values()))


def reviewed(cluster: Cluster) -> Callable[[str, str], str | None]:
    """Whose token it is, by the cluster's own word, as GKE's identity provider has it."""

    def account(token: str, audience: str) -> str | None:
        spec = {"token": token, "audiences": [audience]}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        status = cluster.create(asked)["status"]
        found = re.fullmatch("system:serviceaccount:(.+):(.+)", status.get("user", {}).get("username", ""))
        return f"{found[1]}/{found[2]}" if status.get("authenticated") and found else None

    return account


@pytest.mark.first
@pytest.mark.parametrize("place", ["identity"], indirect=True)
def test_an_account_of_kubernetes_is_known_by_workload_identity(place: FromGoogle) -> None:
    google = place.service.identity
    google.accounts = reviewed(place.cluster)
    assert place.run(external_secrets_gsm=place.identity).changed > 0
    bound = f"serviceAccount:{place.service.project}.svc.id.goog[{place.name}/gsm-reader]"
    assert {each.principal for each in place.asked()} == {bound}
    place.delivered()

    another = {"workload_identity": {**place.identity["workload_identity"], "google": READER}}
    lost = place.secret(place.name, "litellm-secrets")
    assert lost
    place.cluster.delete(lost)
    refused = place.run(external_secrets_gsm=another, external_secrets_timeout=15).refusal
    assert "roles/iam.workloadIdentityUser" in refused
    google.impersonators.add(bound)
    assert place.run(external_secrets_gsm=another).changed > 0
    assert READER in {each.principal for each in place.asked()}
    assert place.run(external_secrets_gsm=another).changed == 0
    place.delivered()
    assert place.run(secrets_state="absent", external_secrets_gsm=another).changed > 0
    assert place.cluster.get(place.way) is None
    assert place.objects("ExternalSecret") + place.objects("Secret", "v1") == []
    assert place.kept("litellm-salt-key")
