#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are written once, as sealed manifests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sealed_secret
short_description: Keep secrets that are written once, as SealedSecrets in files
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Makes secrets and seals them for the controller of Sealed Secrets, as manifests that may lie in a repository.
    Neither a cluster nor C(kubeseal) is needed, only the controller's certificate.
  - Each secret is the SealedSecret in the file O(directory)/name.yaml. The controller makes the Secret of that name
    with the value under C(value), as M(tollgate.llm.kubernetes_secret) keeps it, immutable when it is written once.
  - A manifest that holds what is declared is not touched, byte for byte. Only the controller opens a sealed value, so
    an annotation keeps a note of it, by which a declared value is compared. The note is a salted digest (scrypt) of
    which each guess takes 32 MiB and some hundredths of a second. A value that was generated can't be guessed at all.
    A password that people chose does not belong in a public repository, sealed or not.
  - A generated value is sealed and forgotten. It can't be sealed again, so keep the manifest and the controller's keys.
  - Any number of runs may create the same secret at the same time. They end with one manifest.
  - All problems of the list are reported together, before anything is written.
extends_documentation_fragment:
  - tollgate.llm._secret
options:
  directory:
    description: Absolute path of the directory of the manifests. It is created when it is not there.
    type: path
    required: true
  namespace:
    description: The namespace of the Secrets.
    type: str
    required: true
  certificate:
    description:
      - A file with the controller's certificate, in PEM.
      - One that expired, is not valid yet, has no RSA key of 2048 bits, or lies beside a private key, is refused.
    type: path
    required: true
  scope:
    description:
      - Where the controller opens what is sealed. V(strict) is under that name in that namespace, V(namespace) under
        any name in it, V(cluster) anywhere.
      - Another scope or namespace than before has a declared value sealed again.
    type: str
    choices: [strict, namespace, cluster]
    default: strict
  reseal:
    description: Seal declared values again that were sealed with another certificate, as for another cluster.
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
    description: A second run writes no file.
    support: full
  action_group:
    description: Options for all secret modules are set with C(module_defaults) for this group.
    support: full
    membership:
      - tollgate.llm.secret
  platform:
    description: Needs a POSIX system, and a file system with hard links.
    support: full
    platforms: posix
requirements:
  - cryptography
  - pyyaml
notes:
  - A manifest that C(kubeseal) made has no note. It is kept as it is. A value that is declared for it is refused.
  - The Secret is not owned by its SealedSecret, so it stays when that is removed.
seealso:
  - module: tollgate.llm.sealed_secret_delivery
  - module: tollgate.llm.kubernetes_secret
"""

EXAMPLES = r"""
- name: Keep the gateway's secrets in a repository
  tollgate.llm.sealed_secret:
    directory: /srv/platform/secrets
    namespace: litellm-store
    certificate: /srv/platform/sealed-secrets.pem
    secrets:
      - name: litellm-salt-key
        generate: {format: hex, bytes: 32}
      - name: litellm-provider-anthropic
        value: "{{ lookup('ansible.builtin.env', 'ANTHROPIC_API_KEY') }}"
        mode: versioned

- name: Seal a key for another cluster
  tollgate.llm.sealed_secret:
    directory: /srv/platform/secrets
    namespace: litellm-store
    certificate: /srv/platform/new-cluster.pem
    reseal: true
    name: litellm-provider-anthropic
    value: "{{ lookup('ansible.builtin.env', 'ANTHROPIC_API_KEY') }}"
    mode: versioned
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
      description:
        - V(create), V(adopt) (its note or its form is made right), V(fill) (a manifest without a value, or one that is
          sealed again), V(replace), V(remove) or V(keep).
      returned: always
      type: str
      sample: keep
    fingerprint:
      description:
        - The first 12 hex digits of the value's SHA-256.
        - Not known of a kept value that is not declared, nor in check mode of a value that a run would generate.
      returned: always
      type: str
      sample: sha256:3f79bb7b435b
    length:
      description: Characters of the value, where it is known.
      returned: always
      type: int
      sample: 64
    mode:
      description: The secret's O(mode).
      returned: always
      type: str
      sample: write_once
    path:
      description: The manifest.
      returned: always
      type: str
      sample: /srv/platform/secrets/litellm-salt-key.yaml
    resource:
      description: The SealedSecret, with its namespace.
      returned: always
      type: str
      sample: SealedSecret litellm-store/litellm-salt-key
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import sealed_manifest, sealing
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.argument_spec import module_arguments
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.declared import declared
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.run import run
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.sealed_store import SealedStore, Target

OPTIONS: dict[str, Any] = {
    "directory": {"type": "path", "required": True},
    "namespace": {"type": "str", "required": True},
    "certificate": {"type": "path", "required": True},
    "scope": {"type": "str", "choices": ["strict", "namespace", "cluster"], "default": "strict"},
    "reseal": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(**module_arguments(OPTIONS))
    require(module, cryptography=sealing.CRYPTOGRAPHY_IMPORT_ERROR, pyyaml=sealed_manifest.YAML_IMPORT_ERROR)
    options = module.params
    target = Target(
        Path(options["directory"]),
        options["namespace"],
        sealing.Scope(options["scope"]),
        Path(options["certificate"]),
        options["reseal"],
    )
    try:
        wanted = declared(options)
    except SecretsRefusedError as error:
        module.fail_json(msg="\n".join([*error.problems, "Nothing was changed."]))
    run(module, SealedStore(target, wanted))


if __name__ == "__main__":
    main()
