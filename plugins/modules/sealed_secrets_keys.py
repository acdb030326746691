#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sealed_secrets_keys
short_description: Keep a copy of the keys of a controller of Sealed Secrets, and its certificate
version_added: 1.0.0
description:
  - Copies each key of the controller into a directory that only its owner can read, as the manifest of its Secret, and
    beside them the newest certificate as C(certificate.pem). Whoever loses all of these keys has lost everything that
    was sealed with them. Whoever has one can open what was sealed with it. Keep the directory as such.
  - The controller makes a new key every 30 days, and keeps the old ones. Each run copies what is new. Copies are never
    removed.
  - A key that differs from its copy, and a copy of a key that the cluster lacks, are refused. The latter can be brought
    back.
options:
  namespace:
    description: The namespace of the controller, in which its keys lie.
    type: str
    default: sealed-secrets
  directory:
    description: Absolute path of the directory of the copies. It is created with mode C(0700).
    type: path
    required: true
  restore:
    description:
      - Bring back into the cluster those keys that it lacks, and start the O(deployments) anew, since a controller does
        not look again at what it could not open.
    type: bool
    default: false
  deployments:
    description: The Deployments of the controller.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
  timeout:
    description: Seconds that a controller may take to make its first key.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    details: Where no controller is yet, it counts as one without keys.
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
requirements:
  - cryptography
  - pyyaml
notes:
  - The verbs C(list) on Secrets of that namespace are needed, C(create) for bringing back, and C(get) and C(update) on
    Deployments.
seealso:
  - module: tollgate.llm.sealed_secret
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Copy the controller's keys
  tollgate.llm.sealed_secrets_keys:
    directory: /var/backups/sealed-secrets-keys
  register: keys

- name: Bring them back into a new cluster
  tollgate.llm.sealed_secrets_keys:
    directory: /var/backups/sealed-secrets-keys
    restore: true
    deployments:
      - {namespace: sealed-secrets, name: sealed-secrets-controller}
"""

RETURN = r"""
certificate:
  description: The file with the newest certificate. Empty when there is no key yet, in check mode.
  type: str
  returned: always
  sample: /var/backups/sealed-secrets-keys/certificate.pem
keys:
  description: The keys, the one that is sealed with first. Never a key itself.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The Secret.
      type: str
    active:
      description: Whether the controller seals with keys of this kind.
      type: bool
    fingerprint:
      description: Of the public key, as the annotation C(tollgate.llm/sealed-with) has it.
      type: str
    since:
      description: When it was made.
      type: str
    until:
      description: When its certificate expires.
      type: str
saved:
  description: The keys that were copied, or would be.
  type: list
  elements: str
  returned: always
restored:
  description: The keys that were brought back, or would be.
  type: list
  elements: str
  returned: always
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster, connection
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import sealed_manifest, sealing, sealing_keys

PAUSE = 1.0  # seconds


def work(options: dict[str, Any], *, check_mode: bool) -> sealing_keys.Report:
    """Wait for a key, then copy, or bring back."""
    server = cluster.Cluster(options["kubeconfig"], options["context"])
    path, namespace = Path(options["directory"]), options["namespace"]
    if not path.is_absolute():
        raise sealing_keys.KeysRefusedError(f"directory {path} must be an absolute path. Nothing was changed.")
    deadline = time.monotonic() + options["timeout"]
    while not (found := sealing_keys.in_cluster(server, namespace)):
        if check_mode:
            return sealing_keys.Report(saved=["the first key"])
        if time.monotonic() > deadline:
            raise sealing_keys.KeysRefusedError(
                f"no key is in {namespace} after {options['timeout']} s (label {sealing_keys.LABEL}). Is the "
                "controller in that namespace, and does it run? Nothing was changed."
            )
        time.sleep(PAUSE)
    deployments = [(each["namespace"], each["name"]) for each in options["deployments"]]
    return sealing_keys.keep(
        server, found, path, namespace, deployments, restore=options["restore"], check_mode=check_mode
    )


def main() -> None:
    named = {"namespace": {"type": "str", "required": True}, "name": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "namespace": {"type": "str", "default": "sealed-secrets"},
            "directory": {"type": "path", "required": True},
            "restore": {"type": "bool", "default": False},
            "deployments": {"type": "list", "elements": "dict", "default": [], "options": named},
            "timeout": {"type": "int", "default": 120},
            **connection.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    require(
        module,
        kubernetes=cluster.KUBERNETES_IMPORT_ERROR,
        cryptography=sealing.CRYPTOGRAPHY_IMPORT_ERROR,
        pyyaml=sealed_manifest.YAML_IMPORT_ERROR,
    )
    try:
        report = work(module.params, check_mode=module.check_mode)
    except sealing_keys.KeysRefusedError as error:
        module.fail_json(msg=f"sealed_secrets: {error}")
    except (cluster.ClusterError, OSError) as error:
        module.fail_json(msg=f"sealed_secrets: {error}")
    module.exit_json(
        changed=report.changed,
        certificate=report.certificate,
        keys=report.keys,
        saved=report.saved,
        restored=report.restored,
    )


if __name__ == "__main__":
    main()
