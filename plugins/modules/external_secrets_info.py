#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: external_secrets_info
short_description: Which operator of External Secrets a cluster has, and whether one is to be installed
version_added: 1.0.0
description:
  - Looks for Deployments of the operator in all namespaces, in a request or two, and changes nothing.
  - It fails when what is there can't be used and must not be replaced, such as a version that is too old, or when
    removing the operator would remove objects that depend on it.
options:
  mode:
    description:
      - V(auto) uses an operator that somebody else has installed, and else takes one of our own.
      - V(own) refuses when somebody else's is there, V(existing) when none is.
    type: str
    choices: [auto, own, existing]
    default: auto
  version:
    description: The version that would be installed.
    type: str
    required: true
  namespace:
    description: The namespace of an operator of our own.
    type: str
    default: external-secrets
  state:
    description: Whether the operator is wanted.
    type: str
    choices: [present, absent]
    default: present
  fingerprint:
    description: The fingerprint of its manifests, as they are given to M(tollgate.llm.kubernetes_objects).
    type: str
    default: ""
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
- name: Look for an operator
  tollgate.llm.external_secrets_info:
    version: 2.9.0
  register: operator
"""

RETURN = r"""
manage:
  description: Whether the operator's objects are to be applied, or removed.
  type: bool
  returned: always
current:
  description: Whether an operator is there as it is wanted.
  type: bool
  returned: always
why:
  description: What is there, in words.
  type: str
  returned: always
  sample: External Secrets 2.9.0 is not there yet
operators:
  description: The operators that will serve, as far as they are there.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The Deployment.
      type: str
    namespace:
      description: Its namespace.
      type: str
    account:
      description: The ServiceAccount of its pods.
      type: str
    version:
      description: Its version, as the tag of its image says.
      type: str
    ours:
      description: Whether it was installed from here.
      type: bool
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import (
    cluster,
    cnpg_operator,
    connection,
    external_secrets,
)

DEPENDENTS = (
    ("external-secrets.io/v1", "ExternalSecret"),
    ("external-secrets.io/v1", "SecretStore"),
    ("external-secrets.io/v1", "ClusterSecretStore"),
    ("external-secrets.io/v1", "ClusterExternalSecret"),
    ("external-secrets.io/v1alpha1", "PushSecret"),
)


def dependents(asked: cluster.Cluster) -> list[str]:
    found = []
    for api_version, kind in DEPENDENTS:
        try:
            _version, there = asked.find(api_version, kind)
        except cluster.Unknown:
            continue
        found += [
            f"{kind} {'/'.join(filter(None, (each['metadata'].get('namespace'), each['metadata']['name'])))}"
            for each in there
        ]
    return found


def work(options: dict[str, Any]) -> external_secrets.Decision:
    asked = cluster.Cluster(options["kubeconfig"], options["context"])
    wanted = cnpg_operator.Wanted(*(options[name] for name in ("mode", "version", "namespace", "state", "fingerprint")))
    _version, found = asked.find("apps/v1", "Deployment", labels=external_secrets.SELECTOR)
    there = [external_secrets.Operator.of(each) for each in found]
    return external_secrets.decide(wanted, there, dependents(asked) if wanted.state == "absent" else [])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mode": {"type": "str", "choices": ["auto", "own", "existing"], "default": "auto"},
            "version": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": "external-secrets"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "fingerprint": {"type": "str", "default": ""},
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    if cluster.KUBERNETES_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=cluster.KUBERNETES_IMPORT_ERROR)
    try:
        decision = work(module.params)
    except (cnpg_operator.Refused, cluster.ClusterError) as error:
        module.fail_json(msg=f"external_secrets: {error}")
    for text in decision.warnings:
        module.warn(text)
    module.exit_json(
        changed=False,
        manage=decision.manage,
        current=decision.current,
        why=decision.why,
        operators=[
            {
                "name": each.name,
                "namespace": each.namespace,
                "account": each.account,
                "version": cnpg_operator.shown(each.version),
                "ours": each.ours,
            }
            for each in decision.used
        ],
    )


if __name__ == "__main__":
    main()
