# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared objects: what a list of manifests says, checked and labelled before anything is sent."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .standing import Object

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

MANAGER = "tollgate"
FINGERPRINT = "tollgate.llm/fingerprint"
FINGERPRINTED = ("CustomResourceDefinition", "Deployment", "Job")

# What others need comes first. Webhooks come last: they would refuse what comes before their Deployment serves. So do
# pools: Envoy AI Gateway 1.0 looks at a pool without a route, then at the route, and loses its own second answer by a
# conflict ("the object has been modified"), after which no gateway ever says anything of that pool.
RANKS = (
    ("Namespace",),
    ("CustomResourceDefinition",),
    (
        "ServiceAccount",
        "ClusterRole",
        "Role",
        "ClusterRoleBinding",
        "RoleBinding",
        "ConfigMap",
        "PersistentVolumeClaim",
    ),
    ("Service", "StorageClass", "PriorityClass", "IngressClass", "ValidatingAdmissionPolicy"),
)
LAST = (
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicyBinding",
    "InferencePool",
)


def namespace_object(name: str, level: str = "restricted", part_of: str = "tollgate") -> Object:
    """A namespace as Tollgate makes it: with a Pod Security level, and a label that says whose it is."""
    labels = {
        "app.kubernetes.io/managed-by": MANAGER,
        "app.kubernetes.io/part-of": part_of,
        "pod-security.kubernetes.io/enforce": level,
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


class Refused(Exception):
    """A list of manifests that can't be applied; nothing was sent."""


@dataclass(frozen=True)
class Declared:
    """One object as it is declared."""

    body: Object
    last: bool = False  # it says, by its fingerprint, that all others were applied

    @property
    def api_version(self) -> str:
        return str(self.body["apiVersion"])

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"].get("namespace") or "")

    @property
    def rank(self) -> int:
        """When it is applied."""
        if self.last:
            return len(RANKS) + 2
        if self.kind in LAST:
            return len(RANKS) + 1
        return next((place for place, kinds in enumerate(RANKS) if self.kind in kinds), len(RANKS))

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Anchor:
    """The object whose fingerprint stands for the whole list."""

    kind: str
    name: str


@dataclass(frozen=True)
class Marks:
    """What every object of a component carries."""

    component: str
    part_of: str
    fingerprint: str = ""
    anchor: Anchor | None = None

    def ends(self, body: Object) -> bool:
        """Whether it is the object to be applied last."""
        return self.anchor is not None and self.anchor == Anchor(body["kind"], body["metadata"]["name"])

    def on(self, body: Object) -> Object:
        """The object with them. Labels of its own win, except the one that says whose it is."""
        metadata = dict(body["metadata"])
        metadata["labels"] = {
            "app.kubernetes.io/component": self.component,
            "app.kubernetes.io/part-of": self.part_of,
            **(metadata.get("labels") or {}),
            "app.kubernetes.io/managed-by": MANAGER,
        }
        if self.fingerprint and body["kind"] in FINGERPRINTED:
            metadata["annotations"] = {**(metadata.get("annotations") or {}), FINGERPRINT: self.fingerprint}
        return {**body, "metadata": metadata}


def declared(manifests: str, files: Sequence[str], marks: Marks) -> list[Declared]:
    """All objects, in the order in which they are applied. Raises Refused with everything that is wrong."""
    found: list[Declared] = []
    problems: list[str] = []
    for source, text in _texts(manifests, files):
        try:
            documents = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        except yaml.YAMLError as error:
            problems.append(f"{source}: no YAML: {error}")
            continue
        for number, body in enumerate(_flat(documents), 1):
            problem = _problem(body)
            if problem:
                problems.append(f"{source}, document {number}: {problem}")
            else:
                found.append(Declared(marks.on(body), marks.ends(body)))
    problems += _twice(found)
    if marks.anchor and not any(each.last for each in found):
        problems.append(f"anchor: there is no {marks.anchor.kind} {marks.anchor.name} in the list")
    if problems:
        raise Refused("\n".join(problems) + "\nNothing was changed.")
    return sorted(found, key=lambda each: each.rank)


def _texts(manifests: str, files: Sequence[str]) -> Iterator[tuple[str, str]]:
    if manifests.strip():
        yield "manifests", manifests
    for name in files:
        try:
            yield name, Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise Refused(f"{name}: {error.strerror}. Nothing was changed.") from error


def _flat(documents: Iterable[Any]) -> Iterator[Any]:
    """Without empty documents, and with the items of lists."""
    for body in documents:
        if isinstance(body, Mapping) and str(body.get("kind", "")).endswith("List") and "items" in body:
            yield from body["items"]
        elif body is not None:
            yield body


def _problem(body: Any) -> str:
    if not isinstance(body, Mapping):
        return f"this is no object: {str(body)[:80]!r}"
    missing = [name for name in ("apiVersion", "kind") if not isinstance(body.get(name), str)]
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        missing.append("metadata.name")
    if missing:
        return f"{body.get('kind', 'an object')} without {' and '.join(missing)}"
    if body["kind"] == "Secret":
        return f"Secret {metadata['name']}: a secret is no manifest, use kubernetes_secret"
    return ""


def _twice(found: Sequence[Declared]) -> list[str]:
    seen: dict[tuple[str, str], int] = {}
    for each in found:
        key = (each.api_version.partition("/")[0], str(each))
        seen[key] = seen.get(key, 0) + 1
    return [f"{name} is declared {times} times" for (group, name), times in seen.items() if times > 1]
