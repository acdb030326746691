#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_serving_certificate
short_description: Keep a certificate for a server inside a cluster
version_added: 1.0.0
description:
  - Makes a certificate for an admission webhook or the like, with an authority of its own, and keeps it in a Secret
    with C(tls.crt), C(tls.key) and C(ca.crt).
  - A good one stays as it is, whoever made it. One that ends within 30 days, or is not for all names, is replaced when
    it was made here, and refused otherwise.
  - The key is made here and goes into the Secret alone. That of the authority is not kept.
options:
  name:
    description: The Secret.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  hosts:
    description: The names that the server is reached by.
    type: list
    elements: str
    required: true
  days:
    description: How long it is valid.
    type: int
    default: 3650
  component:
    description: The component, for the label C(app.kubernetes.io/component).
    type: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Keep the certificate of the webhook
  tollgate.llm.kubernetes_serving_certificate:
    name: webhook-certificate
    namespace: webhooks
    component: webhook
    hosts: [webhook.webhooks.svc]
"""

RETURN = r"""
fingerprint:
  description: SHA-256 of the certificate and its authority. In check mode it is empty for one that would be made.
  type: str
  returned: always
why:
  description: Why one was made.
  type: str
  returned: changed
  sample: it ends on 2036-11-18
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection, manifests
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import serving_certificate as pair
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require

TRIES = 3  # another run may make it at the same time


def declared(options: dict[str, Any], found: dict[str, Any] | None, data: dict[str, bytes]) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/component": options["component"],
        "app.kubernetes.io/part-of": "tollgate",
        "app.kubernetes.io/managed-by": manifests.MANAGER,
    }
    metadata = {"name": options["name"], "namespace": options["namespace"], "labels": labels}
    if found:
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": metadata,
        "data": pair.encoded(data),
    }


def keep(options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = cluster.Cluster(options["kubeconfig"], options["context"])
    called = f"Secret {options['namespace']}/{options['name']}"
    for _each in range(TRIES):
        found = asked.read("v1", "Secret", options["name"], options["namespace"])
        why = "it was not there"
        if found:
            try:
                data = pair.decoded(found.get("data") or {})
            except ValueError:
                data = {}
            why = pair.fault(data, options["hosts"])
            if not why:
                return {"changed": False, "fingerprint": pair.fingerprint(data)}
            labels = found["metadata"].get("labels") or {}
            if labels.get("app.kubernetes.io/managed-by") != manifests.MANAGER:
                raise cluster.ClusterError(
                    f"{called} can't be used: {why}. It was not made here: correct it, or remove it, then one is made. "
                    "Nothing was changed."
                )
        if check_mode:
            return {"changed": True, "fingerprint": "", "why": why}
        data = pair.made(options["hosts"], options["days"])
        wanted = declared(options, found, data)
        try:
            if found:
                asked.replace(wanted)
            else:
                asked.create(wanted)
        except cluster.Overtaken:
            continue
        return {"changed": True, "fingerprint": pair.fingerprint(data), "why": why}
    raise cluster.ClusterError(f"{called} is being written by somebody else all the time. Run this again.")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "hosts": {"type": "list", "elements": "str", "required": True},
            "days": {"type": "int", "default": 3650},
            "component": {"type": "str", "required": True},
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR, cryptography=pair.CRYPTOGRAPHY_IMPORT_ERROR)
    if not module.params["hosts"]:
        module.fail_json(msg="hosts: name at least one")
    try:
        module.exit_json(**keep(module.params, module.check_mode))
    except cluster.ClusterError as error:
        module.fail_json(msg=f"certificate: {error}")


if __name__ == "__main__":
    main()
