#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_model
short_description: Manage a model of LiteLLM
version_added: 1.0.0
description:
  - Creates, updates and deletes a deployment of a model in LiteLLM's database. Secrets and references to the proxy's
    environment are compared by fingerprints, since LiteLLM never gives them back.
  - A parameter that is stored can be changed, but only prices and the credential's name can be removed.
  - An option without a default is kept as it is when it is not given, and left unset in a new model. Unset means no
    limit, V(false) or an empty list, where the option says nothing else. O(clear) unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  name:
    description: The name that clients use. Several deployments may share it, each with an O(id).
    type: str
    required: true
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  id:
    description: >-
      The deployment's id, if it is not the name (or made of it, when it holds other characters than letters,
      digits and C(. _ -)).
    type: str
  free:
    description: >-
      Whether calls shall cost nothing, so that a budget which does not count them is no mistake. It is kept in the
      model's C(model_info), as C(tollgate_free).
    type: bool
    default: false
  api_key_env:
    description: An environment variable of whoever runs Ansible that holds the provider's key.
    type: str
  api_key_secret:
    description: A secret in O(secrets_directory), O(secrets_namespace) or O(secrets_gsm) that holds the provider's key.
    type: str
  admin_key_secret:
    description: >-
      A secret there that holds an admin key. O(api_key_file) wins over it, and it wins over O(api_key). Other modules
      call it C(api_key_secret).
    type: str
  secret_params:
    description: "Further secret parameters, each from one of C({secret: NAME}), C({file: PATH}), C({env: NAME})."
    type: dict
  renamed_from:
    description: >-
      The name under which the model was declared first. The deployment keeps its id, and everything that was set of it
      by hand. Leave it in the entry, or say the O(id).
    type: str
  model:
    description: >-
      The provider and its name of the model, such as V(hosted_vllm/qwen) or V(anthropic/claude-haiku-4-5).
      Needed for a new model.
    type: str
  api_base:
    description: The provider's URL.
    type: str
  api_version:
    description: The provider's API version.
    type: str
  input_cost_per_token:
    description: Dollars per input token. Without prices calls of one's own models cost nothing and budgets never bind.
    type: float
  output_cost_per_token:
    description: Dollars per output token.
    type: float
  cache_read_input_token_cost:
    description: Dollars per input token that the provider had cached.
    type: float
  cache_creation_input_token_cost:
    description: Dollars per input token that the provider caches.
    type: float
  rpm:
    description: Requests per minute that this deployment takes.
    type: int
  tpm:
    description: Tokens per minute that this deployment takes.
    type: int
  max_parallel_requests:
    description: Requests at a time that this deployment takes.
    type: int
  max_retries:
    description: How often a failed call is tried again. Unset, as often as C(num_retries) of the proxy's router says.
    type: int
  weight:
    description: Its share of the calls, a number beside those of other deployments of the name. Unset, equal shares.
    type: int
  order:
    description: Its place, a number. Deployments of a lower one are tried first; unset is the last.
    type: int
  tags:
    description: Tags for routing.
    type: list
    elements: str
  litellm_credential_name:
    description: A stored credential of LiteLLM. It can be cleared since LiteLLM 1.106.0.
    type: str
  blocked:
    description: Whether the deployment gets no calls for the time being. Since LiteLLM 1.106.0.
    type: bool
  litellm_params:
    description: >-
      Further parameters of the deployment. Nested values are stored in clear, so a secret among them is
      refused.
    type: dict
  model_info:
    description: Further facts about the model, such as C(mode), C(base_model), C(max_input_tokens).
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
  - tollgate.llm._litellm.served
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.cluster
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: A vLLM server with prices
  tollgate.llm.litellm_model:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    name: qwen
    model: hosted_vllm/Qwen/Qwen3-8B
    api_base: http://gpu-host:8000/v1
    input_cost_per_token: 0.000001
    output_cost_per_token: 0.000002
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

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.model import Model
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Model())


if __name__ == "__main__":
    main()
