# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that every secret module has."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors `plugins/module_utils/_secrets/argument_spec.py`."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the one secret of this task. Use O(secrets) for several.
      - 1 to 100 letters, digits, C(-) and C(_), beginning and ending with a letter or a digit.
    type: str
  secrets:
    description:
      - The secrets of this task, each with the options of a single one.
      - O(secrets[].mode), O(secrets[].adopt), O(secrets[].state) and O(secrets[].allow_loss) are those of the task,
        unless the entry has its own.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the secret.
        type: str
        required: true
      generate:
        description: How a new value is made.
        type: dict
        suboptions:
          format:
            description: How the random bytes are written.
            type: str
            choices: [hex, base64url, alphanumeric]
            default: hex
          bytes:
            description: Bytes of entropy, 16 to 512.
            type: int
            default: 32
          prefix:
            description: Text before the random part, which does not count as entropy.
            type: str
            default: ''
      value:
        description: The value.
        type: str
      value_file:
        description: A file on the target with the value. One trailing line break is not part of it.
        type: path
      mode:
        description: May a new value replace the old one?
        type: str
        choices: [write_once, versioned]
      adopt:
        description: Keep a secret that exists but was not made here?
        type: bool
      state:
        description: Shall the secret exist?
        type: str
        choices: [present, absent]
      allow_loss:
        description: Confirms O(secrets[].state=absent) for a write-once secret.
        type: bool
  generate:
    description:
      - How a new value is made, when there is none. An existing value is never made again, whatever the rule says.
      - Without O(generate), O(value) and O(value_file) the secret must exist already.
    type: dict
    suboptions:
      format:
        description: How the random bytes are written.
        type: str
        choices: [hex, base64url, alphanumeric]
        default: hex
      bytes:
        description: Bytes of entropy, 16 to 512.
        type: int
        default: 32
      prefix:
        description: Text before the random part, which does not count as entropy.
        type: str
        default: ''
  value:
    description:
      - The value. At least 8 characters, without blanks or line breaks at its ends.
    type: str
  value_file:
    description: A file on the target with the value. One trailing line break is not part of it.
    type: path
  mode:
    description:
      - V(write_once) creates the secret, adopts one that exists or fills an empty container.
        A value that differs from the stored one is refused.
      - V(versioned) lets a new O(value) replace the old one. A generated value is not made again.
    type: str
    choices: [write_once, versioned]
    default: write_once
  adopt:
    description:
      - Keep a secret that exists but was not made here?
      - With V(false) it is refused, unless it equals the declared value.
    type: bool
    default: true
  state:
    description: Shall the secrets exist?
    type: str
    choices: [present, absent]
    default: present
  allow_loss:
    description:
      - Confirms O(state=absent) for write-once secrets, which can never be made again.
    type: bool
    default: false
"""
