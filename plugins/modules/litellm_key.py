#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_key
short_description: Manage a virtual key of LiteLLM
version_added: 1.0.0
description:
  - Creates, updates and deletes a virtual key. Its value is made and stored first, with M(tollgate.llm.file_secret)
    for instance, and found again by its digest. So a lost answer costs nothing, and no result holds the key.
  - Without a value, a key that is there is found by its alias and can be changed, but not made.
  - An option without a default is kept as it is when it is not given, and left unset in a new key. Unset means no
    limit, V(false) or an empty list, where the option says nothing else. O(clear) unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  alias:
    description: The key's name. It is unique in the proxy.
    type: str
    required: true
  state:
    description:
      - Whether it is there. V(absent) removes all keys of this alias and needs no value.
      - V(blocked) and V(unblocked) are V(present) with O(blocked), and wait until that holds for every worker of the
        proxy. It is proven with the key's own value, which is used to list models. Without a value they wait for
        O(cache_time). A key that is V(present) keeps a block, unless O(blocked=false).
    type: str
    choices: [present, absent, blocked, unblocked]
    default: present
  all_models:
    description: Allow all models, now and later. Excludes O(models).
    type: bool
    default: false
  value:
    description: The key itself, V(sk-) and at least 13 more characters.
    type: str
  value_file:
    description: A file that holds the key. It keeps the key out of Ansible altogether.
    type: path
  secret:
    description: >-
      The secret in O(secrets_directory), O(secrets_namespace) or O(secrets_gsm) that holds the key, if it is not named
      after the alias.
    type: str
  renamed_from:
    description: >-
      The alias under which the key was declared first, when it has another now. The same key gets the new alias; its
      value stays where it is stored, unless O(secret) says otherwise, and so do its spend and limits. Leave it in the
      entry, since it says where the value is.
    type: str
  grace:
    description:
      - How long the old value stays valid when the stored one is another, such as V(24h). Without it another value is
        refused.
      - A second key is made of the new value, with the alias C(<alias>~<digest>), the limits and metadata of the first,
        as declared, and its spend so far. The first one gets a date of expiry. The first run after it adds what the old
        value has spent meanwhile, deletes the first one and gives its alias to the second. A run that was killed in
        between is gone on with by the next.
      - In that time each of the two has the whole budget less what was spent before. The windows of O(budget_limits)
        start again from 0 with the new value, since LiteLLM counts them by value and has no call to set them. Nobody
        gets more time by it; a key that expires sooner keeps its date.
      - To rotate the value of a key in a gateway file, name a new O(secret) in its entry.
    type: str
  team:
    description: The team that the key belongs to. Its budget and limits hold too.
    type: str
  user:
    description: The user that the key belongs to.
    type: str
  models:
    description: >-
      The models that the key may use; V(all-team-models) are those of its team. LiteLLM takes an empty list for all
      models, and V(all-team-models) without a O(team) too, so that both are refused unless O(all_models=true). Needed
      for a new key.
    type: list
    elements: str
  max_budget:
    description: Dollars that the key may spend (in each O(budget_duration), if there is one). V(0) refuses every call.
    type: float
  soft_budget:
    description: Dollars at which LiteLLM alerts. It stops nobody. Since LiteLLM 1.102.0.
    type: float
  budget_duration:
    description: After this time the spend starts again from 0, aligned to the calendar, such as V(30d).
    type: str
  budget_limits:
    description: >-
      Several budgets at once, each with C(max_budget) (dollars) and C(budget_duration) (such as V(24h)).
    type: list
    elements: dict
  budget_id:
    description: A shared budget. The key's own limits win over it. Excludes O(soft_budget).
    type: str
  budget_fallbacks:
    description: For each model those that are used instead once its budget is spent.
    type: dict
  tpm_limit:
    description: Tokens per minute.
    type: int
  rpm_limit:
    description: Requests per minute.
    type: int
  tpd_limit:
    description: Tokens per day. LiteLLM 1.106 enforces it for batches only. Since LiteLLM 1.103.0.
    type: int
  max_parallel_requests:
    description: Requests at a time.
    type: int
  duration:
    description: >-
      How long a new key is valid, such as V(90d). Not changed later, but clearing it makes the key valid for
      ever.
    type: str
  blocked:
    description: Whether the key is refused for the time being.
    type: bool
  allowed_routes:
    description: The only routes that the key may call, such as V(/metrics) or V(llm_api_routes).
    type: list
    elements: str
  allowed_cache_controls:
    description: Cache controls that a request may carry.
    type: list
    elements: str
  aliases:
    description: Names of models that are replaced by others in requests.
    type: dict
  config:
    description: >-
      LiteLLM's configuration of the key. LiteLLM looks at no list of models then, so that it is refused unless
      O(all_models=true).
    type: dict
  permissions:
    description: LiteLLM's permissions of the key.
    type: dict
  router_settings:
    description: Settings of LiteLLM's router for the key. Only declared entries count; a null one is removed.
    type: dict
  access_group_ids:
    description: The access groups that the key is in.
    type: list
    elements: str
  object_permission:
    description: >-
      What the key may use beside models, such as C(vector_stores), C(agents) and C(mcp_servers), by their
      ids. Only declared parts count; an empty list clears one.
    type: dict
  agent_id:
    description: The agent that the key belongs to.
    type: str
  model_rpm_limit:
    description: Requests per minute for each model.
    type: dict
  model_tpm_limit:
    description: Tokens per minute for each model.
    type: dict
  mcp_rpm_limit:
    description: Requests per minute for each MCP server.
    type: dict
  tag_rpm_limit:
    description: Requests per minute for each tag.
    type: dict
  rpm_limit_type:
    description: >-
      What happens when all keys together are promised more requests than there are. Unset is V(best_effort_throughput).
    type: str
    choices: [guaranteed_throughput, best_effort_throughput, dynamic]
  tpm_limit_type:
    description: >-
      What happens when all keys together are promised more tokens than there are. Unset is V(best_effort_throughput).
    type: str
    choices: [guaranteed_throughput, best_effort_throughput, dynamic]
  default_estimated_output_tokens:
    description: The output tokens that LiteLLM assumes of a request which names no maximum.
    type: int
  default_estimated_output_tokens_per_model:
    description: The same, in output tokens, for each model.
    type: dict
  enable_prompt_caching:
    description: Whether LiteLLM marks prompts for the provider's cache.
    type: bool
  throttle_on_budget_exceeded:
    description: Whether a spent budget slows requests down instead of refusing them.
    type: bool
  allowed_vector_store_indexes:
    description: The indexes of vector stores that may be used, each with C(index_name) and C(index_permissions).
    type: list
    elements: dict
  end_user_budget_id:
    description: The budget of each end user whom requests of this key name. Since LiteLLM 1.103.0.
    type: str
  temp_budget_increase:
    description: Dollars beside O(max_budget) until O(temp_budget_expiry). Each needs the other.
    type: float
  temp_budget_expiry:
    description: When O(temp_budget_increase) ends, such as V(2030-01-31T00:00:00Z).
    type: str
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
    type: dict
  organization_id:
    description: The organization that it belongs to. Needs LiteLLM Enterprise.
    type: str
  enforced_params:
    description: The parameters that a request must have. Needs LiteLLM Enterprise.
    type: list
    elements: str
  project_id:
    description: The project that the key belongs to. Needs LiteLLM Enterprise. Since LiteLLM 1.102.0.
    type: str
  auto_rotate:
    description: Whether LiteLLM replaces the value in each O(rotation_interval). Needs LiteLLM Enterprise.
    type: bool
  rotation_interval:
    description: How often LiteLLM replaces the value, such as V(90d). Needs LiteLLM Enterprise.
    type: str
  metadata:
    description: Anything about the key. Only declared entries count; a null one is removed.
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
- name: Make the value, once
  tollgate.llm.file_secret:
    directory: /var/lib/gateway/secrets
    name: batch
    generate: {format: hex, bytes: 24, prefix: sk-}

- name: A key that may spend 5 dollars a week
  tollgate.llm.litellm_key:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    alias: batch
    value_file: /var/lib/gateway/secrets/batch
    models: [qwen-local]
    max_budget: 5
    budget_duration: 7d

- name: A new value; the old one stays valid for a day
  tollgate.llm.litellm_key:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    alias: batch
    value_file: /var/lib/gateway/secrets/batch-2
    models: [qwen-local]
    grace: 24h

- name: Stop a key now, and know that it is stopped by the only worker that there is
  tollgate.llm.litellm_key:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    alias: batch
    value_file: /var/lib/gateway/secrets/batch
    state: blocked
    workers: 1

- name: No limit of requests any more
  tollgate.llm.litellm_key:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    alias: batch
    value_file: /var/lib/gateway/secrets/batch
    clear: [rpm_limit]
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
    rotation:
      description: >-
        How far the rotation of a key is, C(phase), and C(until) when its old value is valid, which C(from) names by its
        digest.
      type: dict
      returned: for keys that are being rotated
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

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.key import Key
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Key(), mutually_exclusive=[("value", "value_file", "secret"), ("models", "all_models")])


if __name__ == "__main__":
    main()
