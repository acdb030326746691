# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudNativePG operator from its own release manifest, and clusters of PostgreSQL that it runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from role_run import Role
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually
from tollgate_cluster.lock import alone
from tollgate_cluster.places import CHECKOUT_STATE, UPSTREAM

API = "postgresql.cnpg.io/v1"
IMAGE = "ghcr.io/cloudnative-pg/postgresql:17-standard-trixie"
HEALTHY = "Cluster in healthy state"
OPERATOR: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cnpg-controller-manager", "namespace": "cnpg-system"},
}


def release(cluster: Cluster) -> dict[str, Any]:
    """Where the role finds the operator's release manifest: by default it downloads it."""
    if named := os.environ.get("TOLLGATE_CNPG_MANIFEST"):
        return {"cnpg_operator_manifests_directory": str(Path(named).resolve().parent)}
    return {"cnpg_operator_manifests_directory": str(UPSTREAM)} if cluster.made_here else {}


def installed(cluster: Cluster) -> None:
    """An operator that is available. It stays: the checks beside this one may use it too."""
    with alone(CHECKOUT_STATE / "operator.lock"):
        found = cluster.get(OPERATOR)
        if found and available(found):
            return
        with tempfile.TemporaryDirectory() as place:
            run = Role("cnpg_operator", cluster, Path(place), release(cluster)).run()
        assert run.code == 0, run.output[-6000:]


def postgres(namespace: str, instances: int) -> Object:
    """A small Cluster `db` whose failover does not wait for clients."""
    return {
        "apiVersion": API,
        "kind": "Cluster",
        "metadata": {"name": "db", "namespace": namespace},
        "spec": {
            "instances": instances,
            "imageName": IMAGE,
            # By default the old primary waits three minutes for its clients to leave.
            "smartShutdownTimeout": 1,
            "stopDelay": 20,
            "switchoverDelay": 20,
            "storage": {"size": "512Mi"},
            "postgresql": {"parameters": {"shared_buffers": "16MB", "max_connections": "40"}},
            "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}},
        },
    }


def create(cluster: Cluster, wanted: Object) -> Object:
    """Create a Cluster and wait until it is healthy."""
    # The operator is available a moment before its webhook is reachable.
    made = eventually(lambda: cluster.apply(wanted), 30, "a Cluster that the webhook lets in", Exception)
    return healthy(cluster, made)


def healthy(cluster: Cluster, database: Object, seconds: float = 240) -> Object:
    """Wait until all instances are there. Returns the Cluster."""

    def whole(found: Object) -> bool:
        status = found.get("status", {})
        return bool(status.get("phase") == HEALTHY and status.get("readyInstances") == found["spec"]["instances"])

    return cluster.wait(database, whole, seconds, HEALTHY)


def primary(cluster: Cluster, database: Object) -> Object:
    """The pod of the current primary."""
    now = cluster.get(database)
    assert now is not None
    metadata = {"name": now["status"]["currentPrimary"], "namespace": database["metadata"]["namespace"]}
    found = cluster.get({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    assert found is not None
    return found


def query(cluster: Cluster, pod: Object, statement: str) -> str:
    """What PostgreSQL answers, in a pod of the Cluster."""
    code, output = cluster.execute(pod, "psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-d", "app", "-c", statement)
    if code:
        raise AssertionError(f"psql ended with code {code}: {output}")
    return output.strip()
