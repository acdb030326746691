# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of this machine that leads to a Service: which pods it chooses, what it says when there is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import port_forward
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.cluster import ClusterError, Forbidden
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.endpoints import (
    Backend,
    NotThere,
    backends,
    port_name,
)
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.port_forward import forwarded, forwarded_each
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.service_port import ServicePort

Object = dict[str, Any]
WANTED = ServicePort("llm", "web", "80")
PORTS = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "metrics", "port": 9090}]


def service(**spec: Any) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "llm"},
        "spec": {"selector": {"app": "web"}, "ports": PORTS, **spec},
    }


def endpoint(pod: str, ready: bool | None = True, kind: str = "Pod") -> Object:
    return {"conditions": {} if ready is None else {"ready": ready}, "targetRef": {"kind": kind, "name": pod}}


def endpoint_slice(*endpoints: Object, port: int = 8080, name: str = "http") -> Object:
    return {"ports": [{"name": "metrics", "port": 9090}, {"name": name, "port": port}], "endpoints": list(endpoints)}


def pod(name: str, **status: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {}, "status": {"phase": "Running", **status}}


class MemoryCluster:
    """What a port-forward asks of a cluster, by kind."""

    def __init__(self) -> None:
        self.service: Object | None = service()
        self.lists: dict[str, list[Object] | ClusterError] = {"EndpointSlice": [], "Pod": []}
        self.asked: list[str] = []

    def read(self, *_named: str) -> Object | None:
        return self.service

    def find(self, _version: str, kind: str, _namespace: str, labels: str) -> tuple[str, list[Object]]:
        self.asked.append(f"{kind} {labels}")
        found = self.lists[kind]
        if isinstance(found, ClusterError):
            raise found
        return "1", found

    def ready(self, *names: str) -> None:
        self.lists["EndpointSlice"] = [endpoint_slice(*(endpoint(name) for name in names))]


@pytest.fixture
def cluster() -> Any:
    return MemoryCluster()


def test_ready_pods_of_all_slices_are_found_by_the_ports_name(cluster: Any) -> None:
    cluster.lists["EndpointSlice"] = [
        endpoint_slice(endpoint("b"), endpoint("a", ready=None), endpoint("c", ready=False)),
        endpoint_slice(endpoint("d"), port=8081),
        endpoint_slice(endpoint("b")),
        endpoint_slice(endpoint("node", kind="Node")),
    ]
    found = [Backend("llm", "a", 8080), Backend("llm", "b", 8080), Backend("llm", "d", 8081)]
    assert backends(cluster, WANTED) == found
    assert cluster.asked == ["EndpointSlice kubernetes.io/service-name=web"]


@pytest.mark.parametrize(("port", "name"), [("80", "http"), ("http", "http"), ("9090", "metrics")])
def test_a_port_is_named_or_numbered(port: str, name: str) -> None:
    assert port_name(service(), ServicePort("llm", "web", port)) == name


def test_the_only_port_may_have_no_name() -> None:
    assert port_name(service(ports=[{"port": 80}]), WANTED) == ""


def test_a_port_that_is_not_there_is_refused_with_those_that_are(cluster: Any) -> None:
    with pytest.raises(ClusterError) as refused:
        backends(cluster, ServicePort("llm", "web", "443"))
    assert str(refused.value) == "Service web in llm has no port 443, but 80 (http), 9090 (metrics)."


def test_a_service_that_is_not_there_is_named(cluster: Any) -> None:
    cluster.service = None
    with pytest.raises(NotThere, match=r"^there is no Service web in llm\."):
        backends(cluster, WANTED)


