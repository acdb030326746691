# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service under a port of this machine: many connections at once, much data, pods that go, and who may do it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import available
from tollgate_checks.objects import Object, container, deployment, service
from tollgate_checks.watching import eventually
from tollgate_cluster.places import TOOLS

sys.path.append(str(TOOLS.parent / "collections"))

from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster as ours
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.port_forward import (
    Forward,
    NotThere,
    forwarded,
)

PATIENCE = 60
LARGE = 5_000_000

# Says who it is, gives back what it is sent, sends much, or a little now and then.
SERVER = """
import http.server, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def log_message(self, *_): pass
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))
    def do_GET(self):
        if not self.path.startswith("/stream/"):
            return self.answer(b"x" * int(self.path[1:]) if self.path[1:] else os.environ["HOSTNAME"].encode())
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in range(int(self.path.rpartition('/')[2])):
            self.wfile.write(b"6\\r\\npart %d\\r\\n" % part)
            self.wfile.flush()
            time.sleep(0.4)
        self.wfile.write(b"0\\r\\n\\r\\n")
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
WEB = {"name": "web", "containerPort": 8080}
PORTS = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "number", "port": 81, "targetPort": 8080}]


def web(namespace: str, replicas: int = 1) -> list[Object]:
    """The workload with its Service, whose ports have a name and a number behind them."""
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    main = container("python", "-c", SERVER, ports=[WEB], readinessProbe=probe)
    return [
        {**service(namespace, "web"), "spec": {"selector": {"app": "web"}, "ports": PORTS}},
        deployment(namespace, "web", main, replicas=replicas),
    ]


@pytest.fixture
def running(cluster: Cluster, namespace: str) -> str:
    """The namespace of a workload that serves."""
    made = [cluster.apply(each) for each in web(namespace)]
    cluster.wait(made[1], available, PATIENCE)
    return namespace


@pytest.fixture
def connected(cluster: Cluster) -> ours.Cluster:
    """The cluster as modules see it."""
    return ours.Cluster(str(cluster.kubeconfig), None)


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What a test enters and leaves at its end."""
    with contextlib.ExitStack() as entered:
        yield entered


