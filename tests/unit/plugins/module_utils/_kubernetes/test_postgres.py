# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database is refused for, before anything is written."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.postgres import Declared, There, problems, size

DATABASE = Declared(
    name="litellm-pg",
    namespace="litellm",
    instances=3,
    image="ghcr.io/cloudnative-pg/postgresql:17-standard-trixie",
    storage_size="20Gi",
    wal_storage_size="10Gi",
    storage_class="",
    database="litellm",
    owner="litellm",
    secret="litellm-pg-app",
    synchronous="required",
    synchronous_number=1,
    smart_shutdown_timeout=15,
    stop_delay=120,
)
PLAIN = replace(DATABASE, synchronous="none")


def secret(**values: str) -> dict[str, Any]:
    return {"data": {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}}


def storage_class(name: str, default: bool = False) -> dict[str, Any]:
    mark = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"metadata": {"name": name, "annotations": mark}}


def cluster(**spec: Any) -> dict[str, Any]:
    initdb = {"initdb": {"database": "litellm", "owner": "litellm"}}
    sizes = {"storage": {"size": "20Gi"}, "walStorage": {"size": "10Gi"}}
    return {
        "metadata": {"labels": {"app.kubernetes.io/managed-by": "tollgate"}},
        "spec": {"imageName": DATABASE.image, "bootstrap": initdb, **sizes, **spec},
        "status": {},
    }


GOOD = There(secret=secret(username="litellm", password="x"), classes=[storage_class("fast", True)])


def only(declared: Declared, there: There = GOOD, **options: bool) -> str:
    (found,) = problems(declared, there, **options)
    return found


def test_what_can_work_is_let_through() -> None:
    assert problems(DATABASE, GOOD) == []
    assert problems(DATABASE, replace(GOOD, cluster=cluster())) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instances": 0}, "postgres_state to hibernated"),
        ({"name": "Litellm"}, "postgres_name is 'Litellm'"),
        ({"name": "x" * 51}, "up to 50"),
        ({"storage_size": "20 GB"}, "postgres_storage_size is '20 GB'"),
        ({"wal_storage_size": "much"}, "postgres_wal_storage_size is 'much'"),
        ({"smart_shutdown_timeout": 120}, "Leave time between them"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], said: str) -> None:
    assert said in only(replace(PLAIN, **change))


@pytest.mark.parametrize(
    ("instances", "synchronous", "number", "said"),
    [
        (1, "preferred", 1, "nobody could confirm"),
        (1, "required", 1, "or postgres_synchronous to none"),
        (2, "required", 1, "Set postgres_instances to 3 or more, or postgres_synchronous to preferred"),
        (3, "required", 2, "Set postgres_instances to 4 or more"),
        (3, "required", 0, "at least one has to confirm"),
    ],
)
def test_standbys_that_nobody_can_do_without_are_refused(
    instances: int, synchronous: str, number: int, said: str
) -> None:
    declared = replace(DATABASE, instances=instances, synchronous=synchronous, synchronous_number=number)
    assert said in only(declared)


@pytest.mark.parametrize(("instances", "synchronous", "number"), [(2, "preferred", 1), (4, "required", 2)])
def test_enough_standbys_are_enough(instances: int, synchronous: str, number: int) -> None:
    declared = replace(DATABASE, instances=instances, synchronous=synchronous, synchronous_number=number)
    assert problems(declared, GOOD) == []


def test_all_problems_are_told_at_once() -> None:
    found = problems(replace(PLAIN, instances=0, storage_size="x"), There())
    assert len(found) == 3


def test_a_volume_does_not_shrink() -> None:
    there = replace(GOOD, cluster=cluster())
    assert "postgres_storage_size is 10Gi" in only(replace(DATABASE, storage_size="10Gi"), there)
    assert "set it to 10Gi or more" in only(replace(DATABASE, wal_storage_size="1Gi"), there)
    assert "what was not archived yet" in only(replace(DATABASE, wal_storage_size=""), there)
    assert problems(replace(DATABASE, storage_size="20480Mi"), there) == []
    assert problems(replace(DATABASE, storage_size="30Gi"), there) == []


def test_a_database_of_somebody_else_is_left_alone() -> None:
    there = cluster()
    there["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "argocd"
    said = only(replace(DATABASE, storage_size="1Gi"), replace(GOOD, cluster=there))
    assert "kept by argocd" in said
    assert "postgres_existing: true" in said


def test_a_major_version_is_not_changed_in_passing() -> None:
    there = replace(GOOD, cluster=cluster())
    newer = replace(DATABASE, image="ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie")
    assert "postgres_major_upgrade: true" in only(newer, there)
    assert problems(replace(newer, major_upgrade=True), there) == []
    older = replace(DATABASE, image="ghcr.io/cloudnative-pg/postgresql:16", major_upgrade=True)
    assert "can't go back" in only(older, there)


def test_the_volumes_know_their_version_better_than_the_image() -> None:
    there = cluster(imageName="registry.example.org/postgresql:latest")
    there["status"]["pgDataImageInfo"] = {"majorVersion": 16}
    assert "PostgreSQL 16 runs" in only(DATABASE, replace(GOOD, cluster=there))


def test_the_database_and_its_owner_stay() -> None:
    there = cluster(bootstrap={"initdb": {"database": "app", "owner": "litellm"}})
    assert "Set postgres_database to app" in only(DATABASE, replace(GOOD, cluster=there))


def test_a_missing_secret_names_the_wave() -> None:
    assert "Run the wave secrets first" in only(DATABASE, replace(GOOD, secret=None))
    assert problems(DATABASE, replace(GOOD, secret=None), secret_later=True) == []


def test_a_secret_that_cannot_serve_is_refused() -> None:
    assert "has no password" in only(DATABASE, replace(GOOD, secret=secret(username="litellm")))
    other = only(DATABASE, replace(GOOD, secret=secret(username="app", password="hunter2")))
    assert "of the user app" in other
    assert "hunter2" not in other


def test_a_storage_class_has_to_be_there() -> None:
    assert "There are fast: correct" in only(replace(DATABASE, storage_class="slow"))
    assert problems(replace(DATABASE, storage_class="fast"), GOOD) == []
    assert "no StorageClass is the default one" in only(DATABASE, replace(GOOD, classes=[storage_class("fast")]))
    assert "There is none at all" in only(DATABASE, replace(GOOD, classes=[]))
    assert problems(replace(DATABASE, storage_class="slow"), replace(GOOD, classes=None)) == []


@pytest.mark.parametrize(
    ("text", "bytes_"), [("1Gi", 2**30), ("1.5Ki", 1536), ("1k", 1000), ("12", 12), ("1 Gi", None), ("-1Gi", None)]
)
def test_sizes_are_kubernetes_own(text: str, bytes_: int | None) -> None:
    assert size(text) == bytes_
