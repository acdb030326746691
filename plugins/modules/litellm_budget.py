#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_budget
short_description: Manage a budget that keys and customers of LiteLLM share
version_added: 1.0.0
description:
  - Creates, updates and deletes a budget. Keys and customers name it as C(budget_id); each has a spend of its own,
    and limits of its own win over the budget's.
  - A change takes up to 60 seconds to bind, since LiteLLM holds budgets in memory.
  - A budget that a key or a customer still names is not deleted, for LiteLLM would lift their limits in silence.
  - An option without a default is kept as it is when it is not given, and left unset in a new budget. Unset means no
    limit, V(false) or an empty list, where the option says nothing else. O(clear) unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  budget:
    description: The budget's id.
    type: str
    required: true
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  max_budget:
    description: >-
      Dollars that each key and customer may spend (in each O(budget_duration), if there is one). V(0) refuses every
      call.
    type: float
  soft_budget:
    description: Dollars at which LiteLLM alerts. It stops nobody.
    type: float
  budget_duration:
    description: After this time the spend starts again from 0, aligned to the calendar, such as V(30d).
    type: str
  max_parallel_requests:
    description: Requests at a time.
    type: int
  tpm_limit:
    description: Tokens per minute.
    type: int
  rpm_limit:
    description: Requests per minute.
    type: int
  tpd_limit:
    description: Tokens per day. LiteLLM 1.106 enforces it for batches only. Since LiteLLM 1.103.0.
    type: int
  model_max_budget:
    description: >-
      A budget for each model, with C(max_budget) (dollars) and C(budget_duration). Needs LiteLLM Enterprise.
    type: dict
  clear:
    description: Names of options whose value is removed.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run does, and sends no write.
  diff_mode:
    support: full
    description: Shows declared fields before and after, secrets never.
extends_documentation_fragment:
  - tollgate.llm._litellm
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.admin_key
  - tollgate.llm._litellm.cluster
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: A budget for everybody who tries things
  tollgate.llm.litellm_budget:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    budget: trial
    max_budget: 5
    budget_duration: 30d
    rpm_limit: 10
"""

RETURN = r"""
summary:
  description: How many objects were created, updated, unchanged and deleted.
  type: dict
  returned: always
  sample: {created: 1, updated: 0, unchanged: 0, deleted: 0}
objects:
  description: Each object with what was done to it. No key, only its C(token_id).
  type: list
  elements: dict
  returned: always
  contains:
    kind:
      description: V(budget), V(credential), V(model), V(user), V(team), V(key) or V(customer).
      type: str
      returned: always
    name:
      description: The declared name.
      type: str
      returned: always
    action:
      description: V(created), V(updated), V(unchanged) or V(deleted).
      type: str
      returned: always
    fields:
      description: The fields that were changed.
      type: list
      elements: str
      returned: always
    token_id:
      description: LiteLLM's name for a key, the SHA-256 of its value.
      type: str
      returned: for keys
requests:
  description: How many requests were sent, C(read) and C(write), and the C(seconds) from the first to the last answer.
  type: dict
  returned: always
  sample: {read: 1, write: 0, seconds: 0.02}
"""

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.budget import Budget
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Budget())


if __name__ == "__main__":
    main()