def client(forward: Forward, connections: int = 1) -> httpx.Client:
    """An HTTP client that keeps its connections."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.Client(base_url=f"http://{forward.host}:{forward.port}", limits=limits, timeout=20, trust_env=False)


def get(forward: Forward) -> str:
    """The pod that answers a new connection."""
    with client(forward) as http:
        return http.get("/").raise_for_status().text


@pytest.mark.parametrize("port", [80, "http", 81, "number"])
def test_a_port_is_named_or_numbered_on_both_sides(running: str, connected: ours.Cluster, port: int | str) -> None:
    with forwarded(connected, running, "web", port) as forward:
        assert get(forward).startswith("web-")


def test_many_requests_over_eight_connections_at_once(
    running: str, connected: ours.Cluster, record_property: Callable[[str, object], None]
) -> None:
    threads = threading.active_count()
    with forwarded(connected, running, "web", 80) as forward, client(forward, 8) as http:

        def ask(number: int) -> float:
            began = time.monotonic()
            body = f"question {number}".encode()
            assert http.post("/", content=body).raise_for_status().content == body
            return time.monotonic() - began

        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            took = list(pool.map(ask, range(200)))
        seconds = time.monotonic() - began
    assert threading.active_count() == threads
    record_property(
        "200 requests over 8 connections", f"{seconds:.2f} s, median {statistics.median(took) * 1000:.0f} ms"
    )
    assert seconds < 20


def test_much_data_arrives_whole_both_ways(
    running: str, connected: ours.Cluster, record_property: Callable[[str, object], None]
) -> None:
    body = os.urandom(LARGE)
    with forwarded(connected, running, "web", 80) as forward, client(forward) as http:
        began = time.monotonic()
        answer = http.post("/", content=body).raise_for_status().content
        record_property("5 MB there and back", f"{time.monotonic() - began:.2f} s")
        assert hashlib.sha256(answer).digest() == hashlib.sha256(body).digest()


def test_a_stream_with_pauses_arrives_as_it_is_sent(running: str, connected: ours.Cluster) -> None:
    with (
        forwarded(connected, running, "web", 80) as forward,
        client(forward) as http,
        http.stream("GET", "/stream/5") as answer,
    ):
        arrived = [(time.monotonic(), text) for text in answer.iter_text()]
    assert "".join(text for moment, text in arrived) == "".join(f"part {number}" for number in range(5))
    assert arrived[-1][0] - arrived[0][0] > 1


def test_who_has_said_all_still_hears_the_whole_answer(
    running: str, connected: ours.Cluster, stack: contextlib.ExitStack
) -> None:
    forward = stack.enter_context(forwarded(connected, running, "web", 80))
    raw = stack.enter_context(socket.create_connection(tuple(forward), timeout=20))
    raw.sendall(f"GET /{LARGE} HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n".encode())
    raw.shutdown(socket.SHUT_WR)
    answer = b""
    while part := raw.recv(65536):
        answer += part
    assert answer.partition(b"\r\n\r\n")[2] == b"x" * LARGE


def test_another_pod_answers_when_the_first_is_gone(cluster: Cluster, running: str, connected: ours.Cluster) -> None:
    with forwarded(connected, running, "web", 80) as forward:
        first = get(forward)
        cluster.delete(next(pod for pod in cluster.all("v1", "Pod", running) if pod["metadata"]["name"] == first))
        second = eventually(lambda: get(forward), PATIENCE, "an answer of another pod", httpx.HTTPError)
        assert second != first


def test_what_is_open_when_a_pod_goes_ends_at_once(
    cluster: Cluster, running: str, connected: ours.Cluster, stack: contextlib.ExitStack
) -> None:
    forward = stack.enter_context(forwarded(connected, running, "web", 80))
    parts = stack.enter_context(stack.enter_context(client(forward)).stream("GET", "/stream/100")).iter_text()
    next(parts)
    cluster.delete(cluster.all("v1", "Pod", running)[0], gracePeriodSeconds=0)
    with pytest.raises(httpx.HTTPError):
        list(parts)


def test_without_a_ready_pod_it_says_which_there_are(cluster: Cluster, namespace: str, connected: ours.Cluster) -> None:
    with (
        pytest.raises(NotThere, match=f"there is no Service web in {namespace}"),
        forwarded(connected, namespace, "web", 80),
    ):
        pass
    made, workload = web(namespace, replicas=0)
    cluster.apply(made)
    cluster.apply(workload)
    with pytest.raises(NotThere, match="there are no pods with app=web"), forwarded(connected, namespace, "web", 80):
        pass
    missing = container(ports=[WEB], image="docker.io/library/nowhere:1")
    cluster.apply(deployment(namespace, "web", missing))

    def said() -> bool:
        with pytest.raises(NotThere) as refused, forwarded(connected, namespace, "web", 80):
            pass
        return "the image docker.io/library/nowhere:1 does not exist" in str(refused.value)

    eventually(said, PATIENCE, "the reason of a pod that does not run")


def test_a_port_where_nobody_listens_is_told(cluster: Cluster, namespace: str, connected: ours.Cluster) -> None:
    made, _workload = web(namespace)
    cluster.apply(made)
    workload = cluster.apply(deployment(namespace, "web", container(ports=[WEB])))
    cluster.wait(workload, available, PATIENCE)
    eventually(lambda: _opens(connected, namespace), PATIENCE, "the pod among the endpoints", NotThere)
    with forwarded(connected, namespace, "web", 80) as forward:
        with pytest.raises(httpx.HTTPError):
            get(forward)
        eventually(lambda: "refused" in forward.trouble, 5, "the reason")


def _opens(connected: ours.Cluster, namespace: str) -> bool:
    with forwarded(connected, namespace, "web", 80):
        return True


RULES = "rbac.authorization.k8s.io"
READ = [
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
]
FORWARD = [{"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]}]


@pytest.fixture
def stranger(cluster: Cluster, running: str, tmp_path: Path) -> Path:
    """The kubeconfig of somebody whom only a Role named `nobody` lets do anything."""
    account = {"name": "nobody", "namespace": running}
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    named = {**account, "annotations": {"kubernetes.io/service-account.name": "nobody"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": named, "type": "kubernetes.io/service-account-token"}
    cluster.apply(secret)
    filled = cluster.wait(secret, lambda found: found.get("data", {}).get("token"), 20, "filled")
    subject = {"kind": "ServiceAccount", "name": "nobody", "namespace": running}
    role = {"apiGroup": RULES, "kind": "Role", "name": "nobody"}
    cluster.apply(
        {
            "apiVersion": f"{RULES}/v1",
            "kind": "RoleBinding",
            "metadata": account,
            "subjects": [subject],
            "roleRef": role,
        }
    )
    given = yaml.safe_load(Path(cluster.kubeconfig).read_text(encoding="utf-8"))
    given["users"][0]["user"] = {"token": base64.b64decode(filled["data"]["token"]).decode()}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    path.chmod(0o600)
    return path


def test_who_may_not_hears_which_verb_on_which_resource(cluster: Cluster, running: str, stranger: Path) -> None:
    role = {"apiVersion": f"{RULES}/v1", "kind": "Role", "metadata": {"name": "nobody", "namespace": running}}

    def refusal() -> str:
        try:
            with forwarded(ours.Cluster(str(stranger), None), running, "web", 80) as forward:
                return get(forward)
        except ours.ClusterError as error:
            return str(error)

    assert "not allowed to get Service" in refusal()
    cluster.apply({**role, "rules": READ[:1]})
    eventually(lambda: "not allowed to list EndpointSlices" in refusal(), 20, "the next refusal")
    cluster.apply({**role, "rules": READ})
    eventually(lambda: "not allowed to forward port 8080 of pod web-" in refusal(), 20, "the next refusal")
    assert 'resource "pods/portforward"' in refusal()
    cluster.apply({**role, "rules": [*READ, *FORWARD]})
    eventually(lambda: refusal().startswith("web-"), 20, "an answer")
