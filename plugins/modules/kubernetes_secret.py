#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are written once, as Kubernetes Secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_secret
short_description: Keep secrets that are written once, as Kubernetes Secrets
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Makes secrets, keeps them in the Secrets of one namespace, and never changes or shows them again.
  - Each secret is a Secret of that name, with the value under the key C(value), exactly as it is.
  - A write-once Secret is immutable, so the API server itself refuses a change. An annotation notes the fingerprint of
    what it held. One that was removed, made again and does not fit that note is refused with both fingerprints.
  - A Secret that lost its note is adopted as it is. One that was removed altogether is not missed, and is made again.
    Whoever may remove Secrets in that namespace can lose them. Back it up.
  - Any number of runs may create the same secret at the same time, and any of them may be killed.
    They end with one value.
  - Many secrets are read and written side by side. All problems of the list are reported together, before anything is
    written.
extends_documentation_fragment:
  - tollgate.llm._secret
  - tollgate.llm._kubernetes
options:
  namespace:
    description: The namespace of the Secrets. Nothing else should be in it, and few should be able to read it.
    type: str
    required: true
  make_namespace:
    description:
      - Make the namespace when it is not there, with the Pod Security level C(restricted), as soon as a secret is made.
      - Otherwise a missing namespace is refused, except in check mode, where it counts as empty.
    type: bool
    default: false
attributes:
  check_mode:
    description: Predicts what a run does, and writes nothing.
    support: full
  diff_mode:
    description: Shows fingerprints, never a secret.
    support: full
  idempotent:
    description: A second run sends no request that writes.
    support: full
  action_group:
    description: Options for all secret modules are set with C(module_defaults) for this group.
    support: full
    membership:
      - tollgate.llm.secret
  platform:
    description: Needs a POSIX system.
    support: full
    platforms: posix
notes:
  - Names must be those of Kubernetes objects, lower case and without C(_).
  - With O(mode=versioned) the Secret is mutable, and the old value stays under the key C(previous) until the next
    replacement.
  - The verbs C(get) and C(create) on Secrets are needed, C(update) for adopting, filling and replacing, C(delete) for
    removing.
seealso:
  - module: tollgate.llm.kubernetes_secret_delivery
  - module: tollgate.llm.file_secret
"""

EXAMPLES = r"""
- name: Keep the gateway's secrets
  tollgate.llm.kubernetes_secret:
    namespace: litellm-store
    make_namespace: true
    secrets:
      - name: litellm-master-key
        generate: {format: hex, bytes: 24, prefix: sk-}
      - name: litellm-salt-key
        generate: {format: hex, bytes: 32}
      - name: litellm-provider-anthropic
        value: "{{ lookup('ansible.builtin.env', 'ANTHROPIC_API_KEY') }}"
        mode: versioned

- name: Take over a salt that is in use already
  tollgate.llm.kubernetes_secret:
    namespace: litellm-store
    name: litellm-salt-key
    value_file: /var/backups/salt-of-the-old-gateway

- name: Remove a secret that nothing needs any more
  tollgate.llm.kubernetes_secret:
    namespace: litellm-store
    name: litellm-salt-key
    state: absent
    allow_loss: true
"""

RETURN = r"""
summary:
  description: How many secrets were created, adopted, updated, deleted and left unchanged.
  returned: always
  type: dict
  sample: {created: 1, adopted: 0, updated: 0, deleted: 0, unchanged: 2}
secrets:
  description: The secrets in the order of the list, without their values.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      returned: always
      type: str
      sample: litellm-salt-key
    action:
      description: V(create), V(adopt), V(fill) (an empty Secret), V(replace), V(remove) or V(keep).
      returned: always
      type: str
      sample: keep
    fingerprint:
      description:
        - The first 12 hex digits of the value's SHA-256.
        - Not known in check mode of a value that a run would generate.
      returned: always
      type: str
      sample: sha256:3f79bb7b435b
    length:
      description: Characters of the value.
      returned: always
      type: int
      sample: 64
    mode:
      description: The secret's O(mode).
      returned: always
      type: str
      sample: write_once
    resource:
      description: The Secret, with its namespace.
      returned: always
      type: str
      sample: Secret litellm-store/litellm-salt-key
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.argument_spec import module_arguments
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.kubernetes_store import KubernetesStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.run import run


def main() -> None:
    """Run the module."""
    arguments = module_arguments(
        {
            "namespace": {"type": "str", "required": True},
            "make_namespace": {"type": "bool", "default": False},
            **connection.ARGUMENTS,
        }
    )
    module = AnsibleModule(**arguments)
    require(module, kubernetes=cluster.KUBERNETES_IMPORT_ERROR)
    options = module.params
    try:
        server = cluster.Cluster(options["kubeconfig"], options["context"])
    except cluster.ClusterError as error:
        module.fail_json(msg=f"{error} Nothing was changed.")
    store = KubernetesStore(
        server, options["namespace"], may_be_missing=module.check_mode, make_namespace=options["make_namespace"]
    )
    run(module, store)


if __name__ == "__main__":
    main()
