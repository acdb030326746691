# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that External Secrets delivers: synced, never changed by that, given back, and what fails explained."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gates import gate
from role_run import Run, play_role
from test_secrets import DECLARED, OTHER, SOME, Place
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually
from tollgate_cluster.lock import alone
from tollgate_cluster.places import CHECKOUT, CHECKOUT_STATE, UPSTREAM
from tollgate_cluster.table.operators import EXTERNAL_SECRETS

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, Wanted

API = "external-secrets.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"
SHA256 = "db2c51e928f25dd9b43f583e61b3deeba3fbdfa6286768b8c92aef94f862b4e3"  # of the definitions of EXTERNAL_SECRETS
SYSTEM = "external-secrets"
OPERATOR: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "external-secrets", "namespace": SYSTEM},
}
ACCOUNT = "tollgate-secret-store"
MARK = "reconcile.external-secrets.io/managed"
NAMES = ("litellm-pg-app", "litellm-salt-key", "litellm-secrets")
KINDS = (
    *(("v1", "Secret"), ("v1", "ServiceAccount"), (RBAC, "Role"), (RBAC, "RoleBinding")),
    *((API, "SecretStore"), (API, "ExternalSecret")),
)


class External(Place):
    """A namespace and a store, with the operator between them."""

    def run(self, *words: str, kubeconfig: Path | None = None, **variables: Any) -> Run:
        """The role secrets, which lets the operator deliver unless it is told otherwise."""
        given = {
            "secrets_delivery": "external_secrets",
            "external_secrets_timeout": 300,
            "secrets_declared": DECLARED[:4],
        }
        return super().run(*words, kubeconfig=kubeconfig, **{**given, **variables})

    def objects(self, kind: str, api_version: str = API, namespace: str = "") -> list[Object]:
        """All of a kind in the namespace."""
        return self.cluster.all(api_version, kind, namespace or self.name)

    def everything(self) -> dict[str, str]:
        """The resource version of all that the role and the operator made."""
        return {
            f"{kind} {home}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
            for api_version, kind in KINDS
            for home in (self.name, self.store)
            for each in self.objects(kind, api_version, home)
        }

    def state(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Which Secrets there are, and what they hold."""
        secrets = self.objects("Secret", "v1")
        return {
            each["metadata"]["name"]: (each["metadata"]["uid"], self.held(self.name, each["metadata"]["name"]))
            for each in secrets
        }

    def delivered(self) -> None:
        """All that the store has is where it is to be."""
        for entry in self.deliver:
            held = self.held(self.name, entry["name"])
            for key, source in entry["data"].items():
                kept = source.get("value") or self.held(self.store, source["secret"])["value"]
                assert held[key] == kept, f"{entry['name']}: {key} differs"

    def may(self, account: str, verb: str, resource: str, name: str = "", namespace: str = "") -> bool:
        """Whether an account, as namespace:name, is allowed that."""
        resource, _slash, subresource = resource.partition("/")
        wanted = {"verb": verb, "resource": resource, "subresource": subresource, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{account}",
                "resourceAttributes": {**wanted, "namespace": namespace or self.name},
            },
        }
        return bool(self.cluster.create(review)["status"]["allowed"])


def operators(cluster: Cluster, place: Path, *words: str, **variables: Any) -> Run:
    """The wave of the operators, with the version that the cluster has an image of."""
    pinned = {"external_secrets_version": EXTERNAL_SECRETS, "external_secrets_sha256": SHA256}
    pinned |= {"external_secrets_manifests_directory": str(UPSTREAM)}
    given = {**(pinned if cluster.made_here else {}), **variables}
    return play_role(cluster, place, "external_secrets", given, *words, entry="operators")


@pytest.fixture
def place(cluster: Cluster, namespace: str, namespaces: list[Object], tmp_path: Path) -> Iterator[External]:
    """An operator, which stays for the checks beside this one; a namespace, and a name for the store's."""
    with alone(CHECKOUT_STATE / "external-secrets.lock"):
        found = cluster.get(OPERATOR)
        if not found or not available(found):
            run = operators(cluster, tmp_path)
            assert run.code == 0, run.output[-6000:]
    made = External(cluster, namespace, f"{namespace}-store", tmp_path)
    yield made
    made.leave(namespaces)


@pytest.mark.first
def test_all_is_synced_and_a_second_run_changes_nothing(place: External) -> None:
    assert place.run("--check").changed > 0
    assert place.namespace() is None
    assert place.objects("ExternalSecret") == []
    assert place.run().changed > 0
    for each in place.objects("ExternalSecret"):
        ready = {row["type"]: row for row in each["status"]["conditions"]}["Ready"]
        assert (ready["status"], ready["reason"]) == ("True", "SecretSynced")
    assert sorted(each["metadata"]["name"] for each in place.objects("ExternalSecret")) == list(NAMES)
    place.delivered()
    login, salt = (place.secret(place.name, name) for name in ("litellm-pg-app", "litellm-salt-key"))
    assert login
    assert salt
    assert login["type"] == "kubernetes.io/basic-auth"
    assert login["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert salt["immutable"] is True
    assert not any(each["metadata"].get("ownerReferences") for each in (login, salt))
    before = place.everything()
    assert place.run().changed == 0
    assert place.everything() == before
    place.nothing_is_seen()


def test_each_may_do_no_more_than_it_has_to(place: External) -> None:
    assert place.run().changed > 0
    reader, operator = f"{place.name}:{ACCOUNT}", f"{SYSTEM}:external-secrets"
    place.fill(Wanted("of-somebody-else", value=OTHER))
    place.known.append(OTHER)
    assert place.may(reader, "get", "secrets", "litellm-salt-key", place.store)
    assert not place.may(reader, "get", "secrets", "of-somebody-else", place.store)
    assert not place.may(reader, "list", "secrets", "", place.store)
    assert not place.may(reader, "update", "secrets", "litellm-salt-key", place.store)
    assert not place.may(reader, "get", "secrets", "litellm-salt-key")
    assert place.may(operator, "update", "secrets", "litellm-secrets")
    assert not place.may(operator, "update", "secrets", "of-somebody-else")
    assert not place.may(operator, "delete", "secrets", "litellm-secrets")
    assert place.may(operator, "create", "serviceaccounts/token", ACCOUNT)
    assert not place.may(operator, "create", "serviceaccounts/token", "default")
    assert not place.may(operator, "update", "secrets", "litellm-salt-key", place.store)
    assert not place.may(operator, "create", "secrets", "", "default")


def test_there_and_back_no_value_changes(place: External) -> None:
    assert place.run(secrets_delivery="secrets").changed == 2
    place.changed_by_hand(place.name, "litellm-secrets", "OPENAI_API_KEY")
    before = place.state()
    assert place.run().changed > 0
    assert place.state() == before
    assert place.run().changed == 0
    assert place.run(secrets_delivery="secrets").changed > 0
    assert place.state() == before
    assert place.objects("ExternalSecret") + place.objects("SecretStore") == []
    assert not any(MARK in each["metadata"]["labels"] for each in place.objects("Secret", "v1"))
    found = place.everything()
    assert place.run(secrets_delivery="secrets").changed == 0
    assert place.everything() == found
    place.delivered()


@pytest.mark.first
def test_what_is_missing_or_differs_is_delivered_at_once(place: External) -> None:
    assert place.run().changed > 0
    before = place.state()
    for name in ("litellm-salt-key", "litellm-pg-app"):
        place.removed_by_hand(place.name, name)
    place.changed_by_hand(place.name, "litellm-secrets", "PROXY_MASTER_KEY")
    assert place.run("--check").changed > 0
    assert place.run().changed > 0
    place.delivered()
    assert {name: held for name, (_uid, held) in place.state().items()} == {
        name: held for name, (_uid, held) in before.items()
    }
    assert place.run().changed == 0
    place.fill(Wanted("vllm-api-key", value=OTHER, mode=Mode.VERSIONED))
    newer = [{"name": "vllm-api-key", "value": OTHER, "mode": "versioned"}]
    assert place.run(secrets_declared=newer).changed > 0
    place.delivered()


def test_another_salt_is_refused_with_both_fingerprints(place: External) -> None:
    place.fill(*SOME)
    salt = place.held(place.store, "litellm-salt-key")["value"]
    place.put(place.name, "litellm-salt-key", {"LITELLM_SALT_KEY": OTHER}, immutable=True)
    place.known.append(OTHER)
    before = place.everything()
    message = place.run().refusal
    for said in (f"{place.name}/litellm-salt-key is immutable", fingerprint(salt), fingerprint(OTHER), "value_file"):
        assert said in message
    assert place.everything() == before


def test_a_name_that_the_store_does_not_have_is_refused_before_anything_is_applied(place: External) -> None:
    place.fill(*SOME)
    before = place.everything()
    wrong = {"name": "keys", "namespace": place.name, "data": {"KEY": {"secret": "litellm-slat-key"}}}
    assert 'secret "litellm-slat-key" is not in the store' in place.run(secrets_deliver=[wrong]).refusal
    texts = {"name": "texts", "namespace": place.name, "data": {"USER": {"value": "litellm"}}}
    assert "takes nothing out of the store" in place.run(secrets_deliver=[texts]).refusal
    assert place.everything() == before


@pytest.mark.first
def test_what_does_not_sync_is_explained(place: External) -> None:
    assert place.run().changed > 0
    salt = next(each for each in place.objects("ExternalSecret") if each["metadata"]["name"] == "litellm-secrets")
    works = "tollgate"
    for name, store, key in (("no-store", "nope", "x"), ("no-secret", works, "gone"), ("no-right", works, "vllm")):
        source = [{"secretKey": "a", "remoteRef": {"key": key, "property": "value"}}]
        spec = {**salt["spec"], "secretStoreRef": {"kind": "SecretStore", "name": store}, "data": source}
        spec["target"] = {"name": name, "creationPolicy": "Orphan"}
        place.cluster.create(
            {
                "apiVersion": API,
                "kind": "ExternalSecret",
                "metadata": {"name": name, "namespace": place.name},
                "spec": spec,
            }
        )
    # With its right to read `gone` the account is told that there is none.
    role = next(each for each in place.objects("Role", RBAC, place.store))
    rules = [{**role["rules"][0], "resourceNames": [*role["rules"][0]["resourceNames"], "gone"]}]
    place.cluster.patch(role, {"rules": rules})
    wanted = [
        {"kind": "ExternalSecret", "name": name, "namespace": place.name}
        for name in ("no-store", "no-secret", "no-right", "litellm-secrets")
    ]

    def explained() -> str:
        message = gate(place.cluster.kubeconfig, objects=wanted, timeout=5).message
        meant = ("there is no SecretStore nope", "the store has no secret gone", f"{ACCOUNT} may not read vllm in")
        return message if all(text in message for text in meant) else ""

    assert "litellm-secrets in" not in eventually(explained, 60, "all three are explained")


def test_what_is_removed_leaves_what_others_need(place: External) -> None:
    assert place.run().changed > 0
    before = place.state()
    for each in place.objects("ExternalSecret"):
        place.cluster.delete(each)
        place.cluster.wait_gone(each)
    assert place.state() == before
    assert place.run().changed > 0
    assert place.state() == before
    refused = operators(place.cluster, place.directory, "--check", external_secrets_state="absent")
    assert f"ExternalSecret {place.name}/litellm-salt-key" in refused.refusal
    assert place.run(secrets_state="absent").changed > 0
    assert place.objects("ExternalSecret") + place.objects("SecretStore") + place.objects("Role", RBAC) == []
    assert place.objects("Secret", "v1") == []
    assert place.objects("Role", RBAC, place.store) == []
    assert place.held(place.store, "litellm-salt-key")
    assert place.run(secrets_state="absent").changed == 0
