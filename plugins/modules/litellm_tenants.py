#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_tenants
short_description: Declare everything that a gateway's tenants have in one task
version_added: 1.0.0
description:
  - Makes a LiteLLM proxy as declared, with one paged read of each kind, a plan in memory, and concurrent writes of what
    differs, in the order of dependence. A proxy that is as declared gets no write.
  - An entry with C(state=absent) is removed. What is not declared is reported and left alone, unless O(unmanaged) says
    otherwise. A kind of which no list is given is not looked at.
  - The whole declaration is checked before the first request. Misspelt fields, contradictions, budgets that would never
    bind and keys that could use everything are refused, all at once.
  - When an object fails, the others are done all the same, and each failure is reported (see O(stop_on_error)).
  - In an entry, a field that is left out is kept as it is, and V(null) clears it.
  - A key or team with C(state=blocked) or C(state=unblocked) is waited for until every worker of the proxy follows.
options:
  budgets:
    description:
      - Entries with the options of M(tollgate.llm.litellm_budget), such as C(budget) (its id), C(max_budget),
        C(budget_duration). Keys and customers name a budget as C(budget_id).
    type: list
    elements: dict
  credentials:
    description:
      - Entries with the options of M(tollgate.llm.litellm_credential), such as C(credential) (its name), C(values) and
        C(secret_values). Models name a credential as C(litellm_credential_name).
    type: list
    elements: dict
  models:
    description:
      - Entries with the options of M(tollgate.llm.litellm_model), such as C(name) (what clients call it), C(id) (where
        several deployments share a name), C(model) (provider and its name), C(api_base), and prices in dollars
        (C(input_cost_per_token), C(output_cost_per_token)) or C(free=true).
      - The provider's key comes from one of C(api_key_secret) (in the secret store), C(api_key_file) and
        C(api_key_env); other secret parameters from C(secret_params).
    type: list
    elements: dict
  users:
    description:
      - Entries with the options of M(tollgate.llm.litellm_user), such as C(user) (its id), C(email), C(role).
    type: list
    elements: dict
  teams:
    description:
      - Entries with the options of M(tollgate.llm.litellm_team), such as C(team) (its id), C(models) or
        C(all_models=true), C(max_budget), C(budget_duration), C(tpm_limit), C(rpm_limit), and its C(members).
      - A team that is to go while keys stay in it is refused, unless its entry says C(delete_keys=true).
    type: list
    elements: dict
  keys:
    description:
      - Entries with the options of M(tollgate.llm.litellm_key), such as C(alias), C(team), C(models) or
        C(all_models=true), C(max_budget), C(budget_duration).
      - A key's value lies in O(secrets_directory), O(secrets_namespace) or O(secrets_gsm), under a name made from its
        alias unless C(secret) names another, or in C(value_file).
    type: list
    elements: dict
  customers:
    description:
      - Entries with the options of M(tollgate.llm.litellm_customer), such as C(customer) (its id), C(models),
        C(budget_id) or C(max_budget).
    type: list
    elements: dict
  unmanaged:
    description:
      - What becomes of credentials, models, users, teams and keys in the proxy that are not declared. Each of these
        that this module makes gets its O(owner)'s mark, C(tollgate_owner) in its metadata (of a model in its
        C(model_info), of a credential in its C(info)).
      - Budgets and customers are not looked for. LiteLLM has no place for a mark there, and makes both by itself.
      - V(report) lists them in RV(unmanaged), and the fields of declared objects that somebody has set beside the
        declared ones.
      - V(keep) does not look for them.
      - V(adopt) marks as the O(owner)'s what has no mark, declared or not, and gives for each that is not declared the
        entry that would declare it, without secrets. What is adopted and never declared goes with the next V(prune).
      - V(prune) deletes those that have the O(owner)'s mark, and so were dropped from the declaration. What somebody
        made by hand has no mark, and stays. A team that still has keys of others is not deleted; the run is refused.
      - With V(prune) members leave a declared team, too, that were declared in it by the same O(owner) and then dropped
        from its C(members), unless they have keys of the team. C(tollgate_members) in its metadata tells who they are.
    type: str
    choices: [report, keep, adopt, prune]
    default: report
  owner:
    description:
      - The name of this declaration in marks. Several declarations for one proxy, each with a name of its own, do not
        prune each other's objects.
    type: str
    default: tollgate
  max_deletions:
    description: >-
      How many objects O(unmanaged=prune) may delete in one run, members that leave teams included. When there are more,
      the run is refused before anything is written. Entries with C(state=absent) do not count.
    type: int
    default: 10
  stop_on_error:
    description: >-
      Whether nothing is begun any more once an object has failed. What was being sent at that moment
      (O(concurrency)) is still done.
    type: bool
    default: false
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
  - tollgate.llm._litellm.served
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.admin_key
  - tollgate.llm._litellm.cluster
seealso:
  - module: tollgate.llm.litellm_budget
  - module: tollgate.llm.litellm_credential
  - module: tollgate.llm.litellm_customer
  - module: tollgate.llm.litellm_key
  - module: tollgate.llm.litellm_model
  - module: tollgate.llm.litellm_team
  - module: tollgate.llm.litellm_user
  - module: tollgate.llm.file_secret
  - module: tollgate.llm.kubernetes_secret
