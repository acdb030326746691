#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_info
short_description: Read everything that can be declared of a LiteLLM proxy
version_added: 1.0.0
description:
  - Reads whole lists, page by page. Each object comes with the entry that would declare it in
    M(tollgate.llm.litellm_tenants).
  - No result holds a secret. Of a key there is the C(token_id), secret parameters of models and values of credentials
    are left out, and texts in C(metadata) and the like whose names are those of secrets are hidden.
options:
  kinds:
    description: What to read.
    type: list
    elements: str
    choices: [budgets, credentials, models, users, teams, keys, customers]
    default: [budgets, credentials, models, users, teams, keys, customers]
  details:
    description: >-
      Read the limits of members of teams and the C(object_permission) of teams and users as well, which are in no list.
      This costs a request for each team, and for each user who has one.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It only reads.
extends_documentation_fragment:
  - tollgate.llm._litellm
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.admin_key
  - tollgate.llm._litellm.cluster
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: See which keys there are
  tollgate.llm.litellm_info:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    kinds: [keys]
  register: proxy

- name: Show the spend of each
  ansible.builtin.debug:
    msg: "{{ item.name }} {{ item.spend }}"
  loop: "{{ proxy.objects['keys'] }}"
  loop_control: {label: "{{ item.name }}"}
"""

RETURN = r"""
objects:
  description: By what O(kinds) names, each object with its name.
  type: dict
  returned: success
  contains:
    keys:
      description: The keys; the other kinds look alike.
      type: list
      elements: dict
      returned: when they are asked for
      contains:
        name:
          description: The name under which it would be declared. Empty for a key without an alias.
          type: str
          returned: always
        entry:
          description: What declares it. Values that LiteLLM has by itself, and those that it hides, are left out.
          type: dict
          returned: always
        spend:
          description: Dollars spent.
          type: float
          returned: for what is billed
        expires:
          description: When a key ends.
          type: str
          returned: for keys that do
        budget_reset_at:
          description: When the spend starts again from 0.
          type: str
          returned: where it does
        token_id:
          description: LiteLLM's name for a key, the SHA-256 of its value.
          type: str
          returned: for keys
requests:
  description: How many requests were sent, C(read) and C(write), and the C(seconds) from the first to the last answer.
  type: dict
  returned: success
  sample: {read: 7, write: 0}
"""

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.module import LiteLLMModule


def main() -> None:
    kinds = [resource.plural for resource in RESOURCES]
    module = LiteLLMModule(
        {
            "kinds": {"type": "list", "elements": "str", "choices": kinds, "default": kinds},
            "details": {"type": "bool", "default": False},
        }
    )
    wanted = [resource for resource in RESOURCES if resource.plural in module.options["kinds"]]
    module.read(wanted, details=module.options["details"])


if __name__ == "__main__":
    main()
