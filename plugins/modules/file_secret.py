#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are written once, as files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: file_secret
short_description: Keep secrets that are written once, as files
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Makes secrets, keeps them in files that only their owner can read, and never changes or shows them again.
  - Each secret is the file O(directory)/name with mode C(0600), written whole and without a trailing line break.
    When you put a file there yourself, one trailing line break is not counted.
  - What a write-once file held is noted, as a fingerprint, in the directory C(.fingerprints) beside it.
    A file that was emptied, changed or removed behind the module's back is refused with both fingerprints.
    A note that is removed is made again from the file.
  - Any number of runs may create the same secret at the same time, and any of them may be killed.
    They end with one value.
  - All problems of the list are reported together, before anything is written.
extends_documentation_fragment:
  - tollgate.llm._secret
options:
  directory:
    description:
      - Absolute path of the directory. It is created with mode C(0700).
      - A directory that is a symbolic link, belongs to somebody else or is open to other users is refused.
    type: path
    required: true
attributes:
  check_mode:
    description: Predicts what a run does, and writes nothing.
    support: full
  diff_mode:
    description: Shows fingerprints, never a secret.
    support: full
  idempotent:
    description: A second run changes nothing.
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
notes:
  - With O(mode=versioned) the old value stays in C(<name>.previous) until the next replacement.
  - Temporary files of a run that was killed begin with a dot and are removed by the next run that writes.
"""

EXAMPLES = r"""
- name: Keep the gateway's secrets
  tollgate.llm.file_secret:
    directory: /var/lib/gateway/secrets
    secrets:
      - name: litellm-master-key
        generate: {format: hex, bytes: 24, prefix: sk-}
      - name: litellm-salt-key
        generate: {format: hex, bytes: 32}
      - name: litellm-provider-anthropic
        value: "{{ lookup('ansible.builtin.env', 'ANTHROPIC_API_KEY') }}"
        mode: versioned

- name: Take over a salt that is in use already
  tollgate.llm.file_secret:
    directory: /var/lib/gateway/secrets
    name: litellm-salt-key
    value_file: /var/backups/salt-of-the-old-gateway

- name: Remove a secret that nothing needs any more
  tollgate.llm.file_secret:
    directory: /var/lib/gateway/secrets
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
      description: V(create), V(adopt), V(fill) (an empty file), V(replace), V(remove) or V(keep).
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
    path:
      description: The secret's file.
      returned: always
      type: str
      sample: /var/lib/gateway/secrets/litellm-salt-key
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.argument_spec import module_arguments
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.file_store import FileStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.run import run


def main() -> None:
    """Run the module."""
    arguments = module_arguments({"directory": {"type": "path", "required": True}})
    module = AnsibleModule(**arguments)
    run(module, FileStore(Path(module.params["directory"])))


if __name__ == "__main__":
    main()
