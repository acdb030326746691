#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_team
short_description: Manage a team of LiteLLM
version_added: 1.0.0
description:
  - Creates, updates and deletes a team. LiteLLM deletes the keys of a team with it.
  - Options that are not given are kept as they are. O(clear) removes a value.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  team:
    description: The team's id. Keys name it.
    type: str
    required: true
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  all_models:
    description: Allow all models, now and later. Excludes O(models).
    type: bool
    default: false
  alias:
    description: "The team's displayed name. By default O(team)."
    type: str
  models:
    description: "The models that the team's keys may use. LiteLLM takes an empty list for all models, so that is refused unless O(all_models=true)."
    type: list
    elements: str
  max_budget:
    description: "Dollars that all keys of the team may spend together (in each O(budget_duration), if there is one)."
    type: float
  soft_budget:
    description: "Dollars at which LiteLLM alerts. It stops nobody."
    type: float
  budget_duration:
    description: "After this time the spend starts again from 0, aligned to the calendar, such as V(30d)."
    type: str
  budget_limits:
    description: "Several budgets at once, each with C(budget_duration) and C(max_budget)."
    type: list
    elements: dict
  tpm_limit:
    description: "Tokens per minute of all keys together."
    type: int
  rpm_limit:
    description: "Requests per minute of all keys together."
    type: int
  blocked:
    description: "Whether the team's keys are refused for the time being."
    type: bool
  model_rpm_limit:
    description: "Requests per minute for each model."
    type: dict
  model_tpm_limit:
    description: "Tokens per minute for each model."
    type: dict
  metadata:
    description: "Anything about the team. Only declared entries are compared."
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
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: A team that may spend 200 dollars a month
  tollgate.llm.litellm_team:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    team: research
    models: [qwen-local]
    max_budget: 200
    budget_duration: 30d
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
      description: V(model), V(team) or V(key).
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
  description: How many requests were sent, C(read) and C(write).
  type: dict
  returned: always
  sample: {read: 1, write: 0}
"""

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.team import Team
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Team(), {}, mutually_exclusive=[("models", "all_models")])


if __name__ == "__main__":
    main()
