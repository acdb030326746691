#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_customer
short_description: Manage a customer of LiteLLM
version_added: 1.0.0
description:
  - Creates, updates and deletes a customer, whom the requests of an application name as C(user).
  - Limits are either those of a shared budget (O(budget_id)), or the customer's own, which lie in a budget that
    LiteLLM makes for it.
  - LiteLLM makes a customer of its own at the first request that names one. It is then changed as declared.
  - LiteLLM keeps the spend of a deleted customer in memory. A new one of the same id may be refused for it at once.
  - An option without a default is kept as it is when it is not given, and left unset in a new customer. Unset means no
    limit, V(false) or an empty list, where the option says nothing else. O(clear) unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  customer:
    description: The customer's id.
    type: str
    required: true
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  alias:
    description: The customer's displayed name.
    type: str
  models:
    description: The models that the customer may use. None means all that the key may use. Since LiteLLM 1.106.0.
    type: list
    elements: str
  default_model:
    description: The model that is used when there is none in O(allowed_model_region).
    type: str
  allowed_model_region:
    description: Use models of this region only. It can be changed, but not cleared.
    type: str
    choices: [eu, us]
  budget_id:
    description: >-
      A shared budget. It can be replaced by another one, but not cleared. Excludes limits of the customer's own.
    type: str
  max_budget:
    description: >-
      Dollars that the customer may spend (in each O(budget_duration), if there is one). V(0) refuses every call.
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
  object_permission:
    description: >-
      What the customer may use beside models, such as C(vector_stores), C(agents) and C(mcp_servers), by their ids.
      LiteLLM 1.106 can't change it later.
    type: dict
  blocked:
    description: Whether the customer is refused for the time being. Needs LiteLLM Enterprise.
    type: bool
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
  - tollgate.llm._litellm.prices
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: A customer with a dollar a day
  tollgate.llm.litellm_customer:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    customer: shop-4711
    models: [qwen-local]
    max_budget: 1
    budget_duration: 1d
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

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.customer import Customer
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Customer())


if __name__ == "__main__":
    main()
