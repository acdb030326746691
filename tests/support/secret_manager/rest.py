# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service over HTTP: its REST face, and the places that give tokens."""

from __future__ import annotations

import json
import re
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from google.protobuf import json_format

from .errors import ApiError, not_found
from .identity import NoTokenError
from .service import METHODS, Service

_SECRET = r"projects/[^/:]+(?:/locations/[^/:]+)?/secrets/[^/:]+"
_PARENT = r"projects/[^/:]+(?:/locations/[^/:]+)?"
ROUTES = [
    ("GET", rf"({_PARENT})/secrets", "ListSecrets", ""),
    ("POST", rf"({_PARENT})/secrets", "CreateSecret", "secret"),
    ("GET", rf"({_SECRET})", "GetSecret", ""),
    ("PATCH", rf"({_SECRET})", "UpdateSecret", "secret"),
    ("DELETE", rf"({_SECRET})", "DeleteSecret", ""),
    ("POST", rf"({_SECRET}):addVersion", "AddSecretVersion", "*"),
    ("GET", rf"({_SECRET})/versions", "ListSecretVersions", ""),
    ("GET", rf"({_SECRET}/versions/[^/:]+)", "GetSecretVersion", ""),
    ("GET", rf"({_SECRET}/versions/[^/:]+):access", "AccessSecretVersion", ""),
    ("POST", rf"({_SECRET}/versions/[^/:]+):enable", "EnableSecretVersion", "*"),
    ("POST", rf"({_SECRET}/versions/[^/:]+):disable", "DisableSecretVersion", "*"),
    ("POST", rf"({_SECRET}/versions/[^/:]+):destroy", "DestroySecretVersion", "*"),
]
PROJECT = re.compile(r"/v1/projects/\d+")
IMPERSONATE = re.compile(r"/v1/projects/-/serviceAccounts/([^/]+):generateAccessToken")


class ConnectionLostError(Exception):
    """Injected by a test: the connection is cut instead of an answer."""


class RestServer(ThreadingHTTPServer):
    """One listening socket."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, service: Service, address: tuple[str, int]) -> None:
        self.service = service
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that went away are none of the server's business."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RestServer

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_GET

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, content, kind = self._answer(url.path, url.query, body)
        except ConnectionLostError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except ApiError as error:
            status, content, kind = error.http, json.dumps(error.document()), "application/json; charset=UTF-8"
        except NoTokenError as error:
            status, content, kind = error.status, json.dumps(error.document), "application/json"
        data = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.path.startswith("/computeMetadata") or self.path == "/":
            self.send_header("Metadata-Flavor", "Google")
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, path: str, query: str, body: bytes) -> tuple[int, str, str]:
        service, kind = self.server.service, "application/json; charset=UTF-8"
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        if path in ("/token", "/v1/token"):
            form = dict(parse_qsl(body.decode()))
            give = service.identity.asserted if path == "/token" else service.identity.exchanged
            return 200, json.dumps(give(form)), kind
        if path == "/v1/identitybindingtoken":
            return 200, json.dumps(service.identity.bound(json.loads(body))), kind
        if wanted := IMPERSONATE.fullmatch(path):
            return 200, json.dumps(service.identity.impersonated(wanted[1], token)), kind
        if PROJECT.fullmatch(path) and self.command == "GET":  # Resource Manager, asked by federated credentials
            service.identity.principal(token)
            return 200, json.dumps({"projectId": service.project}), kind
        if self.headers.get("Metadata-Flavor") == "Google" and path.startswith(("/computeMetadata", "/")):
            found = service.identity.metadata(path, service.project)
            if found is not None:
                return 200, *found
        for verb, pattern, method, inside in ROUTES:
            match = re.fullmatch(f"/v1/{pattern}", path)
            if match and verb == self.command:
                request = _request(method, match[1], inside, query, body)
                answer = service.call(method, request, token)
                known = METHODS[method].response
                message = known.pb(answer) if hasattr(known, "pb") else answer
                return 200, json_format.MessageToJson(message), kind
        raise not_found("Path", path)


def _request(method: str, name: str, inside: str, query: str, body: bytes) -> Any:
    known = METHODS[method]
    fields: dict[str, Any] = {}
    for key, values in parse_qs(query).items():
        if not key.startswith("$") and key != "alt":
            fields[key] = values[-1]
    if body and inside:
        document = json.loads(body)
        fields.update(document if inside == "*" else {inside: document})
    place = fields.setdefault("secret", {}) if known.name == "secret.name" else fields
    place[known.name.rpartition(".")[2]] = name
    message = known.request.pb()()
    json_format.ParseDict(fields, message, ignore_unknown_fields=True)
    return known.request.wrap(message)
