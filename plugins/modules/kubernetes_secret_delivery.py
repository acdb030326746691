#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values out of a store of secrets, in the Secrets that workloads read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_secret_delivery
short_description: Copy values out of a store of secrets into the Secrets that workloads read
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Reads values out of the store of M(tollgate.llm.kubernetes_secret), M(tollgate.llm.file_secret) or
    M(tollgate.llm.gsm_secret) and puts them into Secrets under the names and keys that workloads expect. No value
    passes through a variable, a result or an output.
  - Keys that somebody else put into such a Secret are kept. A value of theirs is never overwritten. When it differs
    from what is to be delivered under that key, it is refused with both fingerprints and the ways out.
  - A key that was delivered before and is not declared any more is removed, unless the Secret is immutable.
  - An immutable Secret that holds another value is refused in the same way.
  - All problems are reported together, before anything is written. A Secret that is as declared is not written.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
  - tollgate.llm._delivery
options:
  make_namespace:
    description:
      - Make the namespaces of the Secrets when they are not there, with the Pod Security level C(restricted).
      - Otherwise a missing namespace is refused, except in check mode. No namespace is ever removed.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes what was delivered. A Secret in which keys of somebody else are left stays, with those. One
        that was not delivered from here is left alone, with a warning. The store is neither read nor changed.
    type: str
    choices: [present, absent]
    default: present
  write:
    description:
      - V(false) writes nothing. It refuses what it would refuse, and RV(objects) says what differs from the store.
      - For values that somebody else delivers, such as External Secrets.
    type: bool
    default: true
  reclaim:
    description:
      - Take off what External Secrets and Sealed Secrets have noted, when none of their objects is about these Secrets
        any more.
    type: bool
    default: false
  hand_over:
    description:
      - Note on these Secrets that the controller of Sealed Secrets may keep them, without owning them, beside keys of
        somebody else.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: A secret that the store does not have yet counts as a new value. Nothing is written.
  diff_mode:
    support: full
    details: Shows fingerprints, never a value.
notes:
  - The annotation C(tollgate.llm/delivered-keys) names the keys that were delivered.
  - The verbs C(get) and C(create) on Secrets are needed, C(update) for changes, C(delete) for removing.
seealso:
  - module: tollgate.llm.kubernetes_secret
  - module: tollgate.llm.file_secret
"""

EXAMPLES = r"""
- name: Deliver what the proxy and its database read
  tollgate.llm.kubernetes_secret_delivery:
    store_namespace: litellm-store
    make_namespace: true
    deliver:
      - name: litellm-pg-app
        namespace: litellm
        type: kubernetes.io/basic-auth
        labels: {cnpg.io/reload: "true"}
        data:
          username: {value: litellm}
          password: {secret: litellm-db-password}
      - name: litellm-salt-key
        namespace: litellm
        immutable: true
        data:
          LITELLM_SALT_KEY: {secret: litellm-salt-key}
"""

RETURN = r"""
summary:
  description: How many Secrets were created, updated, unchanged and deleted.
  type: dict
  returned: always
  sample: {created: 1, updated: 0, unchanged: 3, deleted: 0}
objects:
  description: The Secrets in the order of the list.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The Secret.
      type: str
      sample: Secret litellm/litellm-salt-key
    action:
      description: V(created), V(updated), V(unchanged) or V(deleted).
      type: str
    fields:
      description: What changed, such as C(data.LITELLM_SALT_KEY) or C(labels).
      type: list
      elements: str
namespaces:
  description: The namespaces that were made, or would be.
  type: list
  elements: str
  returned: always
external:
  description: The Secrets which, as their label says, External Secrets writes.
  type: list
  elements: str
  returned: always
  sample: [Secret litellm/litellm-salt-key]
sealed:
  description: The Secrets which, as their annotations say, the controller of Sealed Secrets may keep.
  type: list
  elements: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import deliver, gsm_connection, origin
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.store import Store
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import State


def work(options: dict[str, Any], rules: deliver.Rules) -> deliver.Report:
    """Deliver, or remove."""
    wanted = deliver.wanted_of(options["deliver"])
    server = cluster.Cluster(options["kubeconfig"], options["context"])
    store: Store | None = None
    if rules.state is State.PRESENT:
        store = origin.store_of(options, wanted, lambda: server, check_mode=rules.check_mode)
    return deliver.deliver(server, store, wanted, rules)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **origin.ARGUMENTS,
            "make_namespace": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "write": {"type": "bool", "default": True},
            "reclaim": {"type": "bool", "default": False},
            "hand_over": {"type": "bool", "default": False},
            **connection.ARGUMENTS,
        },
        mutually_exclusive=[origin.STORES, ("reclaim", "hand_over")],
        required_if=[("state", "present", origin.STORES, True)],
        supports_check_mode=True,
    )
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    options = module.params
    rules = deliver.Rules(
        State(options["state"]),
        module.check_mode,
        options["make_namespace"],
        options["write"],
        options["reclaim"],
        options["hand_over"],
    )
    try:
        report = work(options, rules)
    except SecretsRefusedError as error:
        module.fail_json(msg="\n".join([*error.problems, "Nothing was changed."]))
    except (cluster.ClusterError, gsm_connection.ConnectionProblem) as error:
        module.fail_json(msg=f"{error} Nothing was changed.")
    for warning in report.warnings:
        module.warn(warning)
    if report.errors:
        module.fail_json(msg="\n".join([*report.errors, f"Not done: {', '.join(report.pending)}."]), **report.result())
    module.exit_json(**report.result())


if __name__ == "__main__":
    main()
