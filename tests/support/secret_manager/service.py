# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret Manager's v1 API in memory: what both of its faces, gRPC and REST, ask.

It has one project, with an id and a number. As with the real one, answers name resources by the number, access to a
version by its number sees every write at once, and all other reads may be behind (`lag`: how many of them).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import proto
from google.cloud.secretmanager_v1 import types
from google.protobuf import empty_pb2

from . import errors
from .container import Container, State, check, destroy_delay, etag, now, settle_expiry
from .crc32c import crc32c
from .identity import Identity

NAME = re.compile(
    r"projects/(?P<project>[^/]+)(?:/locations/(?P<location>[^/]+))?"
    r"(?:/secrets/(?P<secret>[^/]+)(?:/versions/(?P<version>[^/]+))?)?"
)
SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
PAGE = 25000


@dataclass(frozen=True)
class Method:
    """One call of the API."""

    request: Any
    response: Any
    permission: str
    name: str  # the request's field that says of what

    def resource(self, request: Any) -> str:
        """What the request is about."""
        found = request
        for part in self.name.split("."):
            found = getattr(found, part)
        return str(found)


METHODS = {
    "ListSecrets": Method(types.ListSecretsRequest, types.ListSecretsResponse, "secrets.list", "parent"),
    "CreateSecret": Method(types.CreateSecretRequest, types.Secret, "secrets.create", "parent"),
    "GetSecret": Method(types.GetSecretRequest, types.Secret, "secrets.get", "name"),
    "UpdateSecret": Method(types.UpdateSecretRequest, types.Secret, "secrets.update", "secret.name"),
    "DeleteSecret": Method(types.DeleteSecretRequest, empty_pb2.Empty, "secrets.delete", "name"),
    "AddSecretVersion": Method(types.AddSecretVersionRequest, types.SecretVersion, "versions.add", "parent"),
    "ListSecretVersions": Method(
        types.ListSecretVersionsRequest, types.ListSecretVersionsResponse, "versions.list", "parent"
    ),
    "GetSecretVersion": Method(types.GetSecretVersionRequest, types.SecretVersion, "versions.get", "name"),
    "AccessSecretVersion": Method(
        types.AccessSecretVersionRequest, types.AccessSecretVersionResponse, "versions.access", "name"
    ),
    "EnableSecretVersion": Method(types.EnableSecretVersionRequest, types.SecretVersion, "versions.enable", "name"),
    "DisableSecretVersion": Method(types.DisableSecretVersionRequest, types.SecretVersion, "versions.disable", "name"),
    "DestroySecretVersion": Method(types.DestroySecretVersionRequest, types.SecretVersion, "versions.destroy", "name"),
}
WRITES = {name for name in METHODS if not name.startswith(("List", "Get", "Access"))}


@dataclass(frozen=True)
class Request:
    """One that came in."""

    method: str
    resource: str
    principal: str
    etag: str = ""

    @property
    def writes(self) -> bool:
        return self.method in WRITES


@dataclass
class Fault:
    """What goes wrong with the next requests of a method. `after`: the work is done, and its answer is lost."""

    method: str
    error: Exception
    times: int
    after: bool


