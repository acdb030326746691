# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Google's names, for the pods of one Deployment: behind them is the Secret Manager of the tests, on this machine.

A client in the cluster that can't be told another address dials them as ever, on port 443 and with TLS.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_cluster.places import CHECKOUT

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.tests.support.secret_manager.certificate import GRPC_NAMES, REST_NAMES
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import Addresses

NAME = "tollgate-checks-google"
TRUSTED = "/etc/tollgate-checks"


@contextmanager
def google_is(addresses: Addresses, cluster: Cluster, deployment: Object, namespace: str) -> Iterator[None]:
    """Until the block ends, the pods of the Deployment find this server under Google's names and trust it.

    What stands for it in the cluster is in NAMESPACE.
    """
    aliases = [
        {"ip": _door(cluster, namespace, name, address), "hostnames": list(names)}
        for name, address, names in (("grpc", addresses.grpc, GRPC_NAMES), ("rest", addresses.https, REST_NAMES))
    ]
    home = deployment["metadata"]["namespace"]
    authority = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": home}}
    cluster.apply({**authority, "data": {"server.crt": addresses.certificate.read_text(encoding="ascii")}})
    container = {
        "name": deployment["metadata"]["name"],
        "env": [{"name": "SSL_CERT_DIR", "value": TRUSTED}],
        "volumeMounts": [{"name": NAME, "mountPath": TRUSTED, "readOnly": True}],
    }
    volume = {"name": NAME, "configMap": {"name": NAME}}
    pod = {"hostAliases": aliases, "volumes": [volume], "containers": [container]}
    try:
        _rolled(cluster, {**deployment, "spec": {"template": {"spec": pod}}})
        yield
    finally:
        # A manager that applies less gives up what it had.
        _rolled(cluster, deployment)
        cluster.delete(authority)


def _rolled(cluster: Cluster, deployment: Object) -> None:
    """Apply under a name of our own, and wait until its new pods alone are there."""
    generation = cluster.apply(deployment, manager=NAME)["metadata"]["generation"]

    def replaced(found: Object) -> bool:
        """replaced by its last version"""
        status = found.get("status", {})
        counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
        return status.get("observedGeneration", 0) >= generation and counts == {found["spec"]["replicas"]}

    cluster.wait(deployment, replaced, 120)


def _door(cluster: Cluster, namespace: str, name: str, address: str) -> str:
    """The address of a Service on port 443 for a server that is in no pod."""
    url = urlsplit(address)
    metadata = {"name": name, "namespace": namespace}
    made = cluster.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"name": "tls", "port": 443}]}}
    )
    cluster.apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [url.hostname], "conditions": {"ready": True}}],
            "ports": [{"name": "tls", "port": url.port}],
        }
    )
    return str(made["spec"]["clusterIP"])
