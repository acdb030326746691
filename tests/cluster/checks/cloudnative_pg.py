# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudNativePG operator from its own release manifest, and clusters of PostgreSQL that it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually

API = "postgresql.cnpg.io/v1"
IMAGE = "ghcr.io/cloudnative-pg/postgresql:17-standard-trixie"
HEALTHY = "Cluster in healthy state"
OPERATOR: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cnpg-controller-manager", "namespace": "cnpg-system"},
}


def release() -> list[Object]:
    """The operator's release manifest, out of the verified sources that it is built from."""
    named = os.environ.get("TOLLGATE_CNPG_MANIFEST")
    if named:
        text = Path(named).read_text(encoding="utf-8")
    else:
        from tollgate_cluster.build import built  # noqa: PLC0415 (not needed where the manifest is named)
        from tollgate_cluster.progress import Progress  # noqa: PLC0415 (as above)

        text = (built("cloudnative-pg", Progress()) / "operator.yaml").read_text(encoding="utf-8")
    return [document for document in yaml.safe_load_all(text) if document]


@contextmanager
def operator(cluster: Cluster) -> Iterator[None]:
    """An operator that is available; one that was there before stays as it is."""
    if cluster.get(OPERATOR):
        yield
        return
    manifest = release()
    try:
        for wanted in manifest:
            cluster.apply(wanted)
        cluster.wait(OPERATOR, available, 120)
        yield
    finally:
        # Its webhooks first: without the operator they would refuse what is left to delete.
        for wanted in sorted(manifest, key=lambda entry: "Webhook" not in entry["kind"]):
            cluster.delete(wanted)
        for wanted in manifest:
            cluster.wait_gone(wanted, 120)


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
