# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.readiness import readiness
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.standing import Outlook
from objects import Object, deployment, obj, row

FULL = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
HEALTHY = "Cluster in healthy state"


def parents(*rows: Object) -> Object:
    return {"parents": [{"conditions": list(rows)}]}


MET = {
    "deployment": deployment(FULL),
    "deployment of no pods": deployment({"observedGeneration": 2}, 0),
    "stateful set": obj("apps/v1", "StatefulSet", {"observedGeneration": 2, "readyReplicas": 1}, {"replicas": 1}),
    "daemon set": obj(
        "apps/v1", "DaemonSet", {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}
    ),
    "job": obj("batch/v1", "Job", {"conditions": [row("Complete")]}),
    "pod": obj("v1", "Pod", {"phase": "Running", "conditions": [row("Ready")]}),
    "pod that ended": obj("v1", "Pod", {"phase": "Succeeded", "conditions": [row("Ready", "False")]}),
    "claim": obj("v1", "PersistentVolumeClaim", {"phase": "Bound"}),
    "cluster": obj(
        "postgresql.cnpg.io/v1",
        "Cluster",
        {"phase": HEALTHY, "readyInstances": 3, "conditions": [row("Ready")]},
        {"instances": 3},
    ),
    "database": obj("postgresql.cnpg.io/v1", "Database", {"applied": True}),
    "gateway": obj("gateway.networking.k8s.io/v1", "Gateway", {"conditions": [row("Accepted"), row("Programmed")]}),
    "route": obj("gateway.networking.k8s.io/v1", "HTTPRoute", parents(row("Accepted"), row("ResolvedRefs"))),
    "external secret": obj("external-secrets.io/v1", "ExternalSecret", {"conditions": [row("Ready")]}),
    "external secret, synced": obj(
        "external-secrets.io/v1", "ExternalSecret", {"conditions": [row("Ready")], "syncedResourceVersion": "2-1d7a"}
    ),
    "external secret of once": obj(
        "external-secrets.io/v1",
        "ExternalSecret",
        {"conditions": [row("Ready")], "syncedResourceVersion": "1-1d7a"},
        {"refreshPolicy": "CreatedOnce"},
    ),
    "anything without a status": obj("v1", "ConfigMap"),
    "anything with a condition": obj("example.org/v1", "Thing", {"conditions": [row("Ready")]}),
}

PENDING = {
    "not seen yet": (deployment({**FULL, "observedGeneration": 1}), "has not seen the last change"),
    "half rolled out": (deployment({**FULL, "updatedReplicas": 1}), "1 of 2 pods are of the last template"),
    "old pods": (deployment({**FULL, "replicas": 3}), "1 pods of an earlier template have not ended"),
    "unavailable": (deployment({**FULL, "availableReplicas": 1}), "1 of 2 pods are available"),
    "nothing said yet": (obj("batch/v1", "Job"), "no condition Complete yet"),
    "condition of before": (
        obj("external-secrets.io/v1", "ExternalSecret", {"conditions": [row("Ready", observedGeneration=1)]}),
        "of an earlier change",
    ),
    "synced before the last change": (
        obj(
            "external-secrets.io/v1",
            "ExternalSecret",
            {"conditions": [row("Ready", reason="SecretSynced")], "syncedResourceVersion": "1-1d7a"},
            {"refreshPolicy": "Periodic"},
        ),
        "synced, but before the last change",
    ),
    "nothing to merge into": (
        obj("external-secrets.io/v1", "ExternalSecret", {"conditions": [row("Ready", reason="SecretMissing")]}),
        "Ready is True (SecretMissing)",
    ),
    "starting cluster": (
        obj("postgresql.cnpg.io/v1", "Cluster", {"phase": "Setting up primary", "phaseReason": "Creating x-1"}),
        "Setting up primary: Creating x-1",
    ),
    "healthy, but short": (
        obj("postgresql.cnpg.io/v1", "Cluster", {"phase": HEALTHY, "readyInstances": 2}, {"instances": 3}),
        "2 of 3 instances are ready",
    ),
    "healthy, but not ready": (
        obj(
            "postgresql.cnpg.io/v1",
            "Cluster",
            {"phase": HEALTHY, "readyInstances": 1, "conditions": [row("Ready", "False", "ClusterIsNotReady")]},
        ),
        "Ready is False (ClusterIsNotReady)",
    ),
    "route of nobody": (obj("gateway.networking.k8s.io/v1", "HTTPRoute"), "no gateway says anything of it"),
    "route without its backend": (
        obj(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            parents(row("Accepted"), row("ResolvedRefs", "False", "BackendNotFound", "no pool qwen")),
        ),
        "ResolvedRefs is False (BackendNotFound): no pool qwen",
    ),
    "gateway without an address": (
        obj(
            "gateway.networking.k8s.io/v1",
            "Gateway",
            {"conditions": [row("Accepted"), row("Programmed", "False", "AddressNotAssigned")]},
        ),
        "Programmed is False (AddressNotAssigned)",
    ),
    "unbound claim": (obj("v1", "PersistentVolumeClaim", {"phase": "Pending"}), "its phase is Pending"),
}

HOPELESS = {
    "failed job": (
        obj("batch/v1", "Job", {"conditions": [row("Failed", reason="BackoffLimitExceeded")]}),
        "Failed is True (BackoffLimitExceeded)",
    ),
    "quota": (
        deployment({**FULL, "updatedReplicas": 0, "conditions": [row("ReplicaFailure", message="exceeded quota: q")]}),
        "exceeded quota: q",
    ),
    "pod security": (
        deployment({**FULL, "conditions": [row("ReplicaFailure", message='violates PodSecurity "restricted"')]}),
        "violates PodSecurity",
    ),
    "unrecoverable": (
        obj(
            "postgresql.cnpg.io/v1",
            "Cluster",
            {"phase": "Cluster is unrecoverable and needs manual intervention", "phaseReason": "no volume"},
        ),
        "unrecoverable and needs manual intervention: no volume",
    ),
    "unknown plugin": (
        obj(
            "postgresql.cnpg.io/v1",
            "Cluster",
            {"phase": "Cluster cannot proceed to reconciliation due to an unknown plugin being required"},
        ),
        "unknown plugin",
    ),
    "route to a kind nobody knows": (
        obj(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            parents(row("Accepted"), row("ResolvedRefs", "False", "InvalidKind", "InferencePool is not supported")),
        ),
        "InferencePool is not supported",
    ),
    "lost volume": (obj("v1", "PersistentVolumeClaim", {"phase": "Lost"}), "its volume is gone"),
    "failed backup": (
        obj("postgresql.cnpg.io/v1", "Backup", {"phase": "failed", "error": "no bucket"}),
        "its phase is failed: no bucket",
    ),
}


@pytest.mark.parametrize("name", MET)
def test_ready(name: str) -> None:
    assert readiness(MET[name]).outlook is Outlook.MET


@pytest.mark.parametrize("name", PENDING)
def test_not_yet_and_why(name: str) -> None:
    found, why = PENDING[name]
    standing = readiness(found)
    assert standing.outlook is Outlook.PENDING
    assert why in standing.why


@pytest.mark.parametrize("name", HOPELESS)
def test_never_and_why(name: str) -> None:
    found, why = HOPELESS[name]
    standing = readiness(found)
    assert standing.outlook is Outlook.HOPELESS
    assert why in standing.why
