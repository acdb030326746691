# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a Secret Manager on this machine, for as long as a block lasts."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .certificate import make_certificate
from .grpc_face import grpc_server
from .rest import RestServer
from .service import Service

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Addresses:
    """Where it listens: REST without TLS; and where that was asked for, REST and gRPC with TLS, and what to trust."""

    http: str
    https: str = ""
    grpc: str = ""
    certificate: Path = Path()


@contextlib.contextmanager
def running(service: Service, directory: Path, *, tls: bool = True, address: str = LOOPBACK) -> Iterator[Addresses]:
    """Serve on free ports: of an address of this machine with TLS, and of no other than 127.0.0.1 without it."""
    with contextlib.ExitStack() as stack:
        http = f"http://{LOOPBACK}:{stack.enter_context(_serving(service, LOOPBACK, None))}"
        yield _with_tls(service, directory, stack, http, address) if tls else Addresses(http)


def _with_tls(service: Service, directory: Path, stack: contextlib.ExitStack, http: str, address: str) -> Addresses:
    key, certificate = make_certificate(directory, address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure = stack.enter_context(_serving(service, address, context))
    server, port = grpc_server(service, f"{address}:0", key.read_bytes(), certificate.read_bytes())
    stack.callback(lambda: server.stop(None).wait())
    return Addresses(http, f"https://{address}:{secure}", f"https://{address}:{port}", certificate)


@contextlib.contextmanager
def _serving(service: Service, address: str, context: ssl.SSLContext | None) -> Iterator[int]:
    server = RestServer(service, (address, 0))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
