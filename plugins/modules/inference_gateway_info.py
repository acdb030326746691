#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: inference_gateway_info
short_description: What a cluster has of the Gateway API, and what may be installed beside it
version_added: 1.0.0
description:
  - Looks which CustomResourceDefinitions, GatewayClasses, Deployments and Secrets are there, in a few requests, and
    changes nothing.
  - It fails when something can't be used and must not be replaced, such as definitions that somebody else keeps.
options:
  releases:
    description:
      - Releases of definitions which are wanted. One that is there, complete, at this version or a later one, is kept,
        whoever installed it.
      - Older ones and incomplete ones are only to be replaced when they came from here. Definitions of another channel
        never are.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called in messages.
        type: str
        required: true
      annotation:
        description: The domain of the annotations C(bundle-version) and C(channel) on its definitions.
        type: str
        required: true
      version:
        description: The wanted version.
        type: str
        required: true
      channel:
        description: The wanted channel, if it has any.
        type: str
      definitions:
        description: The names of its definitions.
        type: list
        elements: str
        required: true
  manage:
    description: Whether definitions may be installed. Otherwise they all have to be there.
    type: bool
    default: true
  gateway_class:
    description: A GatewayClass that has to be there.
    type: str
    default: ""
  gateway:
    description: A Gateway whose address is asked for.
    type: dict
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      namespace:
        description: The namespace.
        type: str
        required: true
  deployments:
    description: Deployments that must not be somebody else's.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      namespace:
        description: The namespace.
        type: str
        required: true
  applied:
    description:
      - CustomResourceDefinitions and Deployments which say by their fingerprint that all that belongs to them was
        applied. See O(tollgate.llm.kubernetes_objects#module:anchor).
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: The kind.
        type: str
        choices: [CustomResourceDefinition, Deployment]
        required: true
      name:
        description: The name.
        type: str
        required: true
      namespace:
        description: The namespace of a Deployment.
        type: str
      fingerprint:
        description: The fingerprint.
        type: str
        required: true
      definitions:
        description: Definitions that have to be there too.
        type: list
        elements: str
        default: []
  secrets:
    description: Secrets to look for. Only whether they are there is read.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      namespace:
        description: The namespace.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    details: In a cluster that has no Gateway API yet no GatewayClass is missed.
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Look for the class
  tollgate.llm.inference_gateway_info:
    gateway_class: istio
"""

RETURN = r"""
install:
  description: The names of the releases that are to be installed.
  type: list
  elements: str
  returned: always
decisions:
  description: What is there of each release, in words.
  type: dict
  returned: always
  sample: {"Gateway API": "Gateway API v1.5.1 is there"}
applied:
  description: The names of those in O(applied) that have their fingerprint, and their definitions.
  type: list
  elements: str
  returned: always
incomplete:
  description: The names of those in O(applied) that have their fingerprint, but not all their definitions any more.
  type: list
  elements: str
  returned: always
classes:
  description: The GatewayClasses.
  type: list
  elements: str
  returned: always
address:
  description: The first address of O(gateway), empty when it has none.
  type: str
  returned: always
  sample: 10.96.12.7
secrets:
  description: Those of the named Secrets that are there, as namespace and name.
  type: list
  elements: str
  returned: always
  sample: [envoy-gateway-system/envoy-gateway]
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import (
    cluster,
    connection,
    definitions,
    manifests,
)
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require

NAMED: dict[str, Any] = {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}}
# Definitions are large and Secrets are secret: the API server leaves out all but their metadata.
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
UNCHANGED = "Nothing was changed."


