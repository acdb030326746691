# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in every cluster: name service, storage class, metrics. Manifests are in tests/cluster/manifests."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from string import Template
from typing import Any

from . import api, dns
from .addresses import DNS_SERVICE, DOMAIN
from .certificates import CLUSTER, Authority
from .failure import ClusterError
from .places import SOURCES
from .state import CERTIFICATES

MANIFESTS = SOURCES / "manifests"
DEPLOYMENTS = ("coredns", "metrics-server")
PATIENCE = 120  # seconds


def apply() -> None:
    """Apply all manifests, server-side: an unchanged object stays as it is."""
    authority = Authority(CERTIFICATES)
    values = {"CLUSTER_CA": _encoded(authority.certificate(CLUSTER).read_bytes())}
    values |= {"DNS_SERVICE": str(DNS_SERVICE), "DOMAIN": DOMAIN}
    texts = [Template(path.read_text(encoding="utf-8")).substitute(values) for path in sorted(MANIFESTS.glob("*.yaml"))]
    given = "\n---\n".join([json.dumps(_certificate("metrics-server")), *texts])
    api.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=tollgate-cluster", "-f-", given=given)


def wait(check: Callable[[], None]) -> None:
    """Wait until they serve; CHECK raises when something outside of the cluster has ended."""
    deadline = time.monotonic() + PATIENCE
    while left := missing():
        check()
        if time.monotonic() > deadline:
            raise ClusterError(f"After {PATIENCE} s {', '.join(left)} can't be used.", explanation())
        time.sleep(0.3)


def missing() -> list[str]:
    """What does not serve, asked as its users ask; what the cluster says of its pods may be of yesterday."""
    deployments = "/apis/apps/v1/namespaces/kube-system/deployments"
    found = {name: api.condition(api.read(f"{deployments}/{name}"), "Available") for name in DEPLOYMENTS}
    left = [name for name, condition in found.items() if condition.get("status") != "True"]
    if "coredns" not in left and not dns.address(f"kubernetes.default.svc.{DOMAIN}"):
        left.append("the name service")
    if "metrics-server" not in left and not (api.read("/apis/metrics.k8s.io/v1beta1/nodes") or {}).get("items"):
        left.append("metrics")
    return left


def explanation() -> str:
    """What the pods of the system wait for."""
    pods = (api.read("/api/v1/namespaces/kube-system/pods") or {}).get("items", [])
    lines = []
    for pod in pods:
        for row in pod.get("status", {}).get("containerStatuses", []):
            state: dict[str, Any] = row["state"].get("waiting") or row["state"].get("terminated") or {}
            if state:
                lines.append(f"{pod['metadata']['name']}: {state.get('reason', '')} {state.get('message', '')}".strip())
        for row in pod.get("status", {}).get("conditions", []):
            if row["status"] != "True" and row.get("message"):
                lines.append(f"{pod['metadata']['name']}: {row['message']}")
    return "\n".join(dict.fromkeys(lines))


def _certificate(name: str) -> dict[str, object]:
    authority = Authority(CERTIFICATES)
    content = {"tls.crt": authority.certificate(name), "tls.key": authority.key(name)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{name}-tls", "namespace": "kube-system"},
        "type": "kubernetes.io/tls",
        "data": {key: _encoded(path.read_bytes()) for key, path in content.items()},
    }


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
