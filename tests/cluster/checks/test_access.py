# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: RBAC, and what the restricted Pod Security standard lets in."""

from __future__ import annotations

import pytest
from kubernetes import client
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import Object, container, pod

# Asks the API server as the pod's own ServiceAccount. Prints the status code.
ASK = """
import ssl, sys, urllib.request, urllib.error
place = "/var/run/secrets/kubernetes.io/serviceaccount"
headers = {"Authorization": "Bearer " + open(place + "/token").read()}
trust = ssl.create_default_context(cafile=place + "/ca.crt")
request = urllib.request.Request("https://kubernetes.default.svc" + sys.argv[1], headers=headers)
try:
    print(urllib.request.urlopen(request, context=trust, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
HARDENED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RULES = "rbac.authorization.k8s.io"


def status(cluster: Cluster, asker: Object, path: str) -> str:
    """The answer's status code for the ServiceAccount of a pod."""
    return cluster.output(asker, "python", "-c", ASK, path).strip()


def test_a_service_account_may_do_what_its_role_says_and_no_more(cluster: Cluster, namespace: str) -> None:
    metadata = {"name": "reader", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    cluster.apply({"apiVersion": f"{RULES}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
    asker = cluster.run(pod(namespace, "asker", serviceAccountName="reader"), ready)
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    assert status(cluster, asker, maps) == "403"

    cluster.apply(
        {
            "apiVersion": f"{RULES}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RULES, "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
        }
    )
    assert status(cluster, asker, maps) == "200"
    assert status(cluster, asker, f"/api/v1/namespaces/{namespace}/secrets") == "403"
    assert status(cluster, asker, "/api/v1/namespaces/kube-system/configmaps") == "403"


def test_nobody_gets_in_without_credentials(cluster: Cluster) -> None:
    settings = client.Configuration()
    settings.host = cluster.api.configuration.host
    settings.ssl_ca_cert = cluster.api.configuration.ssl_ca_cert
    with client.ApiClient(settings) as anonymous, pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(anonymous).list_namespace()
    assert refused.value.status in {401, 403}


def test_a_restricted_namespace_refuses_what_is_not_hardened(cluster: Cluster, namespace: str) -> None:
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": enforce}})
    with pytest.raises(client.ApiException) as refused:
        cluster.create(pod(namespace, "careless"))
    assert refused.value.status == 403
    for missing in ("allowPrivilegeEscalation != false", "unrestricted capabilities", "runAsNonRoot != true"):
        assert missing in str(refused.value.body)

    hardened = cluster.run(pod(namespace, "hardened", container(securityContext=HARDENED)), ready)
    assert cluster.output(hardened, "id", "-u") == "1000\n"


def test_a_baseline_namespace_refuses_privileged_pods(cluster: Cluster, namespace: str) -> None:
    enforce = {"pod-security.kubernetes.io/enforce": "baseline"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": enforce}})
    with pytest.raises(client.ApiException, match="403"):
        cluster.create(pod(namespace, "mighty", container(securityContext={"privileged": True})))
    cluster.run(pod(namespace, "ordinary"), ready)
