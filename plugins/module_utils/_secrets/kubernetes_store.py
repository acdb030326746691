# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets as Kubernetes Secrets: one for each, in one namespace, with the value under the key `value`.

Annotations note the mode and the value's fingerprint. They are written in one request with the value, so a killed run
leaves nothing half done. A write-once Secret is immutable: the API server itself keeps it from being changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

from .._kubernetes.cluster import ClusterError, Overtaken
from .fingerprint import fingerprint
from .namespaces import make_namespaces, missing_namespaces
from .secret_object import (
    LABELS,
    Object,
    Server,
    annotations_of,
    blank,
    data_of,
    encoded,
    failure,
    is_immutable,
    is_leaving,
    name_problem,
    namespace_problem,
    where,
)
from .side_by_side import side_by_side
from .store import Outcome, StoreError
from .value import LARGEST
from .write_once import Action, Holds, Mode, Observation, Place, Wanted, decide

VALUE, PREVIOUS = "value", "previous"
MODE, RECORD = "tollgate.llm/secret-mode", "tollgate.llm/fingerprint"
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{12}")
ROUNDS = 20
WORKERS = 16


class UnusableSecretError(Exception):
    """What lies under this name can't be one of the store's secrets."""


class KubernetesStore:
    """A namespace of Secrets.

    C(may_be_missing): a namespace that does not exist counts as an empty one. C(make_namespace): it is made when the
    first secret is written.
    """

    def __init__(
        self, cluster: Server, namespace: str, *, may_be_missing: bool = False, make_namespace: bool = False
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.may_be_missing = may_be_missing
        self.make_namespace = make_namespace
        self._missing: list[str] = []

    def place(self, name: str) -> Place:
        own = f"kubectl -n {self.namespace}"
        return Place(
            where(self.namespace, name),
            f"Put the old value back: {own} delete secret {name}, then declare it once with value_file",
            f"{own} annotate secret {name} {RECORD}-",
        )

    def location(self, name: str) -> dict[str, str]:
        return {"resource": where(self.namespace, name)}

    def problems(self) -> list[str]:
        problem = namespace_problem(self.namespace)
        if problem:
            return [f"{problem}."]
        missing, problems = missing_namespaces(self.cluster, [self.namespace])
        if missing and not self.may_be_missing and not self.make_namespace:
            problems.append(
                f"namespace {self.namespace} does not exist. Make it (kubectl create namespace {self.namespace}), "
                "or set make_namespace: true."
            )
        self._missing = missing
        return problems

    def observe(self, names: Sequence[str]) -> dict[str, Observation]:
        if not names:
            return {}
        try:
            self.cluster.resource("v1", "Secret")  # asked for once, before the threads do
        except ClusterError as error:
            return {name: _obstacle(error) for name in names}
        with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
            return dict(zip(names, pool.map(lambda name: self._observe(name)[0], names), strict=True))

    def apply(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        """Side by side; when one fails, those that were not begun are left as they were."""
        try:
            made = bool(make_namespaces(self.cluster, self._missing))
        except ClusterError as error:
            raise StoreError(failure(error, [])) from None
        yield from side_by_side(wanted, self._make_true, WORKERS, changed=made)

    def _make_true(self, wanted: Wanted) -> Outcome:
        new = wanted.value
        if new is None and wanted.generate is not None:
            new = wanted.generate.new()
        for _round in range(ROUNDS):
            existing, found = self._observe(wanted.name)
            decision = decide(existing, wanted, self.place(wanted.name))
            if decision.action is Action.REFUSE:
                raise StoreError(f'secret "{wanted.name}": {decision.reason}.')
            try:
                self._write(decision.action, wanted, found, new)
            except Overtaken:
                continue  # somebody else was first: look again, and take theirs
            except ClusterError as error:
                said = failure(error, [value for value in (new, existing.value) if value])
                raise StoreError(f'secret "{wanted.name}": {said}') from None
            match decision.action:
                case Action.CREATE | Action.FILL | Action.REPLACE:
                    return Outcome(wanted, decision.action, new)
                case Action.REMOVE:
                    return Outcome(wanted, decision.action)
                case _:
                    return Outcome(wanted, decision.action, existing.value)
        raise StoreError(f"{where(self.namespace, wanted.name)} comes and goes: another program is changing it.")

    def _write(self, action: Action, wanted: Wanted, found: Object | None, new: str | None) -> None:
        match action:
            case Action.CREATE if new is not None:
                self.cluster.create(_holding(blank(self.namespace, wanted.name), wanted, new))
            case Action.FILL if new is not None and found is not None:
                self.cluster.replace(_holding(found, wanted, new))
            case Action.REPLACE if new is not None and found is not None:
                self._replace(found, _holding(found, wanted, new, data_of(found)[VALUE]))
            case Action.ADOPT if found is not None:
                self.cluster.replace(_holding(found, wanted, data_of(found)[VALUE].decode()))
            case Action.REMOVE if found is not None:
                self.cluster.delete(found)

    def _replace(self, found: Object, wanted: Object) -> None:
        if not is_immutable(found):
            self.cluster.replace(wanted)
            return
        # It was write-once. The new value is declared, so a kill between these two requests loses nothing.
        self.cluster.delete(found)
        metadata = wanted["metadata"]
        kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations")}
        try:
            self.cluster.create({**wanted, "metadata": kept})
        except ClusterError as error:
            if isinstance(error, Overtaken):
                raise
            place = where(metadata["namespace"], metadata["name"])
            said = failure(error, data_of(wanted).values())
            raise StoreError(f"{place} was removed, to be made again, but: {said}", changed=True) from None

    def _observe(self, name: str) -> tuple[Observation, Object | None]:
        try:
            found = self._read(name)
            return (Observation(), None) if found is None else (self._seen(name, found), found)
        except ClusterError as error:
            return _obstacle(error), None
        except UnusableSecretError as error:
            return Observation(obstacle=str(error)), None

    def _read(self, name: str) -> Object | None:
        problem = name_problem(name)
        if problem:
            raise UnusableSecretError(problem)
        return self.cluster.read("v1", "Secret", name, self.namespace)

    def _seen(self, name: str, found: Object) -> Observation:
        recorded, value = self._recorded(name, found), self._value(name, found)
        if not value:
            if is_immutable(found):
                raise UnusableSecretError(
                    f"{where(self.namespace, name)} is empty and immutable, so it can't be filled. "
                    f"Remove it: kubectl -n {self.namespace} delete secret {name}"
                )
            return Observation(Holds.EMPTY, recorded=recorded)
        if recorded == fingerprint(value) and not is_immutable(found):
            # Ours, and put back by somebody without that flag: to be adopted again, which sets it.
            return Observation(Holds.VALUE, value, unfinished=True)
        return Observation(Holds.VALUE, value, recorded)

    def _recorded(self, name: str, found: Object) -> str | None:
        """The fingerprint that was noted with a write-once value."""
        notes = annotations_of(found)
        if notes.get(MODE) != Mode.WRITE_ONCE.value or RECORD not in notes:
            return None
        if not FINGERPRINT.fullmatch(notes[RECORD]):
            raise UnusableSecretError(
                f"the annotation {RECORD} of {where(self.namespace, name)} is damaged. "
                f"If the value is right: {self.place(name).forget}"
            )
        return notes[RECORD]

    def _value(self, name: str, found: Object) -> str:
        place = where(self.namespace, name)
        if is_leaving(found):
            raise UnusableSecretError(f"{place} is being removed, and waits for a finalizer. Run again when it is gone")
        data = data_of(found)
        foreign = sorted(data.keys() - {VALUE, PREVIOUS})
        if VALUE not in data and foreign:
            raise UnusableSecretError(
                f"{place} has the keys {', '.join(foreign)} and no key {VALUE}: it was not made for this store. "
                "Choose another name or namespace"
            )
        value = data.get(VALUE, b"")
        if len(value) > LARGEST:
            raise UnusableSecretError(f"{place} has more than {LARGEST} bytes and can't be a secret")
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise UnusableSecretError(f"{place} is not UTF-8 text: store binary values encoded") from None


def _obstacle(error: ClusterError) -> Observation:
    return Observation(obstacle=str(error).rstrip("."))


def _holding(found: Object, wanted: Wanted, value: str, previous: bytes | None = None) -> Object:
    """The Secret with this value, and all else that lies in it."""
    once = wanted.mode is Mode.WRITE_ONCE
    secret = deepcopy(found)
    metadata = secret["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), **LABELS}
    notes = {MODE: wanted.mode.value, RECORD: fingerprint(value)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **notes}
    secret["data"] = {**(secret.get("data") or {}), VALUE: encoded(value)}
    if previous is not None:
        secret["data"][PREVIOUS] = encoded(previous)
    if once:
        secret["immutable"] = True
    else:
        secret.pop("immutable", None)
    return secret
