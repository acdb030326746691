# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's API server, as far as a gate asks it: objects as dictionaries, by the official client."""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from .manifests import MANAGER
from .standing import Object

try:
    from kubernetes import client, config, dynamic
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import ResourceNotFoundError
    from urllib3.exceptions import HTTPError
except ImportError:
    KUBERNETES_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    KUBERNETES_IMPORT_ERROR = None

CONNECT, READ = 5, 30  # seconds
NOWHERE = f"{os.devnull}/kinds.json"  # can't be written, which the client does not mind
GOOD, UNAUTHORIZED, FORBIDDEN = 200, 401, 403
NOT_FOUND, CONFLICT = 404, 409


class ClusterError(Exception):
    """The cluster refused or did not answer; says which and what to do next. C(final): asking again is in vain."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__(message)


class Unknown(ClusterError):
    """The cluster has no such kind, yet."""


class Forbidden(ClusterError):
    """Whoever asks may not do that."""


class Overtaken(ClusterError):
    """Somebody else made, changed or removed the object meanwhile: read it again."""


class Cluster:
    """One API server. Threads may share it."""

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        self.named = kubeconfig or "the default kubeconfig"
        self._discovery = threading.Lock()  # the client's list of kinds is not made for threads
        settings = client.Configuration()
        try:
            config.load_kube_config(config_file=kubeconfig, context=context, client_configuration=settings)
        except (config.ConfigException, OSError) as error:
            raise ClusterError(
                f"{self.named} can't be used: {error}. Name another one with kubeconfig, or in K8S_AUTH_KUBECONFIG."
            ) from error
        settings.retries = False
        settings.connection_pool_maxsize = 32
        self._api = client.ApiClient(settings)
        self.server = str(settings.host)
        try:
            # What the client learns is not kept: its shared place may tell of an earlier cluster at this address.
            self._dynamic = dynamic.DynamicClient(self._api, cache_file=NOWHERE)
        except (ApiException, HTTPError) as error:
            raise self.trouble(error, "ask it for its version") from error

    def version(self) -> tuple[int, int]:
        """Major and minor version of its Kubernetes."""
        found = self._dynamic.version["kubernetes"]
        minor = "".join(each for each in found["minor"] if each.isdigit())  # some providers say "34+"
        return int(found["major"]), int(minor)

    def find(
        self, api_version: str, kind: str, namespace: str = "", fields: str = "", labels: str = ""
    ) -> tuple[str, list[Object]]:
        """The resource version of a list, and its objects. Raises Unknown while the cluster has no such kind."""
        what = f"list {kind}s{f' in {namespace}' if namespace else ''}"
        chosen = {"namespace": namespace or None, "field_selector": fields or None, "label_selector": labels or None}
        try:
            found = self.resource(api_version, kind).get(**chosen, _request_timeout=(CONNECT, READ)).to_dict()
        except (ApiException, HTTPError) as error:
            raise self.trouble(error, what) from error
        items = [{"apiVersion": api_version, "kind": kind, **item} for item in found["items"]]
        return str(found["metadata"]["resourceVersion"]), items

    def changes(
        self, api_version: str, kind: str, namespace: str, fields: str, *, since: str, seconds: int
    ) -> Iterator[tuple[str, Object]]:
        """What happens to objects after a resource version: ADDED, MODIFIED or DELETED, and the object."""
        try:
            stream = self.resource(api_version, kind).get(
                namespace=namespace or None,
                field_selector=fields or None,
                resource_version=since,
                watch="true",
                timeout_seconds=seconds,
                _request_timeout=(CONNECT, seconds + CONNECT),
                serialize=False,
            )
        except (ApiException, HTTPError) as error:
            raise self.trouble(error, f"watch {kind}s") from error
        try:
            for line in stream:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return  # most often: the version is too old
                yield event["type"], event["object"]
        except HTTPError as error:
            raise self.trouble(error, f"watch {kind}s") from error
        finally:
            stream.close()
            stream.release_conn()

    def log(self, pod: Object, container: str, *, previous: bool, lines: int) -> list[str]:
        """The last lines that a container printed; none when there is no log."""
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
        query = [("container", container), ("tailLines", lines), ("previous", str(previous).lower())]
        try:
            status, text = self._ask(path, query)
        except ClusterError:
            return []
        return text.splitlines() if status == GOOD else []

    def through_service(self, namespace: str, service: str, port: str, path: str, scheme: str) -> tuple[int, str]:
        """GET through the API server's proxy: status and body of the answer."""
        prefix = "" if scheme == "http" else f"{scheme}:"
        target = f"/api/v1/namespaces/{namespace}/services/{prefix}{service}:{port}/proxy/{path.lstrip('/')}"
        return self._ask(target, [])

    def _ask(self, path: str, query: list[tuple[str, Any]]) -> tuple[int, str]:
        headers = {"Accept": "*/*"}
        try:
            # The dynamic client's: that of ApiClient takes other arguments in version 37 than in 35.
            answer = self._dynamic.request(
                "GET",
                path,
                query_params=query,
                header_params=headers,
                serialize=False,
                _request_timeout=(CONNECT, READ),
            )
        except ApiException as error:
            if error.status is None:
                raise self.trouble(error, f"GET {path}") from error
            return int(error.status), str(error.body or "")
        except HTTPError as error:
            raise self.trouble(error, f"GET {path}") from error
        return int(answer.status), answer.data.decode("utf-8", "replace")

    def resource(self, api_version: str, kind: str) -> Any:
        """The dynamic client's resource. Raises Unknown while the cluster has no such kind."""
        try:
            with self._discovery:
                return self._dynamic.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError as error:
            raise Unknown(f"the cluster has no kind {kind} of {api_version} yet") from error

    def trouble(self, error: Exception, what: str) -> ClusterError:
        """In words: nobody there, not let in, not allowed (which verb on which resource), or what the server says."""
        status = getattr(error, "status", None)
        if status is None:
            return ClusterError(
                f"the cluster at {self.server} does not answer ({_root(error)}). Is it running, and can it be reached?"
            )
        if status == UNAUTHORIZED:
            return ClusterError(
                f"the cluster at {self.server} does not know who {self.named} is: log in again.", final=True
            )
        says = _message(getattr(error, "body", None)) or str(getattr(error, "reason", error))
        if status == FORBIDDEN:
            return Forbidden(f"not allowed to {what}: {says}. Ask for that verb on that resource.", final=True)
        return ClusterError(f"could not {what}: {says} ({status})")

    def read(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object; None when it does not exist."""
        what = f"get {kind} {f'{namespace}/' if namespace else ''}{name}"
        return self._one("get", self.resource(api_version, kind), what, name=name, namespace=namespace or None)

    def create(self, wanted: Object) -> Object:
        """Make an object. Raises Overtaken when there is one of that name."""
        return self._write("create", wanted, body=wanted, field_manager=MANAGER)

    def replace(self, wanted: Object) -> Object:
        """Write an object over the one that was read. Raises Overtaken when that is not what is there any more."""
        return self._write("replace", wanted, body=wanted, name=wanted["metadata"]["name"], field_manager=MANAGER)

    def delete(self, found: Object) -> None:
        """Remove the object that was read. Raises Overtaken when that is not what is there any more."""
        metadata = found["metadata"]
        same = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        self._write("delete", found, body={"preconditions": same}, name=metadata["name"])

    def _write(self, verb: str, wanted: Object, **arguments: Any) -> Object:
        kind, metadata = wanted["kind"], wanted["metadata"]
        namespace = metadata.get("namespace")
        what = f"{verb} {kind} {f'{namespace}/' if namespace else ''}{metadata['name']}"
        resource = self.resource(wanted["apiVersion"], kind)
        answer = self._one(verb, resource, what, namespace=namespace, **arguments)
        if answer is None and verb == "create":
            raise ClusterError(f"could not {what}: namespace {namespace} does not exist. Make it first.", final=True)
        if answer is None and verb == "replace":
            raise Overtaken(f"could not {what}: it was removed meanwhile ({NOT_FOUND})")
        return answer or {}

    def _one(self, verb: str, resource: Any, what: str, **arguments: Any) -> Object | None:
        try:
            answer = getattr(resource, verb)(**arguments, serialize=False, _request_timeout=(CONNECT, READ))
        except (ApiException, HTTPError) as error:
            status = getattr(error, "status", None)
            if status == NOT_FOUND:
                return None
            trouble = self.trouble(error, what)
            raise Overtaken(str(trouble)) if status == CONFLICT else trouble from error
        found: Object = json.loads(answer.data)
        return found


def _message(body: Any) -> str:
    """The text of a Status object."""
    try:
        parsed = json.loads(body)
    except (TypeError, ValueError):
        return ""
    return str(parsed.get("message", "")) if isinstance(parsed, Mapping) else ""


def _root(error: BaseException) -> str:
    """The last cause: "Connection refused" rather than what three libraries made of it."""
    reason = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    return str(error).rpartition(": ")[2] or type(error).__name__
