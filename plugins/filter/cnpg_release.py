# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cnpg_release
short_description: The release manifest of CloudNativePG's operator with settings of one's own
version_added: 1.0.0
description:
  - Returns the objects of the release as one C(List) in JSON, for O(tollgate.llm.kubernetes_objects#module:manifests).
  - The namespace itself is left out, M(tollgate.llm.kubernetes_objects) makes it.
positional: _input
options:
  _input:
    description: The text of the release manifest.
    type: str
    required: true
  namespace:
    description: The namespace, in place of C(cnpg-system).
    type: str
    default: cnpg-system
  resources:
    description: The resources of the operator's container.
    type: dict
    default: {}
  image:
    description: The operator's image, when it is not the release's own. Its databases run the same image's manager.
    type: str
    default: ""
  configuration:
    description: The operator's configuration, as values of the ConfigMap C(cnpg-controller-manager-config).
    type: dict
    default: {}
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Install the operator with more memory
  tollgate.llm.kubernetes_objects:
    component: cnpg-operator
    namespace: cnpg-system
    manifests: "{{ lookup('ansible.builtin.file', release) | tollgate.llm.cnpg_release(resources=more) }}"
  vars:
    more: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 1Gi}}
"""

RETURN = r"""
_value:
  description: The manifests.
  type: str
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

OWN_NAMESPACE = "cnpg-system"
NAME = "cnpg-controller-manager"
CONTAINER = "manager"
CONFIGURATION = "cnpg-controller-manager-config"
CHANGED = "tollgate.llm/configuration"


def release(
    text: str,
    namespace: str = OWN_NAMESPACE,
    resources: Mapping[str, Any] | None = None,
    image: str = "",
    configuration: Mapping[str, Any] | None = None,
) -> str:
    """The release's objects with these settings, as JSON."""
    documents = yaml.load_all(str(text), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = [body for body in documents if body and body["kind"] != "Namespace"]
    operator = next((body for body in found if _is_operator(body)), None)
    if operator is None:
        raise AnsibleFilterError(
            f"cnpg_release: there is no Deployment {NAME} in what should be the operator's release"
        )
    _set(operator, dict(resources or {}), image)
    if configuration:
        found.append(_configured(operator, {name: str(value) for name, value in configuration.items()}))
    items = [_moved(body, namespace) for body in found]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _is_operator(body: Mapping[str, Any]) -> bool:
    return bool(body["kind"] == "Deployment" and body["metadata"]["name"] == NAME)


def _set(operator: dict[str, Any], resources: dict[str, Any], image: str) -> None:
    container = next(each for each in operator["spec"]["template"]["spec"]["containers"] if each["name"] == CONTAINER)
    if resources:
        container["resources"] = resources
    if image:
        container["image"] = image
        for variable in container["env"]:
            if variable["name"] == "OPERATOR_IMAGE_NAME":  # what the init container of each instance takes
                variable["value"] = image


def _moved(value: Any, namespace: str) -> Any:
    """With another namespace, wherever the release names its own."""
    if isinstance(value, dict):
        return {name: _moved(inner, namespace) for name, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, namespace) for inner in value]
    return namespace if value == OWN_NAMESPACE else value


def _configured(operator: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    """The ConfigMap. The operator reads it when it starts, so its pods are new ones when it changes."""
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    operator["spec"]["template"]["metadata"].setdefault("annotations", {})[CHANGED] = digest[:16]
    metadata = {"name": CONFIGURATION, "namespace": OWN_NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        return {"cnpg_release": release}
