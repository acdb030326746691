#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values out of a store of secrets, sealed into manifests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sealed_secret_delivery
short_description: Seal values out of a store of secrets into the manifests of what workloads read
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Reads values out of the store of M(tollgate.llm.kubernetes_secret), M(tollgate.llm.file_secret) or
    M(tollgate.llm.gsm_secret), and seals them for the controller of Sealed Secrets, under the names and keys that
    workloads expect. No value passes through a variable, a result or an output.
  - Each Secret is the SealedSecret in the file O(directory)/namespace.name.yaml. A manifest that holds what is declared
    is not touched, byte for byte, and a value that did not change keeps its ciphertext. How that is known is told in
    M(tollgate.llm.sealed_secret).
  - Another value for a Secret that is immutable is refused. The controller could not deliver it.
  - All problems are reported together, before anything is written.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
  - tollgate.llm._delivery
options:
  directory:
    description: Absolute path of the directory of the manifests. It is created when it is not there.
    type: path
    required: true
  certificate:
    description: A file with the controller's certificate, in PEM.
    type: path
    required: true
  scope:
    description: Where the controller opens what is sealed, as in M(tollgate.llm.sealed_secret).
    type: str
    choices: [strict, namespace, cluster]
    default: strict
  reseal:
    description: Seal values again that were sealed with another certificate, as for another cluster.
    type: bool
    default: false
  state:
    description: V(absent) removes the manifests. The store is neither read nor changed.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    details: A secret that the store does not have yet counts as a new value. Nothing is written.
  diff_mode:
    support: full
    details: Shows fingerprints, never a value.
requirements:
  - cryptography
  - pyyaml
seealso:
  - module: tollgate.llm.sealed_secret
  - module: tollgate.llm.kubernetes_secret_delivery
"""

EXAMPLES = r"""
- name: Seal what the proxy reads, for a repository
  tollgate.llm.sealed_secret_delivery:
    store_directory: /var/lib/gateway/secrets
    directory: /srv/platform/manifests
    certificate: /srv/platform/sealed-secrets.pem
    deliver:
      - name: litellm-secrets
        namespace: litellm
        data:
          PROXY_MASTER_KEY: {secret: litellm-master-key}
      - name: litellm-salt-key
        namespace: litellm
        immutable: true
        data:
          LITELLM_SALT_KEY: {secret: litellm-salt-key}
"""

RETURN = r"""
summary:
  description: How many manifests were created, updated, unchanged and deleted.
  type: dict
  returned: always
  sample: {created: 1, updated: 0, unchanged: 3, deleted: 0}
objects:
  description: The SealedSecrets in the order of the list.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The SealedSecret.
      type: str
      sample: SealedSecret litellm/litellm-salt-key
    path:
      description: Its manifest.
      type: str
      sample: /srv/platform/manifests/litellm.litellm-salt-key.yaml
    action:
      description: V(created), V(updated), V(unchanged) or V(deleted).
      type: str
    fields:
      description: What changed, such as C(encryptedData.LITELLM_SALT_KEY), C(metadata) or C(template).
      type: list
      elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import connection
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import (
    gsm_connection,
    origin,
    sealed_manifest,
    sealing,
)
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.deliver import texts, wanted_of
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.sealed_delivery import Sealing, seal
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import State


def work(options: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Seal, or remove."""
    wanted, directory = wanted_of(options["deliver"]), Path(options["directory"])
    if not directory.is_absolute():
        raise SecretsRefusedError([f"directory {directory} must be an absolute path."])
    certificate = sealing.Certificate.read(Path(options["certificate"]))
    state = State(options["state"])
    sealed = Sealing(directory, certificate, sealing.Scope(options["scope"]), options["reseal"], state, check_mode)
    if state is State.ABSENT:
        return seal(wanted, {}, sealed)
    store = origin.store_of(options, wanted, lambda: connection.NamedCluster(options).connected, check_mode=check_mode)
    return seal(wanted, texts(store, wanted, check_mode=check_mode), sealed)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **origin.ARGUMENTS,
            "directory": {"type": "path", "required": True},
            "certificate": {"type": "path", "required": True},
            "scope": {"type": "str", "choices": [scope.value for scope in sealing.Scope], "default": "strict"},
            "reseal": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **connection.ARGUMENTS,
        },
        mutually_exclusive=[origin.STORES],
        required_if=[("state", "present", origin.STORES, True)],
        supports_check_mode=True,
    )
    require(module, cryptography=sealing.CRYPTOGRAPHY_IMPORT_ERROR, pyyaml=sealed_manifest.YAML_IMPORT_ERROR)
    try:
        result = work(module.params, check_mode=module.check_mode)
    except SecretsRefusedError as error:
        module.fail_json(msg="\n".join([*error.problems, "Nothing was changed."]))
    except (sealing.CertificateError, connection.Unreachable, gsm_connection.ConnectionProblem) as error:
        module.fail_json(msg=f"{error} Nothing was changed.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
