# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role external_secrets applies when the store is Secret Manager."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.tests.unit.roles import rendering

IDENTITY = {"account": "gsm-reader", "namespace": "external-secrets", "google": "reader@p.iam.gserviceaccount.com"}
KEY = {"name": "gsm-key", "namespace": "external-secrets", "key": "key.json"}
GSM: dict[str, Any] = {
    "external_secrets_gsm": {"workload_identity": IDENTITY},
    "external_secrets_store_gsm": {"project": "p", "versions": {"litellm-salt-key": 1, "litellm-db-password": 3}},
}
DELIVER = [
    {
        "name": "litellm-pg-app",
        "namespace": "litellm",
        "type": "kubernetes.io/basic-auth",
        "data": {"username": {"value": "litellm"}, "password": {"secret": "litellm-db-password"}},
    },
    {
        "name": "litellm-salt-key",
        "namespace": "litellm",
        "immutable": True,
        "data": {"LITELLM_SALT_KEY": {"secret": "litellm-salt-key"}},
    },
]


def rendered(template: str, **variables: Any) -> list[dict[str, Any]]:
    """The objects of one of the role's templates."""
    operators = [{"account": "external-secrets", "namespace": "external-secrets"}]
    known = {"external_secrets_deliver": DELIVER, "external_secrets_operator": {"operators": operators}}
    return rendering.rendered("external_secrets", template, {**known, "target": "litellm", "making": [], **variables})


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those of one kind."""
    return [each for each in objects if each["kind"] == kind]


def test_each_key_is_read_by_the_number_of_its_version() -> None:
    objects = rendered("delivery.yml.j2", **GSM)
    found = {each["metadata"]["name"]: each["spec"] for each in of_kind(objects, "ExternalSecret")}
    assert found["litellm-pg-app"]["data"] == [
        {"secretKey": "password", "remoteRef": {"key": "litellm-db-password", "version": "3"}}
    ]
    assert found["litellm-salt-key"]["data"] == [
        {"secretKey": "LITELLM_SALT_KEY", "remoteRef": {"key": "litellm-salt-key", "version": "1"}}
    ]
    shared = {**GSM, "external_secrets_store_gsm": {**GSM["external_secrets_store_gsm"], "prefix": "europe-"}}
    source = of_kind(rendered("delivery.yml.j2", **shared), "ExternalSecret")[1]["spec"]["data"][0]
    assert source["remoteRef"] == {"key": "europe-litellm-salt-key", "version": "1"}
    assert (found["litellm-salt-key"]["refreshPolicy"], found["litellm-salt-key"]["target"]["immutable"]) == (
        "CreatedOnce",
        True,
    )
    for spec in found.values():
        assert spec["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "tollgate"}


def test_no_right_and_no_store_of_the_cluster_itself_is_made() -> None:
    objects = rendered("delivery.yml.j2", **GSM)
    assert sorted(each["kind"] for each in objects) == ["ExternalSecret", "ExternalSecret", "Role", "RoleBinding"]
    rules = of_kind(objects, "Role")[0]["rules"]
    assert {resource for rule in rules for resource in rule["resources"]} == {"secrets"}


def test_the_store_serves_only_the_namespaces_that_something_is_delivered_to() -> None:
    store = of_kind(rendered("gsm_store.yml.j2", **GSM), "ClusterSecretStore")[0]
    assert store["spec"]["conditions"] == [{"namespaces": ["litellm"]}]
    assert store["spec"]["provider"]["gcpsm"] == {
        "projectID": "p",
        "auth": {"workloadIdentity": {"serviceAccountRef": {"name": "gsm-reader", "namespace": "external-secrets"}}},
    }
    assert rendered("gate.yml.j2", **GSM)[0] == {"kind": "ClusterSecretStore", "name": "tollgate"}


def test_the_operator_may_ask_for_a_token_of_that_one_account() -> None:
    objects = rendered("gsm_store.yml.j2", **GSM)
    account = of_kind(objects, "ServiceAccount")[0]["metadata"]
    assert account["annotations"] == {"iam.gke.io/gcp-service-account": IDENTITY["google"]}
    for rule in of_kind(objects, "Role")[0]["rules"]:
        assert rule["resourceNames"] == ["gsm-reader"]


def test_a_key_needs_no_account() -> None:
    objects = rendered("gsm_store.yml.j2", **{**GSM, "external_secrets_gsm": {"key": KEY}})
    assert [each["kind"] for each in objects] == ["ClusterSecretStore"]
    assert objects[0]["spec"]["provider"]["gcpsm"]["auth"] == {"secretRef": {"secretAccessKeySecretRef": KEY}}


@pytest.mark.parametrize(("variables", "wanted"), [(GSM, "true"), ({}, "false")])
def test_our_operator_looks_at_cluster_stores_only_where_there_is_one(variables: dict[str, Any], wanted: str) -> None:
    objects = rendered("operator.yml.j2", **variables)
    container = of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
    assert f"--enable-cluster-store-reconciler={wanted}" in container["args"]
    resources = [name for rule in of_kind(objects, "ClusterRole")[0]["rules"] for name in rule["resources"]]
    for needed in ("clustersecretstores", "namespaces", "serviceaccounts"):
        assert (needed in resources) is (wanted == "true")


def test_a_store_in_the_cluster_is_read_as_before() -> None:
    objects = rendered("delivery.yml.j2")
    assert [each["spec"]["provider"].keys() for each in of_kind(objects, "SecretStore")] == [{"kubernetes"}]
    assert of_kind(objects, "ExternalSecret")[0]["spec"]["data"][0]["remoteRef"] == {
        "key": "litellm-db-password",
        "property": "value",
    }
    assert rendered("gate.yml.j2")[0] == {"kind": "SecretStore", "name": "tollgate", "namespace": "litellm"}
