# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server's rules for Secrets and namespaces, in memory: for counting requests, and for failures on demand.

What the real one does is asked in `tests/cluster/checks/test_secrets.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.cluster import ClusterError, Overtaken

Object = dict[str, Any]


def nothing(request: str) -> None:
    """What happens before a request, unless a test says otherwise."""


class MemoryCluster:
    """Objects by kind, namespace and name."""

    def __init__(self, *namespaces: str) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.requests: list[str] = []
        self.before: Callable[[str], None] = nothing
        self._version = 0
        self._lock = threading.Lock()
        for name in namespaces:
            self.put({"kind": "Namespace", "metadata": {"name": name}})

    @property
    def writes(self) -> list[str]:
        """The requests that write."""
        return [request for request in self.requests if not request.startswith("read")]

    def put(self, wanted: Object) -> Object:
        """Write as somebody else does, without counting."""
        self._version += 1
        metadata = wanted["metadata"]
        made = deepcopy(wanted)
        made["metadata"] = {"uid": f"u{self._version}", **metadata, "resourceVersion": str(self._version)}
        self.objects[_place(made)] = made
        return deepcopy(made)

    def secret(self, namespace: str, name: str) -> Object:
        """One Secret."""
        return self.objects["Secret", namespace, name]

    def resource(self, api_version: str, kind: str) -> Any:
        """Nothing is asked of it."""

    def read(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """As the real one."""
        assert api_version == "v1"
        self._ask("read", kind, namespace, name)
        with self._lock:
            return deepcopy(self.objects.get((kind, namespace, name)))

    def create(self, wanted: Object) -> Object:
        """As the real one."""
        self._ask("create", *_place(wanted))
        with self._lock:
            if _place(wanted) in self.objects:
                raise Overtaken("already exists (409)")
            namespace = wanted["metadata"].get("namespace")
            if namespace and ("Namespace", "", namespace) not in self.objects:
                raise ClusterError(f'namespaces "{namespace}" not found (404)', final=True)
            return self.put(wanted)

    def replace(self, wanted: Object) -> Object:
        """As the real one: nobody overtook, and what is immutable stays."""
        self._ask("replace", *_place(wanted))
        with self._lock:
            found = self._same(wanted)
            if found.get("immutable") and (not wanted.get("immutable") or wanted["data"] != found["data"]):
                raise ClusterError("data: Forbidden: field is immutable when `immutable` is set (422)")
            return self.put(wanted)

    def delete(self, found: Object) -> None:
        """As the real one."""
        self._ask("delete", *_place(found))
        with self._lock:
            self._same(found)
            del self.objects[_place(found)]

    def _same(self, wanted: Object) -> Object:
        found = self.objects.get(_place(wanted))
        if found is None or found["metadata"]["resourceVersion"] != wanted["metadata"]["resourceVersion"]:
            raise Overtaken("the object has been modified (409)")
        return found

    def _ask(self, verb: str, kind: str, namespace: str, name: str) -> None:
        request = f"{verb} {kind} {namespace}/{name}" if namespace else f"{verb} {kind} {name}"
        self.requests.append(request)
        self.before(request)


def _place(wanted: Object) -> tuple[str, str, str]:
    return wanted["kind"], wanted["metadata"].get("namespace", ""), wanted["metadata"]["name"]
