# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pytest plugin: fixtures `cluster` and `namespace`, and what a failed test's namespace looked like.

The cluster is the one that TOLLGATE_KUBECONFIG names, else that of `make cluster`.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import urllib3
from kubernetes import client, config

from . import explanation
from .cluster import Cluster
from .objects import Object

CHECKOUT = Path(__file__).resolve().parents[3]
KUBECONFIG = CHECKOUT / ".tollgate" / "cluster" / "kubeconfig"
PATIENCE = 120  # seconds for namespaces to end

NAMESPACE = pytest.StashKey[str]()
CLUSTER = pytest.StashKey[Cluster]()


def connect() -> Cluster:
    """The cluster under test. Raises RuntimeError with the way out when there is none."""
    named = os.environ.get("TOLLGATE_KUBECONFIG")
    kubeconfig = Path(named).expanduser() if named else KUBECONFIG
    if not kubeconfig.is_file():
        start = (
            "Check TOLLGATE_KUBECONFIG."
            if named
            else "Start one with `make cluster`, or name one in TOLLGATE_KUBECONFIG."
        )
        raise RuntimeError(f"no cluster: {kubeconfig} does not exist. {start}")
    try:
        with config.new_client_from_config(str(kubeconfig)) as api:
            api.configuration.retries = False
            client.VersionApi(api).get_code(_request_timeout=(3, 10))
        return Cluster(kubeconfig, made_here=kubeconfig == KUBECONFIG)
    except (urllib3.exceptions.HTTPError, client.ApiException, config.ConfigException) as error:
        start = "Is it running?" if named else "Start it with `make cluster`."
        raise RuntimeError(f"the cluster of {kubeconfig} does not answer: {error}. {start}") from error


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The cluster under test."""
    try:
        found = connect()
    except RuntimeError as error:
        pytest.exit(str(error), returncode=2)
    request.config.stash[CLUSTER] = found
    yield found
    found.close()


@pytest.fixture(scope="session")
def namespaces(cluster: Cluster) -> Iterator[list[Object]]:
    """Namespaces that were made; at the end they are gone."""
    made: list[Object] = []
    yield made
    for namespace in made:
        cluster.delete(namespace)
    for namespace in made:
        cluster.wait_gone(namespace, PATIENCE)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, cluster: Cluster, namespaces: list[Object]) -> Iterator[str]:
    """The name of a namespace which only this test uses."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"{test[:50].rstrip('-')}-{uuid.uuid4().hex[:6]}"
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    namespaces.append(made)
    request.node.stash[NAMESPACE] = name
    yield name
    cluster.delete(made)  # its end is awaited once, at the end of all tests


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the namespace of a failed test looked like."""
    report = yield
    name, found = item.stash.get(NAMESPACE, None), item.config.stash.get(CLUSTER, None)
    if report.when == "call" and report.failed and name and found:
        try:
            report.sections.append((f"namespace {name}", explanation.of_namespace(found, name)))
        except Exception as error:  # noqa: BLE001 (whatever it is, the test's own failure is what matters)
            report.sections.append((f"namespace {name}", f"cannot be read: {error}"))
    return report
