# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes Secrets as dictionaries: names, labels, values; and the namespaces that they lie in."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .._kubernetes.cluster import ClusterError

Object = dict[str, Any]

OPAQUE = "Opaque"
LABELS = {"app.kubernetes.io/managed-by": "tollgate", "app.kubernetes.io/part-of": "tollgate"}
# DNS subdomains: what the API server accepts as the name of a Secret, and, without dots, of a namespace.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")


class Server(Protocol):
    """What is asked of an API server; see `_kubernetes.cluster.Cluster`."""

    def resource(self, api_version: str, kind: str) -> Any: ...

    def read(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None: ...

    def create(self, wanted: Object) -> Object: ...

    def replace(self, wanted: Object) -> Object: ...

    def delete(self, found: Object) -> None: ...


def blank(namespace: str, name: str, kind: str = OPAQUE) -> Object:
    """A Secret without data."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(LABELS)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": {}}


def name_problem(name: str) -> str | None:
    """Why no Secret can have this name."""
    if NAME.fullmatch(name) and ".." not in name and not re.search(r"\.-|-\.", name):
        return None
    return "no Secret can have this name: it must consist of a-z, 0-9 and -, with no - at its ends"


def namespace_problem(name: str) -> str | None:
    """Why no namespace can have this name."""
    if NAMESPACE.fullmatch(name):
        return None
    return (
        f'no namespace can have the name "{name}": it must have 1 to 63 characters of a-z, 0-9 and -, '
        "and no - at its ends"
    )


def encoded(value: str | bytes) -> str:
    """A value as it stands in the object."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def data_of(found: Object) -> dict[str, bytes]:
    """The values by key."""
    return {key: _decoded(value) for key, value in (found.get("data") or {}).items()}


def _decoded(value: str | None) -> bytes:
    try:
        return base64.b64decode(value or "")
    except binascii.Error:
        return b""


def annotations_of(found: Object) -> Mapping[str, str]:
    """The annotations, none when there is no such field."""
    return found["metadata"].get("annotations") or {}


def labels_of(found: Object) -> Mapping[str, str]:
    """The labels, none when there is no such field."""
    return found["metadata"].get("labels") or {}


def is_immutable(found: Object) -> bool:
    """Does the API server refuse every change of its data?"""
    return bool(found.get("immutable"))


def is_leaving(found: Object) -> bool:
    """Has it been deleted, and waits for a finalizer?"""
    return bool(found["metadata"].get("deletionTimestamp"))


def where(namespace: str, name: str) -> str:
    """In words."""
    return f"Secret {namespace}/{name}"


def failure(error: ClusterError, values: Iterable[str | bytes]) -> str:
    """What the cluster said, and what to do. An admission webhook may repeat what it was sent: not in our message."""
    text = str(error)
    for value in values:
        plain = value if isinstance(value, str) else value.decode(errors="replace")
        for secret in (plain, encoded(value)):
            if secret:
                text = text.replace(secret, "********")
    text = text if text.endswith((".", "?")) else f"{text}."
    return text if error.final else f"{text} No secret was damaged; run again when that is cured."
