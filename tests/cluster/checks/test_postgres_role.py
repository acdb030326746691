# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles cnpg_operator and postgres: a database from nothing, again, asleep and awake, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudnative_pg import API, HEALTHY, OPERATOR, installed, release
from role_run import Role
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object

PASSWORD = "a-word-that-nobody-else-says"
SMALL = {"postgres_size": "small", "postgres_storage_size": "512Mi", "postgres_timeout": 600}
KINDS = (
    (API, "Cluster"),
    ("v1", "Service"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
)
OPERATOR_KINDS = (
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("apps/v1", "Deployment"),
)


@pytest.fixture(scope="module", autouse=True)
def running_operator(cluster: Cluster) -> None:
    """The operator, which stays for others."""
    installed(cluster)


@pytest.fixture
def operator(cluster: Cluster, tmp_path: Path) -> Role:
    """The role cnpg_operator."""
    return Role("cnpg_operator", cluster, tmp_path, release(cluster))


@pytest.fixture
def postgres(cluster: Cluster, namespace: str, tmp_path: Path) -> Role:
    """The role postgres, in a namespace that lets in only restricted pods."""
    found = cluster.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    assert found is not None
    cluster.patch(found, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    return Role("postgres", cluster, tmp_path, {"postgres_namespace": namespace, **SMALL}, secrets=(PASSWORD,))


@pytest.fixture
def secret(cluster: Cluster, namespace: str) -> Object:
    """The owner's name and password."""
    return cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/basic-auth",
            "metadata": {"name": "litellm-pg-app", "namespace": namespace, "labels": {"cnpg.io/reload": "true"}},
            "stringData": {"username": "litellm", "password": PASSWORD},
        }
    )


@pytest.fixture
def storage_class(cluster: Cluster, namespace: str) -> Iterator[str]:
    """A StorageClass whose provisioner does not run."""
    wanted: Object = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": f"nobody-{namespace}"[:63].rstrip("-")},
        "provisioner": "example.org/nobody",
        "volumeBindingMode": "Immediate",
    }
    cluster.apply(wanted)
    yield str(wanted["metadata"]["name"])
    cluster.delete(wanted)


def database(namespace: str) -> Object:
    return {"apiVersion": API, "kind": "Cluster", "metadata": {"name": "litellm-pg", "namespace": namespace}}


def versions(cluster: Cluster, kinds: tuple[tuple[str, str], ...], namespace: str | None = None) -> dict[str, str]:
    """The resource version of each object."""
    return {
        f"{each['kind']} {each['metadata']['name']}": each["metadata"]["resourceVersion"]
        for api_version, kind in kinds
        for each in cluster.all(api_version, kind, namespace)
    }


def query(cluster: Cluster, namespace: str, statement: str) -> str:
    """What the primary answers."""
    found = cluster.get(database(namespace))
    assert found is not None
    metadata = {"name": found["status"]["currentPrimary"], "namespace": namespace}
    pod = cluster.get({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    assert pod is not None
    return cluster.output(pod, "psql", "-qtAX", "-d", "litellm", "-c", statement).strip()


def test_an_operator_that_is_there_is_left_alone(
    cluster: Cluster, operator: Role, record_property: Callable[[str, object], None]
) -> None:
    before = {name: version for name, version in versions(cluster, OPERATOR_KINDS).items() if "cnpg" in name}
    run = operator.run()
    assert run.changed == 0
    after = {name: version for name, version in versions(cluster, OPERATOR_KINDS).items() if "cnpg" in name}
    assert after == before
    assert len(before) > 15
    assert operator.run("--check").changed == 0
    record_property("unchanged, seconds", round(run.seconds, 1))


def test_other_settings_of_the_operator_are_predicted(cluster: Cluster, operator: Role) -> None:
    found = cluster.get(OPERATOR)
    assert found is not None
    if (found["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") != "tollgate":
        pytest.skip("somebody else's operator is not changed")
    run = operator.run("--check", cnpg_operator_resources={"requests": {"cpu": "7m"}})
    assert run.changed == 1
    assert "cpu: 7m" in run.output
    now = cluster.get(OPERATOR)
    assert now is not None
    assert now["metadata"]["generation"] == found["metadata"]["generation"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"cnpg_operator_existing": "maybe"}, "value of cnpg_operator_existing must be one of"),
        ({"cnpg_operator_sha256": "0" * 64}, "wanted is 0000"),
        ({"cnpg_operator_version": "1.29.1"}, "CVE-2026-55769"),
        ({"cnpg_operator_version": "1.30.9", "cnpg_operator_manifests_directory": "/nowhere"}, "can't read /nowhere"),
    ],
)
def test_an_operator_that_cannot_be_is_refused(
    cluster: Cluster, operator: Role, variables: dict[str, Any], said: str
) -> None:
    found = cluster.get(OPERATOR)
    assert said in operator.run(**variables).refusal
    assert cluster.get(OPERATOR) == found


