# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply: who owns which field, and what a second manager is told."""

from __future__ import annotations

import pytest
from kubernetes import client
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object, deployment


def settings(namespace: str, **data: str) -> Object:
    """A ConfigMap."""
    metadata = {"name": "settings", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_a_second_manager_is_refused_until_it_insists(cluster: Cluster, namespace: str) -> None:
    cluster.apply(settings(namespace, colour="green"), manager="first")
    with pytest.raises(client.ApiException) as refused:
        cluster.apply(settings(namespace, colour="red"), manager="second", force=False)
    assert refused.value.status == 409
    assert 'conflict with \\"first\\"' in str(refused.value.body)
    assert ".data.colour" in str(refused.value.body)

    assert cluster.apply(settings(namespace, colour="red"), manager="second", force=True)["data"] == {"colour": "red"}
    with pytest.raises(client.ApiException, match="409"):
        cluster.apply(settings(namespace, colour="green"), manager="first", force=False)


def test_managers_of_different_fields_do_not_disturb_each_other(cluster: Cluster, namespace: str) -> None:
    cluster.apply(settings(namespace, colour="green"), manager="first", force=False)
    both = cluster.apply(settings(namespace, size="large"), manager="second", force=False)
    assert both["data"] == {"colour": "green", "size": "large"}
    # What a manager no longer applies goes, unless somebody else owns it too.
    assert cluster.apply(settings(namespace), manager="first", force=False)["data"] == {"size": "large"}


def test_the_same_again_changes_nothing(cluster: Cluster, namespace: str) -> None:
    first = cluster.apply(settings(namespace, colour="green"))
    assert cluster.apply(settings(namespace, colour="green"))["metadata"] == first["metadata"]


def test_a_number_of_replicas_that_is_not_applied_belongs_to_the_scaler(cluster: Cluster, namespace: str) -> None:
    cluster.apply(deployment(namespace, "web", replicas=None), manager="first")
    scale = client.AppsV1Api(cluster.api)
    scale.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 0}}, field_manager="scaler")
    again = cluster.apply(deployment(namespace, "web", replicas=None), manager="first", force=False)
    assert again["spec"]["replicas"] == 0
