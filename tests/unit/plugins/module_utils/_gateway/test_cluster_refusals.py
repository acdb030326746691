# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be refused about a cluster before it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import cluster_preflight
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.secrets_preflight import OPERATOR

NAMESPACES = {
    "gateway_namespace": "litellm",
    "gateway_models_namespace": "llm",
    "gateway_secrets_namespace": "litellm-store",
}


def test_the_default_namespaces_are_fine() -> None:
    cluster_preflight.check_names(NAMESPACES)


@pytest.mark.parametrize("name", ["Litellm", "a_b", "-a", "a" * 64, ""])
def test_what_is_no_namespace_is_refused_by_variable(name: str) -> None:
    with pytest.raises(GatewayError, match=r"gateway_namespace: .* is no namespace"):
        cluster_preflight.check_names({**NAMESPACES, "gateway_namespace": name})


@pytest.mark.parametrize("name", ["litellm", "llm"])
def test_the_store_may_not_lie_where_pods_run(name: str) -> None:
    with pytest.raises(GatewayError, match=f"pods run in {name}"):
        cluster_preflight.check_names({**NAMESPACES, "gateway_secrets_namespace": name})


def test_only_what_is_set_reaches_the_tasks(tmp_path: Path) -> None:
    assert cluster_preflight.environment({"gateway_kubeconfig": "", "gateway_context": ""}) == {}
    chosen = {"gateway_kubeconfig": str(tmp_path / "x" / ".." / "kubeconfig"), "gateway_context": "mine"}
    assert cluster_preflight.environment(chosen) == {
        "K8S_AUTH_KUBECONFIG": str(tmp_path / "kubeconfig"),
        "K8S_AUTH_CONTEXT": "mine",
    }


def test_a_right_names_verb_resource_and_namespace() -> None:
    wanted = [str(right) for right in cluster_preflight.rights(NAMESPACES)]
    assert "create pods/portforward in litellm" in wanted
    assert "patch clusters.postgresql.cnpg.io in litellm" in wanted
    assert "get secrets in litellm-store" in wanted
    assert len(set(wanted)) == len(wanted)


def test_delivery_by_external_secrets_needs_rights_of_its_own() -> None:
    plain = {str(right) for right in cluster_preflight.rights({**NAMESPACES, "gateway_secrets_delivery": "secrets"})}
    external = [
        str(right) for right in cluster_preflight.rights({**NAMESPACES, "gateway_secrets_delivery": "external_secrets"})
    ]
    assert len(set(external)) == len(external)
    new = set(external) - plain
    assert "patch externalsecrets.external-secrets.io in litellm" in new
    assert "create serviceaccounts/token in llm" in new
    assert "patch rolebindings.rbac.authorization.k8s.io in litellm-store" in new
    assert plain < set(external)


def test_a_store_in_secret_manager_needs_none_in_the_cluster() -> None:
    elsewhere = {**NAMESPACES, "gateway_secrets_store": "gsm", "gateway_secrets_namespace": "litellm"}
    cluster_preflight.check_names(elsewhere)
    asked = [str(right) for right in cluster_preflight.rights({**NAMESPACES, "gateway_secrets_store": "gsm"})]
    assert not any("litellm-store" in right for right in asked)
    way = {"workload_identity": {"namespace": "readers", "account": "gsm-reader"}}
    external = {"gateway_secrets_store": "gsm", "gateway_secrets_delivery": "external_secrets", OPERATOR: way}
    new = {str(right) for right in cluster_preflight.rights({**NAMESPACES, **external})} - set(asked)
    assert "patch clustersecretstores.external-secrets.io" in new
    assert "create serviceaccounts/token in readers" in new
    assert not any("secretstores.external-secrets.io in" in right or "litellm-store" in right for right in new)


def test_delivery_by_sealed_secrets_needs_the_controllers_keys() -> None:
    new = {
        str(right) for right in cluster_preflight.rights({**NAMESPACES, "gateway_secrets_delivery": "sealed_secrets"})
    }
    new -= {str(right) for right in cluster_preflight.rights(NAMESPACES)}
    assert "patch sealedsecrets.bitnami.com in llm" in new
    assert "list secrets in sealed-secrets" in new


def test_a_subresource_is_asked_for_as_one() -> None:
    asked = cluster_preflight.Right("create", "pods/portforward", "", "litellm").attributes
    assert (asked["resource"], asked["subresource"]) == ("pods", "portforward")