class Look:
    """What the cluster has."""

    def __init__(self, asked: cluster.Cluster) -> None:
        self._cluster = asked

    def metadata(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> list[dict[str, Any]]:
        """The metadata of the objects of a kind; none when the cluster has no such kind."""
        try:
            resource = self._cluster.resource(api_version, kind)
        except cluster.Unknown:
            return []
        try:
            answer = resource.get(
                namespace=namespace or None,
                field_selector=f"metadata.name={name}" if name else None,
                header_params={"Accept": METADATA},
                serialize=False,
                _request_timeout=(cluster.CONNECT, cluster.READ),
            )
        except (cluster.ApiException, cluster.HTTPError) as error:
            raise self._cluster.trouble(error, f"list {kind}s{f' in {namespace}' if namespace else ''}") from error
        return [item["metadata"] for item in json.loads(answer.data)["items"] or []]

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether the cluster has this kind."""
        try:
            self._cluster.resource(api_version, kind)
        except cluster.Unknown:
            return False
        return True


def classes(look: Look, wanted: str, check_mode: bool) -> list[str]:
    version, kind = "gateway.networking.k8s.io/v1", "GatewayClass"
    found = sorted(item["name"] for item in look.metadata(version, kind))
    if not wanted or wanted in found:
        return found
    if not look.knows(version, kind):
        if check_mode:
            return []
        raise definitions.Refused(
            f"the cluster has no Gateway API, so there is no GatewayClass {wanted}. Run the wave operators first. "
            f"{UNCHANGED}"
        )
    there = f"there are {', '.join(found)}" if found else "there is none at all"
    raise definitions.Refused(
        f"there is no GatewayClass {wanted}; {there}. Name one in inference_gateway_class_name, or let Envoy Gateway "
        f"be installed (inference_gateway_install: envoy, wave operators). {UNCHANGED}"
    )


def address(asked: cluster.Cluster, gateway: dict[str, Any] | None) -> str:
    if not gateway:
        return ""
    try:
        found = asked.read("gateway.networking.k8s.io/v1", "Gateway", gateway["name"], gateway["namespace"])
    except cluster.Unknown:
        return ""
    addresses = ((found or {}).get("status") or {}).get("addresses") or []
    return str(addresses[0]["value"]) if addresses else ""


def fingerprinted(look: Look, there: dict[str, Any], options: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"applied": [], "incomplete": []}
    for each in options["applied"]:
        if each["kind"] == "Deployment":
            metadata = look.metadata("apps/v1", "Deployment", each["namespace"], each["name"])
        else:
            metadata = [there[each["name"]]] if each["name"] in there else []
        if any((item.get("annotations") or {}).get(manifests.FINGERPRINT) == each["fingerprint"] for item in metadata):
            found["applied" if set(each["definitions"]) <= set(there) else "incomplete"].append(each["name"])
    return found


def foreign(look: Look, options: dict[str, Any]) -> None:
    for each in options["deployments"]:
        for found in look.metadata("apps/v1", "Deployment", each["namespace"], each["name"]):
            keeper = (found.get("labels") or {}).get(definitions.MANAGED_BY) or "somebody else"
            if keeper != manifests.MANAGER:
                raise definitions.Refused(
                    f"Deployment {each['namespace']}/{each['name']} is there, kept by {keeper}. To use it, set "
                    f"inference_gateway_install: none and inference_gateway_class_name to its class. {UNCHANGED}"
                )


def work(options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = cluster.Cluster(options["kubeconfig"], options["context"])
    look = Look(asked)
    releases = [definitions.Release.of(each) for each in options["releases"]]
    there = {}
    if releases or options["applied"]:
        listed = look.metadata("apiextensions.k8s.io/v1", "CustomResourceDefinition")
        there = {item["name"]: item for item in listed}
    decisions = {each.name: definitions.decide(each, there, options["manage"]) for each in releases}
    foreign(look, options)
    return {
        "install": [name for name, decision in decisions.items() if decision.install],
        "decisions": {name: decision.why for name, decision in decisions.items()},
        **fingerprinted(look, there, options),
        "classes": classes(look, options["gateway_class"], check_mode),
        "address": address(asked, options["gateway"]),
        "secrets": [
            f"{each['namespace']}/{each['name']}"
            for each in options["secrets"]
            if look.metadata("v1", "Secret", each["namespace"], each["name"])
        ],
    }


def main() -> None:
    release = {
        "name": {"type": "str", "required": True},
        "annotation": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "channel": {"type": "str"},
        "definitions": {"type": "list", "elements": "str", "required": True},
    }
    anchor = {
        "kind": {"type": "str", "choices": ["CustomResourceDefinition", "Deployment"], "required": True},
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "fingerprint": {"type": "str", "required": True},
        "definitions": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "releases": {"type": "list", "elements": "dict", "default": [], "options": release},
            "manage": {"type": "bool", "default": True},
            "gateway_class": {"type": "str", "default": ""},
            "gateway": {"type": "dict", "options": NAMED},
            "applied": {"type": "list", "elements": "dict", "default": [], "options": anchor},
            "deployments": {"type": "list", "elements": "dict", "default": [], "options": NAMED},
            "secrets": {"type": "list", "elements": "dict", "default": [], "options": NAMED, "no_log": False},
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    try:
        found = work(module.params, module.check_mode)
    except (definitions.Refused, cluster.ClusterError) as error:
        module.fail_json(msg=f"inference gateway: {error}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
