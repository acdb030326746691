# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service over gRPC, as the official client calls it by default."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc
from google.protobuf import empty_pb2
from grpc_status import rpc_status

from . import iam_credentials
from .errors import ApiError, unavailable
from .rest import ConnectionLostError
from .service import METHODS, Method, Service

NAME = "google.cloud.secretmanager.v1.SecretManagerService"
THREADS = 64


def grpc_server(service: Service, address: str, key: bytes, certificate: bytes) -> tuple[grpc.Server, int]:
    """A started server with TLS (no client sends a token without it), and its port."""
    server = grpc.server(ThreadPoolExecutor(THREADS))
    handlers = {name: _secrets(service, name, method) for name, method in METHODS.items()}
    iam = {iam_credentials.METHOD: _iam(service)}
    for name, methods in ((NAME, handlers), (iam_credentials.SERVICE, iam)):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    port = server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server, port


def _secrets(service: Service, name: str, method: Method) -> Any:
    serialize: Callable[[Any], bytes] = (
        empty_pb2.Empty.SerializeToString if method.response is empty_pb2.Empty else method.response.serialize
    )
    return _handler(partial(service.call, name), method.request.deserialize, serialize)


def _iam(service: Service) -> Any:
    serve = partial(iam_credentials.generate_access_token, service.identity)
    return _handler(serve, iam_credentials.Request.FromString, iam_credentials.Response.SerializeToString)


def _handler(
    serve: Callable[[Any, str | None], Any], parse: Callable[[bytes], Any], serialize: Callable[[Any], bytes]
) -> Any:
    """Of a method that is asked with a request and a token."""

    def called(request: Any, context: grpc.ServicerContext) -> Any:
        sent = dict(context.invocation_metadata())
        token = str(sent.get("authorization", "")).removeprefix("Bearer ") or None
        try:
            return serve(request, token)
        except ApiError as error:
            context.abort_with_status(rpc_status.to_status(error.status()))
        except ConnectionLostError:
            context.abort_with_status(rpc_status.to_status(unavailable().status()))

    return grpc.unary_unary_rpc_method_handler(called, parse, serialize)