@pytest.mark.first
@pytest.mark.usefixtures("secret")
def test_a_database_from_nothing_asleep_and_awake(
    namespace: str, postgres: Role, operator: Role, record_property: Callable[[str, object], None]
) -> None:
    cluster = postgres.cluster
    assert postgres.run("--check").changed == 1
    assert cluster.get(database(namespace)) is None

    first = postgres.run()
    assert first.changed == 1
    record_property("from nothing, seconds", round(first.seconds))
    made = cluster.get(database(namespace))
    assert made is not None
    assert made["status"]["phase"] == HEALTHY
    assert query(cluster, namespace, "create table kept (number int); insert into kept values (42)") == ""

    before = versions(cluster, KINDS, namespace)
    second = postgres.run()
    assert second.changed == 0
    assert versions(cluster, KINDS, namespace) == before
    assert postgres.run("--check").changed == 0
    record_property("again, seconds", round(second.seconds, 1))

    shrunk = postgres.run(postgres_storage_size="256Mi").refusal
    assert "postgres_storage_size is 256Mi, and the volumes have 512Mi" in shrunk
    assert "postgres_allow_loss" in postgres.run(postgres_state="absent").refusal
    assert f"{namespace}/litellm-pg" in operator.run(cnpg_operator_state="absent").refusal
    assert versions(cluster, KINDS, namespace) == before

    asleep = postgres.run(postgres_state="hibernated")
    assert asleep.changed == 1
    assert [each for each in cluster.all("v1", "Pod", namespace) if each["status"]["phase"] == "Running"] == []
    assert len(cluster.all("v1", "PersistentVolumeClaim", namespace)) == 1
    assert postgres.run(postgres_state="hibernated").changed == 0
    record_property("asleep, seconds", round(asleep.seconds))

    awake = postgres.run()
    assert awake.changed == 1
    assert query(cluster, namespace, "select number from kept") == "42"
    assert postgres.run().changed == 0
    assert postgres.run(postgres_existing=True).changed == 0
    record_property("awake, seconds", round(awake.seconds))

    assert postgres.run(postgres_state="absent", postgres_allow_loss=True).changed == 1
    assert cluster.get(database(namespace)) is None
    assert cluster.all("v1", "PersistentVolumeClaim", namespace) == []
    assert postgres.run(postgres_state="absent").changed == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"postgres_size": "huge"}, "value of postgres_size must be one of"),
        ({"postgres_monitoring_queries": [{"name": "a", "keys": "b"}]}, "keys"),
        ({"postgres_instances": 0}, "postgres_instances is 0"),
        ({"postgres_instances": 2, "postgres_synchronous": "required"}, "the loss of one would stop all writes"),
        ({"postgres_storage_class": "nowhere"}, "there is no StorageClass nowhere"),
        ({"postgres_owner": "somebody"}, "is of the user litellm"),
        ({"postgres_parameters": {"data_directory": "/tmp"}}, "data_directory"),
    ],
)
@pytest.mark.usefixtures("secret")
def test_a_database_that_cannot_be_is_refused_before_anything_is_written(
    namespace: str, postgres: Role, variables: dict[str, Any], said: str
) -> None:
    assert said in postgres.run(**variables).refusal
    assert postgres.cluster.get(database(namespace)) is None


def test_a_missing_secret_is_refused_before_anything_is_written(
    cluster: Cluster, namespace: str, postgres: Role
) -> None:
    said = postgres.run().refusal
    assert f"Secret {namespace}/litellm-pg-app is not there" in said
    assert "Run the wave secrets first" in said
    assert cluster.get(database(namespace)) is None


@pytest.mark.usefixtures("secret")
def test_a_volume_that_nobody_makes_is_explained(postgres: Role, storage_class: str) -> None:
    said = postgres.run(postgres_storage_class=storage_class, postgres_timeout=45).refusal
    assert "database is not ready after" in said
    assert "pod litellm-pg-1-initdb" in said
    assert "unbound immediate PersistentVolumeClaims" in said
    assert "Look what keeps the claim from being bound" in said


@pytest.mark.usefixtures("secret")
def test_a_database_of_somebody_else_is_only_waited_for(cluster: Cluster, namespace: str, postgres: Role) -> None:
    missing = postgres.run(postgres_existing=True, postgres_timeout=5).refusal
    assert "Cluster litellm-pg" in missing
    wanted = {**database(namespace), "spec": {"instances": 1, "storage": {"size": "512Mi", "storageClass": "none"}}}
    cluster.apply(wanted)
    assert "postgres_existing: true" in postgres.run().refusal
