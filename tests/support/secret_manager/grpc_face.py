# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service over gRPC, as the official client calls it by default."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2
from grpc_status import rpc_status

from .errors import ApiError, unavailable
from .rest import ConnectionLostError
from .service import METHODS, Method, Service

NAME = "google.cloud.secretmanager.v1.SecretManagerService"
THREADS = 64


def grpc_server(service: Service, address: str, key: bytes, certificate: bytes) -> tuple[grpc.Server, int]:
    """A started server with TLS (no client sends a token without it), and its port."""
    server = grpc.server(ThreadPoolExecutor(THREADS))
    handlers = {name: _handler(service, name, method) for name, method in METHODS.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    port = server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server, port


def _handler(service: Service, name: str, method: Method) -> Any:
    def serve(request: Any, context: grpc.ServicerContext) -> Any:
        sent = dict(context.invocation_metadata())
        token = str(sent.get("authorization", "")).removeprefix("Bearer ") or None
        try:
            return service.call(name, request, token)
        except ApiError as error:
            context.abort_with_status(rpc_status.to_status(error.status()))
        except ConnectionLostError:
            context.abort_with_status(rpc_status.to_status(unavailable().status()))

    serialize: Callable[[Any], bytes] = (
        empty_pb2.Empty.SerializeToString if method.response is empty_pb2.Empty else method.response.serialize
    )
    return grpc.unary_unary_rpc_method_handler(serve, method.request.deserialize, serialize)
