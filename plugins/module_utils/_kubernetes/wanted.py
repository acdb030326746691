# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gate waits for: which object, and how it has to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .readiness import readiness
from .standing import Object, Standing, current, has, met, pending, status, worst

# Kinds that can be named without their API version.
VERSIONS = {
    "APIService": "apiregistration.k8s.io/v1",
    "Backup": "postgresql.cnpg.io/v1",
    "Cluster": "postgresql.cnpg.io/v1",
    "ClusterSecretStore": "external-secrets.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "ExternalSecret": "external-secrets.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "GatewayClass": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "InferencePool": "inference.networking.k8s.io/v1",
    "Job": "batch/v1",
    "Pooler": "postgresql.cnpg.io/v1",
    "SealedSecret": "bitnami.com/v1alpha1",
    "SecretStore": "external-secrets.io/v1",
    "StatefulSet": "apps/v1",
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "kind": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "api_version": {"type": "str"},
    "state": {"type": "str", "choices": ["ready", "present", "absent"], "default": "ready"},
    "conditions": {"type": "dict"},
    "phase": {"type": "str"},
    "fields": {"type": "dict"},
    "keys": {"type": "list", "elements": "str", "no_log": False},
}


@dataclass(frozen=True)
class Wanted:
    """One object, and how it has to be. Without conditions, phase, fields or keys the rule of its kind decides."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = "v1"
    state: str = "ready"
    conditions: Mapping[str, str] = field(default_factory=dict)
    phase: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Wanted:
        """From the module's options."""
        return cls(
            kind=options["kind"],
            name=options["name"],
            namespace=options["namespace"] or "",
            api_version=options["api_version"] or VERSIONS.get(options["kind"], "v1"),
            state=options["state"],
            conditions={kind: str(value) for kind, value in (options["conditions"] or {}).items()},
            phase=options["phase"] or "",
            fields=options["fields"] or {},
            keys=tuple(options.get("keys") or ()),
        )

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name}{where}"

    def standing(self, found: Object | None) -> Standing:
        """Where the object stands; None is an object that is not there."""
        if self.state == "absent":
            return _removed(found)
        if found is None:
            return pending("it does not exist")
        if found["metadata"].get("deletionTimestamp"):
            return pending("it is being removed")
        return met("it is there") if self.state == "present" else self._ready(found)

    def _ready(self, found: Object) -> Standing:
        own = [*self._conditions(found), *self._phase(found), *self._fields(found), *self._keys(found)]
        if not own:
            return readiness(found)
        if not current(found):
            return pending("its controller has not seen the last change yet")
        return worst(own)

    def _conditions(self, found: Object) -> list[Standing]:
        return [has(found, status(found), kind, value) for kind, value in self.conditions.items()]

    def _phase(self, found: Object) -> list[Standing]:
        if not self.phase:
            return []
        phase = status(found).get("phase") or "not set"
        return [met(phase) if phase == self.phase else pending(f"its phase is {phase}")]

    def _keys(self, found: Object) -> list[Standing]:
        if not self.keys:
            return []
        lacking = [key for key in self.keys if not (found.get("data") or {}).get(key)]
        return [pending(f"it has no key {', '.join(lacking)}") if lacking else met(f"it has {', '.join(self.keys)}")]

    def _fields(self, found: Object) -> list[Standing]:
        standings = []
        for path, wanted in self.fields.items():
            value = value_at(found, path)
            same = _same(value, wanted)
            if self.kind == "Secret":
                standings.append(met(f"{path} is right") if same else pending(f"{path} is not as wanted"))
                continue
            says = f"{path} is {'not set' if value is None else value}"
            standings.append(met(says) if same else pending(f"{says}, not {wanted}"))
        return standings


def _removed(found: Object | None) -> Standing:
    if found is None:
        return met("it is gone")
    if not found["metadata"].get("deletionTimestamp"):
        return pending("it is there, and nobody has removed it")
    finalizers = ", ".join(found["metadata"].get("finalizers") or [])
    return pending(f"it is being removed{f', and waits for {finalizers}' if finalizers else ''}")


def value_at(found: Any, path: str) -> Any:
    """What lies at a path such as `status.parents[0].controllerName`; None when nothing does."""
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            index = int(part.strip("[]"))
            found = found[index] if isinstance(found, list) and index < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return found


def _same(value: Any, wanted: Any) -> bool:
    """Templates make text of numbers, so text decides where the types differ."""
    return bool(value == wanted) or (value is not None and str(value).lower() == str(wanted).lower())