@dataclass
class Service:
    """The project's secrets, and what a test wants to go wrong."""

    project: str = "tollgate-test"
    number: str = "778899001122"
    latency: float = 0.0  # seconds that each request takes
    lag: int = 0  # eventually consistent reads that do not see a change yet
    page: int = PAGE  # the most that one page holds
    enabled: bool = True
    denied: set[str] = field(default_factory=set)  # permissions, as in versions.access
    corrupt: bool = False  # payloads are damaged on their way back
    before: Callable[[Request], None] | None = None  # called before each request, without the lock
    identity: Identity = field(default_factory=Identity)
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    secrets: dict[tuple[str, str], Container] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def fail(self, method: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        """Let the next requests of this method fail."""
        self.faults.append(Fault(method, error, times, after))

    def writes(self) -> list[Request]:
        """The requests that could have changed something."""
        return [request for request in self.requests if request.writes]

    def payloads(self) -> list[str]:
        """Every value that lies here, as text where it is text."""
        versions = [version for container in self.secrets.values() for version in container.versions]
        return [version.payload.decode("utf-8", "replace") for version in versions if version.payload]

    def bring(self, name: str, *values: bytes | str, **fields: Any) -> None:
        """A secret that somebody else makes, with a version for each value."""
        token, parent = self.identity.token("somebody"), f"projects/{self.project}"
        wanted = {"parent": parent, "secret_id": name, "secret": {"replication": {"automatic": {}}, **fields}}
        self.call("CreateSecret", types.CreateSecretRequest(wanted), token)
        for value in values:
            data = value.encode() if isinstance(value, str) else value
            added = {"parent": f"{parent}/secrets/{name}", "payload": {"data": data}}
            self.call("AddSecretVersion", types.AddSecretVersionRequest(added), token)

    def call(self, method: str, request: Any, token: str | None) -> Any:
        """Serve one request, or raise ApiError (or what a test wanted)."""
        known = METHODS[method]
        resource = known.resource(request)
        if self.latency:
            time.sleep(self.latency)
        principal = self.identity.principal(token)
        changed = request.secret if method == "UpdateSecret" else request
        seen = Request(method, resource, principal, getattr(changed, "etag", ""))
        if self.before is not None:
            self.before(seen)
        with self.lock:
            self.requests.append(seen)
            fault = self._fault(method)
            if fault is not None and not fault.after:
                raise fault.error
            self._admit(known.permission, resource)
            for key in [key for key, container in self.secrets.items() if container.expired]:
                del self.secrets[key]
            answer = getattr(self, f"_{snake(method)}")(request)
            # A copy: what lies here may change before the answer is written.
            answer = (
                type(answer).deserialize(type(answer).serialize(answer))
                if isinstance(answer, proto.Message)
                else answer
            )
            if fault is not None:
                raise fault.error
            return answer

    def _fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method in (method, "*") and fault.times:
                fault.times -= 1
                return fault
        return None

    def _admit(self, permission: str, resource: str) -> None:
        found = NAME.fullmatch(resource)
        if found is None:
            raise errors.invalid(f"The resource name [{resource}] is malformed.", "name")
        if found["project"] not in (self.project, self.number):
            raise errors.no_such_project(found["project"])
        if not self.enabled:
            raise errors.service_disabled(self.number)
        if permission in self.denied:
            raise errors.permission_denied(f"secretmanager.{permission}", resource)

    def _key(self, name: str) -> tuple[str, str]:
        found = NAME.fullmatch(name)
        if found is None or found["secret"] is None:
            raise errors.invalid(f"The resource name [{name}] is malformed.", "name")
        return found["location"] or "", found["secret"]

    def _parent(self, location: str) -> str:
        return f"projects/{self.number}" + (f"/locations/{location}" if location else "")

    def _container(self, name: str) -> Container:
        key = self._key(name)
        if key not in self.secrets:
            raise errors.not_found("Secret", f"{self._parent(key[0])}/secrets/{key[1]}")
        return self.secrets[key]

    def _seen(self, name: str) -> tuple[types.Secret, list[Any]]:
        """As an eventually consistent read sees it."""
        seen = self._container(name).seen()
        if seen is None:
            key = self._key(name)
            raise errors.not_found("Secret", f"{self._parent(key[0])}/secrets/{key[1]}")
        return seen

    def _list_secrets(self, request: types.ListSecretsRequest) -> types.ListSecretsResponse:
        found = NAME.fullmatch(request.parent)
        location = (found["location"] if found else "") or ""
        secrets = []
        for (place, _name), container in sorted(self.secrets.items()):
            seen = container.seen()
            if place == location and seen is not None and matches(seen[0], request.filter):
                secrets.append(seen[0])
        shown, token = self._paged(secrets, request)
        return types.ListSecretsResponse(secrets=shown, next_page_token=token, total_size=len(secrets))

    def _create_secret(self, request: types.CreateSecretRequest) -> types.Secret:
        found = NAME.fullmatch(request.parent)
        location = (found["location"] if found else "") or ""
        if not SECRET_ID.fullmatch(request.secret_id):
            raise errors.invalid(f"The secret id [{request.secret_id}] is malformed.", "secret_id")
        name = f"{self._parent(location)}/secrets/{request.secret_id}"
        if (location, request.secret_id) in self.secrets:
            raise errors.already_exists(name)
        secret = types.Secret(request.secret)
        automatic, managed = "automatic" in secret.replication, "user_managed" in secret.replication
        if location and (automatic or managed):
            raise errors.invalid("A regional secret has no replication policy.", "secret.replication")
        if not location and not (automatic or managed):
            raise errors.invalid("The replication policy is required.", "secret.replication")
        settle_expiry(secret, [])
        check(secret, [])
        secret.name, secret.etag, secret.create_time = name, etag(), now()
        container = Container(secret)
        container.written(self.lag, None)
        self.secrets[location, request.secret_id] = container
        return secret

    def _get_secret(self, request: types.GetSecretRequest) -> types.Secret:
        return self._seen(request.name)[0]

    def _update_secret(self, request: types.UpdateSecretRequest) -> types.Secret:
        container = self._container(request.secret.name)
        before = container.copy()
        updated = container.update(request.secret, list(request.update_mask.paths))
        container.written(self.lag, before)
        return updated

    def _delete_secret(self, request: types.DeleteSecretRequest) -> empty_pb2.Empty:
        container = self._container(request.name)
        if request.etag and request.etag != container.secret.etag:
            raise errors.precondition(f"The etag provided does not match that of [{container.secret.name}].")
        del self.secrets[self._key(request.name)]
        return empty_pb2.Empty()

    def _add_secret_version(self, request: types.AddSecretVersionRequest) -> types.SecretVersion:
        container = self._container(request.parent)
        if container.behind and container.stale is None:
            self._seen(request.parent)  # the container is too new for this replica
        before = container.copy()
        added = container.add(request.payload)
        container.written(self.lag, before)
        return added

    def _list_secret_versions(self, request: types.ListSecretVersionsRequest) -> types.ListSecretVersionsResponse:
        versions = [version.message for version in self._seen(request.parent)[1]]
        versions = [each for each in reversed(versions) if matches(each, request.filter)]
        shown, token = self._paged(versions, request)
        return types.ListSecretVersionsResponse(versions=shown, next_page_token=token, total_size=len(versions))

    def _get_secret_version(self, request: types.GetSecretVersionRequest) -> types.SecretVersion:
        version = self._version(request.name)
        version.settle()
        return types.SecretVersion(version.message)

    def _access_secret_version(self, request: types.AccessSecretVersionRequest) -> types.AccessSecretVersionResponse:
        version = self._version(request.name)
        data = version.readable()
        payload = types.SecretPayload(data=data, data_crc32c=crc32c(data))
        if self.corrupt:
            payload.data = data[:-1] + bytes([data[-1] ^ 1])
        return types.AccessSecretVersionResponse(name=version.message.name, payload=payload)

    def _enable_secret_version(self, request: types.EnableSecretVersionRequest) -> types.SecretVersion:
        return self._turn(request, State.ENABLED)

    def _disable_secret_version(self, request: types.DisableSecretVersionRequest) -> types.SecretVersion:
        return self._turn(request, State.DISABLED)

    def _destroy_secret_version(self, request: types.DestroySecretVersionRequest) -> types.SecretVersion:
        return self._turn(request, State.DESTROYED)

    def _turn(self, request: Any, state: types.SecretVersion.State) -> types.SecretVersion:
        container = self._container(request.name)
        before = container.copy()
        delay = destroy_delay(container.secret)
        turned = self._version(request.name).turn(state, request.etag, delay)
        container.written(self.lag, before)
        return turned

    def _version(self, name: str) -> Any:
        found = NAME.fullmatch(name)
        if found is None or found["version"] is None:
            raise errors.invalid(f"The resource name [{name}] is malformed.", "name")
        return self._container(name).version(found["version"])

    def _paged(self, items: Sequence[Any], request: Any) -> tuple[list[Any], str]:
        start = int(request.page_token or 0)
        end = start + min(request.page_size or self.page, self.page)
        return list(items[start:end]), str(end) if end < len(items) else ""


def snake(method: str) -> str:
    """AddSecretVersion: add_secret_version."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()


def matches(message: Any, wanted: str) -> bool:
    """The part of the filter language that is needed: terms FIELD:TEXT and FIELD=TEXT, joined by AND or a blank."""
    for term in re.split(r"\s+AND\s+|\s+", wanted.strip()):
        if not term:
            continue
        split = re.fullmatch(r"([A-Za-z_.]+)([:=])(.*)", term)
        if split is None:
            raise errors.invalid(f"Invalid filter: {wanted}.", "filter")
        path, relation, text = split[1], split[2], split[3].strip('"')
        if path == "state":
            value = message.state.name
        elif path.startswith(("labels.", "annotations.")):
            value = getattr(message, path.partition(".")[0]).get(path.partition(".")[2])
        elif path == "name":
            value = message.name
        else:
            raise errors.invalid(f"Invalid filter: {wanted}.", "filter")
        if value is None or (text != "*" and (text not in value if relation == ":" else text != value)):
            return False
    return True