"""

EXAMPLES = r"""
- name: Declare a gateway's tenants
  tollgate.llm.litellm_tenants:
    api_url: http://127.0.0.1:4000
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    secrets_directory: /var/lib/gateway/secrets
    budgets:
      - {budget: daily, max_budget: 1, budget_duration: 1d}
    credentials:
      - credential: vllm
        values: {api_base: "http://gpu-host:8000/v1"}
        secret_values: {api_key: {secret: vllm-api-key}}
    models:
      - name: qwen
        model: hosted_vllm/Qwen/Qwen3-8B
        litellm_credential_name: vllm
        input_cost_per_token: 0.000001
        output_cost_per_token: 0.000002
    users:
      - {user: ada, email: ada@example.org, role: internal_user}
    teams:
      - team: research
        models: [qwen]
        max_budget: 200
        budget_duration: 30d
        members: [{user: ada, max_budget: 50}]
    keys:
      - alias: notebooks
        team: research
        models: [qwen]
        max_budget: 20
      - alias: retired
        state: absent
    customers:
      - {customer: shop-4712, budget_id: daily}

- name: Remove what was dropped from the declaration, three objects at most
  tollgate.llm.litellm_tenants:
    api_url: http://127.0.0.1:4000
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    secrets_directory: /var/lib/gateway/secrets
    models: "{{ gateway_models }}"
    teams: "{{ gateway_teams }}"
    keys: "{{ gateway_keys }}"
    unmanaged: prune
    max_deletions: 3

- name: Declare the tenants of a gateway inside a cluster, with the secrets that lie there
  tollgate.llm.litellm_tenants:
    service: {name: litellm, namespace: litellm, port: 4000}
    secrets_namespace: litellm-store
    api_key_secret: litellm-master-key
    keys:
      - alias: notebooks
        models: [qwen]
        max_budget: 20

- name: The same with the secrets in Google Secret Manager
  tollgate.llm.litellm_tenants:
    service: {name: litellm, namespace: litellm, port: 4000}
    secrets_gsm: {project: my-project}
    api_key_secret: litellm-master-key
    keys:
      - alias: notebooks
        models: [qwen]
        max_budget: 20
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
    undeclared:
      description:
        - Fields that have a value in the proxy and are not in the entry, with their values; of metadata and other
          free dictionaries only the names of their entries.
      type: dict
      returned: when there are any, unless O(unmanaged=keep)
      sample: {max_budget: 100, metadata: [note]}
    effective:
      description:
        - Of a block or its end. C(proven) tells whether the key's own value was seen to be refused, or not any more, by
          each of O(workers), or, where their number is not given, by every connection once O(cache_time) was over.
        - C(workers) tells how many different workers were seen to do so, and C(seconds) how long that took.
        - Where no value is known, it waits for O(cache_time), and C(proven) is V(false).
      type: dict
      returned: with C(state=blocked) and C(state=unblocked)
      sample: {proven: true, seconds: 0.1, workers: 1}
unmanaged:
  description: What is in the proxy and not declared, of the kinds that a list was given for.
  type: list
  elements: dict
  returned: unless O(unmanaged=keep)
  contains:
    kind:
      description: V(budget), V(credential), V(model), V(user), V(team), V(key) or V(customer).
      type: str
      returned: always
    name:
      description: A key's alias, a team's id, a model's name.
      type: str
      returned: always
    owner:
      description: The declaration that made or adopted it, if one did.
      type: str
      returned: always
    changeable:
      description: Whether LiteLLM lets it be changed. It does not for a model of its configuration file.
      type: bool
      returned: always
    entry:
      description: The entry that would declare it, without secrets.
      type: dict
      returned: with O(unmanaged=adopt)
    token_id:
      description: LiteLLM's name for a key, the SHA-256 of its value.
      type: str
      returned: for keys
failures:
  description: Each object that failed, or was not begun, with what was to be done to it.
  type: list
  elements: dict
  returned: when there are any
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
      description: V(created), V(updated) or V(deleted).
      type: str
      returned: always
    reason:
      description: Why it failed, with LiteLLM's answer.
      type: str
      returned: always
requests:
  description: How many requests were sent, C(read) and C(write), and the C(seconds) from the first to the last answer.
  type: dict
  returned: always
  sample: {read: 1, write: 0, seconds: 0.02}
"""

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.block import ARGUMENTS as BLOCKING
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.kinds import RESOURCES
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.module import CHOICES, IGNORE, REFUSE, LiteLLMModule
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.undeclared import POLICIES, Policy


def main() -> None:
    entries = {"type": "list", "elements": "dict", "no_log": False}
    module = LiteLLMModule(
        {
            **{resource.plural: entries for resource in RESOURCES},
            "unmanaged": {"type": "str", "choices": list(POLICIES), "default": "report"},
            "owner": {"type": "str", "default": "tollgate"},
            "max_deletions": {"type": "int", "default": 10},
            "stop_on_error": {"type": "bool", "default": False},
            "unpriced_budgets": {"type": "str", "choices": CHOICES, "default": REFUSE},
            "served_names": {"type": "str", "choices": CHOICES, "default": IGNORE},
            **BLOCKING,
        }
    )
    options = module.options
    wanted = [(resource, options[resource.plural]) for resource in RESOURCES if options[resource.plural] is not None]
    policy = Policy(
        options["unmanaged"], options["owner"], options["max_deletions"], stop_on_error=options["stop_on_error"]
    )
    module.run(wanted, complete=True, policy=policy)


if __name__ == "__main__":
    main()
