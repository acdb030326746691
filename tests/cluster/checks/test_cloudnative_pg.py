# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real operator brings up PostgreSQL with three instances, and the loss of the primary loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from cloudnative_pg import create, healthy, installed, postgres, primary, query
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually

INSERT = "insert into kept values ({}, '{}')"


@pytest.fixture(scope="module", autouse=True)
def running_operator(cluster: Cluster) -> None:
    """The operator, for all tests of this file."""
    installed(cluster)


def lose_the_primary(cluster: Cluster, database: Object, number: int) -> float:
    """Write, delete the primary's pod, write again. Returns how many seconds nobody could write."""
    old = primary(cluster, database)
    query(cluster, old, INSERT.format(number, "before"))
    began = time.monotonic()
    cluster.delete(old)

    def write() -> bool:
        new = primary(cluster, database)
        assert new["metadata"]["uid"] != old["metadata"]["uid"], "still the old primary"
        query(cluster, new, INSERT.format(number, "after"))
        return True

    eventually(write, 120, "a write after the loss of the primary", Exception)
    lost = time.monotonic() - began
    healthy(cluster, database)
    return lost


@pytest.mark.first
def test_three_instances_survive_the_deletion_of_their_primary(
    cluster: Cluster, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    database = create(cluster, postgres(namespace, 3))
    record_property("three instances healthy, seconds", round(time.monotonic() - began))
    query(cluster, primary(cluster, database), "create table kept (number int, moment text)")
    record_property("no writes during the failover, seconds", round(lose_the_primary(cluster, database, 1)))
    rows = query(cluster, primary(cluster, database), "select number, moment from kept order by moment desc")
    assert rows.splitlines() == ["1|before", "1|after"]


@pytest.mark.soak
def test_every_primary_in_turn_may_be_lost(
    cluster: Cluster, namespace: str, soak_rounds: int, record_property: Callable[[str, object], None]
) -> None:
    database = create(cluster, postgres(namespace, 3))
    query(cluster, primary(cluster, database), "create table kept (number int, moment text)")
    seconds = [round(lose_the_primary(cluster, database, number)) for number in range(soak_rounds)]
    record_property("no writes during each failover, seconds", seconds)
    counted = query(cluster, primary(cluster, database), "select moment, count(*) from kept group by moment order by 1")
    assert counted.splitlines() == [f"after|{soak_rounds}", f"before|{soak_rounds}"]
