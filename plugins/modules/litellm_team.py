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
  - Creates, updates and deletes a team. Members that are not declared are left alone.
  - LiteLLM keeps the spend of a deleted team in memory. A new team of the same id may be refused for it at once.
  - An option without a default is kept as it is when it is not given, and left unset in a new team. Unset means no
    limit, V(false) or an empty list, where the option says nothing else. O(clear) unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  team:
    description: The team's id. Keys name it.
    type: str
    required: true
  state:
    description:
      - Whether it is there.
      - V(blocked) and V(unblocked) are V(present) with O(blocked), and wait for O(cache_time), until that holds for
        every worker of the proxy. M(tollgate.llm.litellm_tenants) proves it where it knows a value of its keys.
    type: str
    choices: [present, absent, blocked, unblocked]
    default: present
  all_models:
    description: Allow all models, now and later. Excludes O(models).
    type: bool
    default: false
  delete_keys:
    description: LiteLLM deletes the keys of a team with it. With V(false), a team that has keys is not removed.
    type: bool
    default: false
  alias:
    description: The team's displayed name. By default O(team).
    type: str
  renamed_from:
    description: >-
      The id of the team, when O(team) is another name than it was declared under first. LiteLLM can't change an id; the
      team keeps its id, keys, members and spend, and O(team) becomes its alias. Leave it in the entry. Keys that are
      declared together with the team name it by O(team).
    type: str
  models:
    description: >-
      The models that the team may use. LiteLLM takes an empty list for all models, so that is refused unless
      O(all_models=true). Needed for a new team.
    type: list
    elements: str
  max_budget:
    description: Dollars that all keys of the team may spend together (in each O(budget_duration), if there is one).
    type: float
  soft_budget:
    description: Dollars at which LiteLLM alerts. It stops nobody.
    type: float
  budget_duration:
    description: After this time the spend starts again from 0, aligned to the calendar, such as V(30d).
    type: str
  budget_limits:
    description: >-
      Several budgets at once, each with C(max_budget) (dollars) and C(budget_duration) (such as V(24h)).
    type: list
    elements: dict
  tpm_limit:
    description: Tokens per minute of all keys together.
    type: int
  rpm_limit:
    description: Requests per minute of all keys together.
    type: int
  tpd_limit:
    description: Tokens per day. LiteLLM 1.106 enforces it for batches only. Since LiteLLM 1.103.0.
    type: int
  blocked:
    description: Whether the team's keys are refused for the time being.
    type: bool
  model_aliases:
    description: >-
      Names of models that are replaced by others in requests of the team. Each may be used by all keys of the team,
      whatever O(models) says.
    type: dict
  router_settings:
    description: Settings of LiteLLM's router for the team. Only declared entries count; a null one is removed.
    type: dict
  access_group_ids:
    description: The access groups that the team is in.
    type: list
    elements: str
  object_permission:
    description: >-
      What the team may use beside models, such as C(vector_stores), C(agents) and C(mcp_servers), by their
      ids. Only declared parts count; an empty list clears one.
    type: dict
  team_member_budget:
    description: Dollars that each member may spend (in each O(team_member_budget_duration), if there is one).
    type: float
  team_member_budget_duration:
    description: After this time a member's spend starts again from 0, such as V(30d).
    type: str
  team_member_rpm_limit:
    description: Requests per minute of each member.
    type: int
  team_member_tpm_limit:
    description: Tokens per minute of each member.
    type: int
  team_member_permissions:
    description: >-
      The routes of key management that members may call for the team, beside V(/key/info) and V(/key/health), which
      they always may. LiteLLM does not check the names.
    type: list
    elements: str
  default_team_member_models:
    description: The models that a new member may use, if not all those of the team.
    type: list
    elements: str
  model_rpm_limit:
    description: Requests per minute for each model.
    type: dict
  model_tpm_limit:
    description: Tokens per minute for each model.
    type: dict
  mcp_rpm_limit:
    description: Requests per minute for each MCP server.
    type: dict
  default_estimated_output_tokens:
    description: The output tokens that LiteLLM assumes of a request which names no maximum.
    type: int
  default_estimated_output_tokens_per_model:
    description: The same, in output tokens, for each model.
    type: dict
  allowed_vector_store_indexes:
    description: The indexes of vector stores that may be used, each with C(index_name) and C(index_permissions).
    type: list
    elements: dict
  enforced_batch_output_expires_after:
    description: When the output of a batch expires, with C(anchor) (V(created_at)) and C(seconds) after it.
    type: dict
  enforced_file_expires_after:
    description: When a file expires, with C(anchor) (V(created_at)) and C(seconds) after it.
    type: dict
  rpm_limit_type:
    description: >-
      What happens when all keys together are promised more requests than the team has. Unset is
      V(best_effort_throughput).
    type: str
    choices: [guaranteed_throughput, best_effort_throughput]
  tpm_limit_type:
    description: >-
      What happens when all keys together are promised more tokens than the team has. Unset is
      V(best_effort_throughput).
    type: str
    choices: [guaranteed_throughput, best_effort_throughput]
  tags:
    description: Tags of every request. Needs LiteLLM Enterprise.
    type: list
    elements: str
  guardrails:
    description: Guardrails of every request. Needs LiteLLM Enterprise.
    type: list
    elements: str
  policies:
    description: Policies of every request. Needs LiteLLM Enterprise.
    type: list
    elements: str
  prompts:
    description: The stored prompts that may be used. Needs LiteLLM Enterprise.
    type: list
    elements: str
  disable_global_guardrails:
    description: Whether guardrails that are on by default are off. Needs LiteLLM Enterprise.
    type: bool
  allowed_passthrough_routes:
    description: The pass-through routes that may be called. Needs LiteLLM Enterprise.
    type: list
    elements: str
  denied_passthrough_routes:
    description: The pass-through routes that may not be called. Needs LiteLLM Enterprise. Since LiteLLM 1.106.0.
    type: list
    elements: str
  model_max_budget:
    description: >-
      A budget for each model, with C(max_budget) (dollars) and C(budget_duration). Needs LiteLLM Enterprise.
      Since LiteLLM 1.103.0.
    type: dict
  organization_id:
    description: The organization that it belongs to. Needs LiteLLM Enterprise.
    type: str
  secret_manager_settings:
    description: Where LiteLLM keeps the team's keys. Needs LiteLLM Enterprise.
    type: dict
  team_member_key_duration:
    description: How long a new key of a member is valid, such as V(90d). Needs LiteLLM Enterprise.
    type: str
  members:
    description:
      - Users of the team, each with C(user) (its id) and, if it has limits of its own, C(max_budget) (dollars),
        C(budget_duration), C(tpm_limit), C(rpm_limit), C(models), and C(temp_budget_increase) until
        C(temp_budget_expiry) (both since LiteLLM 1.103.0). In an entry, V(null) clears a limit.
      - Members that are not declared are left alone. One with C(state=absent) leaves the team. LiteLLM would delete the
        keys that it has in the team, so that this is refused while there are any, unless O(delete_keys=true).
    type: list
    elements: dict
  metadata:
    description: Anything about the team. Only declared entries count; a null one is removed.
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
  - tollgate.llm._litellm.blocking
  - tollgate.llm._litellm.prices
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.admin_key
  - tollgate.llm._litellm.cluster
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: A team that may spend 200 dollars a month
  tollgate.llm.litellm_team:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    team: lab
    models: [qwen-local]
    max_budget: 200
    budget_duration: 30d
    members:
      - user: ada
        max_budget: 50
        budget_duration: 30d
      - {user: bob, state: absent}
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
    effective:
      description:
        - Of a block or its end. C(proven) tells whether the key's own value was seen to be refused, or not any more, by
          each of O(workers), or, where their number is not given, by every connection once O(cache_time) was over.
        - C(workers) tells how many different workers were seen to do so, and C(seconds) how long that took.
        - Where no value is known, it waits for O(cache_time), and C(proven) is V(false).
      type: dict
      returned: with C(state=blocked) and C(state=unblocked)
      sample: {proven: true, seconds: 0.1, workers: 1}
requests:
  description: How many requests were sent, C(read) and C(write), and the C(seconds) from the first to the last answer.
  type: dict
  returned: always
  sample: {read: 1, write: 0, seconds: 0.02}
"""

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.team import Team
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Team(), mutually_exclusive=[("models", "all_models")])


if __name__ == "__main__":
    main()