PULL = {"name": "main", "image": "x:1", "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
STANDINGS: list[tuple[list[Object], str]] = [
    ([], "there are no pods with app=web"),
    ([pod("a", containerStatuses=[PULL])], "pod a: the image x:1 does not exist"),
    ([pod("a", conditions=[{"type": "Ready", "status": "False"}])], "pod a: Running, not ready"),
    ([pod("a", phase="Pending")], "pod a: Pending, not ready"),
    ([pod("a", conditions=[{"type": "Ready", "status": "True"}])], "pod a: ready, but not among the endpoints yet"),
    ([{**pod("a"), "metadata": {"name": "a", "deletionTimestamp": "now"}}], "pod a is being removed"),
]


@pytest.mark.parametrize(("pods", "said"), STANDINGS)
def test_without_a_ready_pod_it_says_which_there_are(cluster: Any, pods: list[Object], said: str) -> None:
    cluster.lists["Pod"] = pods
    with pytest.raises(NotThere) as refused:
        backends(cluster, WANTED)
    assert str(refused.value) == f"no pod of Service web in llm, port 80 is ready: {said}."


def test_a_service_of_other_addresses_can_not_be_forwarded(cluster: Any) -> None:
    cluster.service = service(selector=None)
    with pytest.raises(NotThere, match="selects no pods"):
        backends(cluster, WANTED)
    cluster.lists["EndpointSlice"] = [{"ports": [], "endpoints": [{"addresses": ["10.0.0.1"]}]}]
    with pytest.raises(NotThere, match="not those of pods"):
        backends(cluster, WANTED)


class Opened:
    """Sockets in place of web sockets; the test holds their other ends."""

    def __init__(self) -> None:
        self.pods: list[str] = []
        self.ends: list[socket.socket] = []
        self.refuse: dict[str, ClusterError] = {}

    def __call__(self, _cluster: Any, backend: Backend) -> socket.socket:
        self.pods.append(backend.pod)
        if backend.pod in self.refuse:
            raise self.refuse[backend.pod]
        mine, theirs = socket.socketpair()
        theirs.settimeout(10)
        self.ends.append(theirs)
        return mine


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    made = Opened()
    monkeypatch.setattr(port_forward, "_opened", made)
    monkeypatch.setattr(port_forward, "PAUSE", 0.01)
    monkeypatch.setattr(port_forward, "PATIENCE", 0.1)
    before = threading.active_count()
    yield made
    for end in made.ends:
        end.close()
    assert threading.active_count() == before


def until(holds: Callable[[], bool]) -> None:
    """Wait for a thread to have done it."""
    waiting = threading.Event()
    for _round in range(1000):
        if holds():
            return
        waiting.wait(0.01)
    raise AssertionError("it never came")


def connect(to: Any) -> socket.socket:
    made = socket.create_connection(tuple(to), timeout=10)
    made.settimeout(10)
    return made


def test_it_listens_here_alone_and_no_longer_than_its_block(cluster: Any, opened: Opened) -> None:
    cluster.ready("a")
    with forwarded(cluster, "llm", "web", 80) as forward:
        host, port = forward
        assert host == "127.0.0.1"
        with connect(forward) as one, connect(forward) as two:
            until(lambda: len(opened.ends) == 3)
            assert one.getpeername() == two.getpeername() == (host, port)
    with pytest.raises(ConnectionRefusedError):
        connect((host, port))


def test_what_is_open_at_the_end_is_closed(cluster: Any, opened: Opened) -> None:
    cluster.ready("a")
    with forwarded(cluster, "llm", "web", 80) as forward:
        client = connect(forward)
        until(lambda: len(opened.ends) == 2)
    assert client.recv(1) == b""
    client.close()


def test_connections_keep_to_one_pod_while_it_is_ready(cluster: Any, opened: Opened) -> None:
    cluster.ready("b", "c")
    with forwarded(cluster, "llm", "web", 80) as forward:
        cluster.ready("a", "b", "c")
        with connect(forward):
            until(lambda: len(opened.pods) == 2)
        cluster.ready("a", "c")
        with connect(forward):
            until(lambda: len(opened.pods) == 3)
        assert opened.pods == ["b", "b", "a"]


def test_each_ready_pod_gets_a_way_of_its_own(cluster: Any, opened: Opened) -> None:
    cluster.ready("a", "b")
    with forwarded_each(cluster, WANTED) as (one, two):
        opened.pods.clear()
        for count, forward in enumerate((two, one, two), 1):
            with connect(forward):
                until(lambda count=count: len(opened.pods) == count)
        assert opened.pods == ["b", "a", "b"]
        opened.refuse["b"] = ClusterError('could not forward: pods "b" not found (404)')
        with connect(two) as gone:
            assert gone.recv(1) == b""
        assert "not found" in two.trouble
        assert set(opened.pods[3:]) == {"b"}
    with pytest.raises(ConnectionRefusedError):
        connect(one)


def test_a_pod_that_can_not_be_reached_is_passed_over(cluster: Any, opened: Opened) -> None:
    cluster.ready("a", "b")
    with forwarded(cluster, "llm", "web", 80) as forward:
        opened.refuse["a"] = ClusterError('could not forward: pods "a" not found (404)')
        with connect(forward):
            until(lambda: opened.pods == ["a", "a", "b"])
        assert forward.trouble == ""


def test_a_connection_that_finds_nobody_is_closed_with_a_reason(cluster: Any, opened: Opened) -> None:
    cluster.ready("a")
    with forwarded(cluster, "llm", "web", 80) as forward:
        cluster.lists["EndpointSlice"] = []
        with connect(forward) as client:
            assert client.recv(1) == b""
        assert forward.trouble.startswith("no pod of Service web in llm, port 80 is ready")


def test_what_can_not_work_is_said_before_anybody_connects(cluster: Any, opened: Opened) -> None:
    with pytest.raises(NotThere), forwarded(cluster, "llm", "web", 80):
        pass
    cluster.ready("a")
    opened.refuse["a"] = Forbidden("not allowed to forward port 8080 of pod a in llm", final=True)
    with pytest.raises(Forbidden, match="not allowed"), forwarded(cluster, "llm", "web", 80):
        pass
    assert opened.pods == ["a"]
