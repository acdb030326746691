# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of a Service under an address of this machine, while a block of code runs.

It lives in this process, so it ends with it, however that ends. It listens on 127.0.0.1 alone, on a free port, for the
seconds that a module runs. Other users of this machine could connect to it meanwhile: they get what anybody gets who
reaches the Service, and have to log in there as everywhere. What is sent through it stays between its two ends.

Each connection goes through a web socket of its own to the API server, and from there to a pod that is ready: always
the same one while it is, so that what was written through one connection is there for the next; then another.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from .cluster import Cluster, ClusterError
from .endpoints import Backend, NotThere, backends
from .service_port import ServicePort
from .tunnel import Tunnel

try:
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream.ws_client import create_websocket
    from websocket import WebSocketException
except ImportError:
    pass  # who makes a Cluster has heard of it

__all__ = ["Forward", "NotThere", "forwarded", "forwarded_each"]

HOST = "127.0.0.1"
PROTOCOL = "v4.channel.k8s.io"
PATIENCE = 5.0  # seconds which a connection waits for a pod; clients wait longer than that for an answer
PAUSE = 0.3
END = 3.0  # seconds which connections have to end


@contextlib.contextmanager
def forwarded(cluster: Cluster, namespace: str, service: str, port: int | str) -> Iterator[Forward]:
    """Forward a port of a Service, by number or name; gives C(host, port) of this machine.

    Raises NotThere when there is no such Service or no pod of it is ready, else ClusterError; Forbidden for who may not
    read Services, list EndpointSlices, or use C(pods/portforward) (C(get), and C(create) from Kubernetes 1.35 on).
    """
    forward = Forward(cluster, ServicePort(namespace, service, str(port)))
    try:
        yield forward
    finally:
        forward.end()


@contextlib.contextmanager
def forwarded_each(cluster: Cluster, service: ServicePort) -> Iterator[list[Forward]]:
    """A forward for each ready pod of a Service, which leads to that pod alone. Raises as C(forwarded) does."""
    with contextlib.ExitStack() as stack:
        forwards = []
        for backend in backends(cluster, service):
            forward = Forward(cluster, service, backend)
            stack.callback(forward.end)
            forwards.append(forward)
        yield forwards


class Forward:
    """A listening socket, a thread that accepts, and one for each connection."""

    def __init__(self, cluster: Cluster, service: ServicePort, only: Backend | None = None) -> None:
        self.service = service
        self._only = only
        self.trouble = ""  # why the last connection failed; empty once another one was made
        self._cluster = cluster
        self._pod: Backend | None = None
        self._alarm, self._ended = socket.socketpair()
        self._threads: list[threading.Thread] = []
        try:
            # Once without anybody, so that what can't work is said here, and not by a client that was hung up on.
            self._connect(patience=0.0).close()
            self._listener = socket.create_server((HOST, 0), backlog=64)
        except BaseException:
            self._alarm.close()
            self._ended.close()
            raise
        self.host, self.port = HOST, int(self._listener.getsockname()[1])
        self._start(self._accept)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.host, self.port))

    def end(self) -> None:
        """Close everything, and wait for the threads."""
        self._alarm.close()  # all of them wait for it
        deadline = time.monotonic() + END
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._listener.close()
        if not any(thread.is_alive() for thread in self._threads):
            self._ended.close()  # else who still connects hears of the end by it

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True, name=f"forward {self.service}")
        self._threads = [each for each in self._threads if each.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        while self._ended.fileno() not in {ready for ready, event in poll.poll()}:
            with contextlib.suppress(OSError):  # who is gone before being accepted
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, local: socket.socket) -> None:
        with local:
            try:
                remote = self._connect(PATIENCE)
            except ClusterError as error:
                self.trouble = str(error)
                return
            self.trouble = ""
            with remote:
                local.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                complaint = Tunnel(local, remote, self._ended).run()
            if complaint:
                self.trouble = f"{self.service}: {complaint}"

    def _connect(self, patience: float) -> socket.socket:
        deadline = time.monotonic() + patience
        refused: set[Backend] = set()
        while True:
            try:
                backend = self._choose(refused)
                try:
                    remote = _opened(self._cluster, backend)
                except ClusterError:
                    refused.add(backend)
                    raise
            except ClusterError as error:
                if error.final or time.monotonic() >= deadline or self._pause():
                    raise
            else:
                self._pod = backend
                return remote

    def _choose(self, refused: set[Backend]) -> Backend:
        found = [self._only] if self._only else backends(self._cluster, self.service)
        if self._pod in found and self._pod not in refused:
            return self._pod
        return next((each for each in found if each not in refused), found[0])

    def _pause(self) -> bool:
        """Wait a moment. Returns whether everything ended meanwhile."""
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        return bool(poll.poll(PAUSE * 1000))


def _opened(cluster: Cluster, backend: Backend) -> socket.socket:
    """The socket behind a new web socket, to be read frame by frame.

    The library's own C(portforward) is not used: it replaces a method of the client while it connects, which threads
    can't share, and its pump loses the end of an answer when the pod closes before all of it was handed on.
    """
    settings = cluster.resource("v1", "Pod").client.client.configuration
    what = f"forward {backend}"
    headers = {each["key"].lower(): each["value"] for each in settings.auth_settings().values()}
    path = f"/api/v1/namespaces/{backend.namespace}/pods/{backend.pod}/portforward?ports={backend.port}"
    url = settings.host.replace("http", "ws", 1) + path
    connect: Any = create_websocket  # without types
    try:
        websocket = connect(settings, url, {**headers, "sec-websocket-protocol": PROTOCOL})
    except (WebSocketException, OSError) as error:
        code = getattr(error, "status_code", None)
        refusal = ApiException(status=code, reason=str(error))
        refusal.body = getattr(error, "resp_body", None)
        raise cluster.trouble(error if code is None else refusal, what) from error
    opened: socket.socket = websocket.sock
    return opened
