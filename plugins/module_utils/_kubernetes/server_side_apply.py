# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply of declared objects, and their removal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from .change import differences, meant, shown
from .cluster import CONFLICT, CONNECT, NOT_FOUND, READ, Cluster, ClusterError, Overtaken, Unknown
from .manifests import FINGERPRINT, MANAGER, Declared
from .pod_secrets import WORKLOADS, marked
from .standing import Object

try:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError
except ImportError:
    pass  # cluster.py says so

CONCURRENCY = 8
PAUSE = 0.5  # seconds between two tries
INVALID, INTERNAL = 422, 500
PATCH = "application/apply-patch+yaml"


class Later(ClusterError):
    """It may work in a moment: a webhook or a kind that is just being installed, a namespace that is just leaving."""


@dataclass(frozen=True)
class Outcome:
    """What happened to one object, or would."""

    declared: Declared
    action: str  # created, updated, unchanged, deleted
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    validated: bool = True


@dataclass(frozen=True)
class Rules:
    """How it is done."""

    check_mode: bool = False
    force_conflicts: bool = False
    retry: float = 60.0  # seconds
    timeout: float = 120.0  # seconds until a removed object is gone
    roll_on_secrets: bool = False


class Apply:
    """Applies or removes a list. C(outcomes) holds what was done so far, also after an error."""

    def __init__(self, cluster: Cluster, rules: Rules) -> None:
        self.cluster = cluster
        self.rules = rules
        self.outcomes: list[Outcome] = []

    def carries(self, anchor: Declared, fingerprint: str) -> bool:
        """Whether the cluster has the anchor with this fingerprint: the whole list was applied then."""
        try:
            found = self._found(anchor)
        except Unknown:
            return False
        annotations = found["metadata"].get("annotations") or {} if found else {}
        return bool(annotations.get(FINGERPRINT) == fingerprint)

    def namespace(self, body: Object) -> None:
        """Make a namespace that is not there; one that is there is left as it is."""
        if self.cluster.read("v1", "Namespace", body["metadata"]["name"]) is not None:
            return
        if not self.rules.check_mode:
            try:
                self.cluster.create(body)
            except Overtaken:
                return  # somebody else has just made it
        self.outcomes.append(Outcome(Declared(body), "created", after={"": body}))

    def apply(self, objects: Sequence[Declared]) -> None:
        """Apply them rank by rank, those of a rank at the same time. Raises ClusterError for all that failed."""
        self._ranks(objects, self._applied)

    def remove(self, objects: Sequence[Declared]) -> None:
        """Remove them, last ranks first, and wait until each is gone."""
        self._ranks(list(reversed(objects)), self._removed)

    def _ranks(self, objects: Sequence[Declared], work: Callable[[Declared], Outcome]) -> None:
        for _rank, group in groupby(objects, key=lambda each: each.rank):
            failed = []
            with ThreadPoolExecutor(CONCURRENCY) as pool:
                for future in [pool.submit(work, each) for each in group]:
                    try:
                        self.outcomes.append(future.result())
                    except ClusterError as error:
                        failed.append(error)
            if failed:
                raise ClusterError("\n".join(dict.fromkeys(str(error) for error in failed)))

    def _applied(self, declared: Declared) -> Outcome:
        deadline = time.monotonic() + (0 if self.rules.check_mode else self.rules.retry)
        while True:
            try:
                return self._once(declared)
            except (Later, Unknown) as error:
                if time.monotonic() >= deadline:
                    raise ClusterError(
                        f"{declared}: {error}. Tried for {self.rules.retry:.0f} s." + _next_step(error)
                    ) from error
            time.sleep(PAUSE)

    def _once(self, declared: Declared) -> Outcome:
        try:
            kind = self.cluster.resource(declared.api_version, declared.kind)
        except Unknown:
            if self.rules.check_mode:
                return Outcome(declared, "created", after={"": declared.body}, validated=False)
            raise
        declared = self._marked(_placed(declared, bool(kind.namespaced)))
        before = self._found(declared)
        try:
            after = json.loads(
                kind.patch(
                    body=declared.body,
                    name=declared.name,
                    namespace=declared.namespace or None,
                    content_type=PATCH,
                    field_manager=MANAGER,
                    force_conflicts="true" if self.rules.force_conflicts else None,
                    dry_run="All" if self.rules.check_mode else None,
                    serialize=False,
                    _request_timeout=(CONNECT, READ),
                ).data
            )
        except (ApiException, HTTPError) as error:
            if self.rules.check_mode and before is None and _not_yet(error):
                return Outcome(declared, "created", after={"": declared.body}, validated=False)
            raise self._refusal(error, declared) from error
        return self._compared(declared, before, after)

    def _marked(self, declared: Declared) -> Declared:
        if not (self.rules.roll_on_secrets and declared.kind in WORKLOADS):
            return declared

        def read(name: str) -> Object | None:
            return self.cluster.read("v1", "Secret", name, declared.namespace)

        return replace(declared, body=marked(declared.body, read))

    def _compared(self, declared: Declared, before: Object | None, after: Object) -> Outcome:
        if before is None:
            return Outcome(declared, "created", after={"": declared.body})
        found = list(differences(meant(before), meant(after)))
        same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
        # A dry run keeps the version. A controller may write between the two requests: that is not our change.
        if not found or (same and not self.rules.check_mode):
            return Outcome(declared, "unchanged")
        return Outcome(
            declared,
            "updated",
            {path: shown(old) for path, old, new in found},
            {path: shown(new) for path, old, new in found},
        )

    def _removed(self, declared: Declared) -> Outcome:
        try:
            kind = self.cluster.resource(declared.api_version, declared.kind)
        except Unknown:
            return Outcome(declared, "unchanged")
        declared = _placed(declared, bool(kind.namespaced))
        if self._found(declared) is None:
            return Outcome(declared, "unchanged")
        if not self.rules.check_mode:
            try:
                kind.delete(
                    name=declared.name,
                    namespace=declared.namespace or None,
                    body={"propagationPolicy": "Foreground"},
                    _request_timeout=(CONNECT, READ),
                )
            except (ApiException, HTTPError) as error:
                if getattr(error, "status", None) != NOT_FOUND:
                    raise self.cluster.trouble(error, f"delete {declared}") from error
            self._gone(declared)
        return Outcome(declared, "deleted", {"": declared.body})

    def _gone(self, declared: Declared) -> None:
        deadline = time.monotonic() + self.rules.timeout
        while (found := self._found(declared)) is not None:
            if time.monotonic() >= deadline:
                held = ", ".join(found["metadata"].get("finalizers") or []) or "nothing that it names"
                raise ClusterError(
                    f"{declared}: still there after {self.rules.timeout:.0f} s, held by {held}. "
                    "Look whether what removes that finalizer runs."
                )
            time.sleep(PAUSE)

    def _found(self, declared: Declared) -> Object | None:
        return self.cluster.read(declared.api_version, declared.kind, declared.name, declared.namespace)

    def _refusal(self, error: Exception, declared: Declared) -> ClusterError:
        trouble = self.cluster.trouble(error, f"apply {declared}")
        status, text = getattr(error, "status", None), str(trouble)
        if status == INTERNAL and "failed calling webhook" in text:
            return Later(text)
        if status == NOT_FOUND or "is being terminated" in text:
            return Later(text)
        if status == CONFLICT:
            return ClusterError(
                f"{text}. Somebody else keeps that field: leave it out, or take it over with force_conflicts."
            )
        if status == INVALID and "immutable" in text:
            return ClusterError(f"{text}. That field can't be changed: remove the object first, or leave it as it was.")
        return trouble


def _placed(declared: Declared, namespaced: bool) -> Declared:
    """A kind without namespaces takes none."""
    if namespaced or not declared.namespace:
        return declared
    metadata = {name: value for name, value in declared.body["metadata"].items() if name != "namespace"}
    return replace(declared, body={**declared.body, "metadata": metadata})


def _not_yet(error: Exception) -> bool:
    """The namespace is not there, or a webhook that is about to be installed does not answer."""
    return getattr(error, "status", None) in (NOT_FOUND, INTERNAL)


def _next_step(error: ClusterError) -> str:
    if isinstance(error, Unknown):
        return " Install what brings that kind first (the wave operators does)."
    return " Look whether what it names runs."


def in_namespace(objects: Sequence[Declared], namespace: str) -> Iterator[Declared]:
    """With the namespace for those that name none; one without namespaces loses it again when its kind is known."""
    for each in objects:
        if each.namespace or not namespace:
            yield each
        else:
            yield replace(each, body={**each.body, "metadata": {**each.body["metadata"], "namespace": namespace}})
