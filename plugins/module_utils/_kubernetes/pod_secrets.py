# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods read a Secret when they start. A digest of what they read, in their template, makes a new value replace them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from .standing import Object

ANNOTATION = "tollgate.llm/secrets"
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet")
DIGITS = 12  # of a SHA-256, as in all fingerprints
ALL = ""  # every key


def references(pod: Object) -> set[tuple[str, str]]:
    """Which Secrets a pod's specification reads, and which key of each; C(ALL) is the whole Secret."""
    return set(_references(pod))


def _references(pod: Object) -> Iterator[tuple[str, str]]:
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        for variable in container.get("env") or []:
            if one := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                yield one["name"], one["key"]
        for source in container.get("envFrom") or []:
            if one := source.get("secretRef"):
                yield one["name"], ALL
    for volume in pod.get("volumes") or []:
        if one := volume.get("secret"):
            yield one["secretName"], ALL
        for source in (volume.get("projected") or {}).get("sources") or []:
            if one := source.get("secret"):
                yield one["name"], ALL


def digest(pod: Object, read: Callable[[str], Object | None]) -> str:
    """Of the values that a pod's specification reads, none of which can be told from it; empty when it reads none.

    C(read) returns a Secret by its name. One that is not there counts as empty: the pods wait for it.
    """
    wanted = references(pod)
    values: dict[str, Any] = {}
    for name in sorted({secret for secret, _key in wanted}):
        data = (read(name) or {}).get("data") or {}
        keys = {key for secret, key in wanted if secret == name}
        values[name] = data if ALL in keys else {key: data.get(key) for key in sorted(keys)}
    if not values:
        return ""
    return f"sha256:{hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:DIGITS]}"


def marked(body: Object, read: Callable[[str], Object | None]) -> Object:
    """A workload with that digest in its pods' template."""
    template = body["spec"]["template"]
    found = digest(template.get("spec") or {}, read)
    if not found:
        return body
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), ANNOTATION: found}
    return {
        **body,
        "spec": {**body["spec"], "template": {**template, "metadata": {**metadata, "annotations": annotations}}},
    }
