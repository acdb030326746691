#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_user
short_description: Manage an internal user of LiteLLM
version_added: 1.0.0
description:
  - Creates, updates and deletes a user, without a key. Keys name the user as C(user), teams have users as
    C(members).
  - LiteLLM drops most empty values in an update of a user, so that they can be changed but not cleared.
  - A user who has keys is not deleted unless O(delete_keys=true), for LiteLLM would delete them too.
  - An option without a default is kept as it is when it is not given, and left unset in a new user. Unset means no
    limit, V(false) or an empty list, where the option says nothing else. O(clear) unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  user:
    description: The user's id.
    type: str
    required: true
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  delete_keys:
    description: >-
      LiteLLM deletes the keys of a user together with it. With V(false), a user who has keys is not removed.
    type: bool
    default: false
  email:
    description: The user's e-mail address. LiteLLM does not check it.
    type: str
  alias:
    description: The user's displayed name.
    type: str
  role:
    description: What the user may do in the admin UI. Unset is V(internal_user).
    type: str
    choices: [proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer]
  models:
    description: The models that the user's own keys may use. V(no-default-models) allows none. It can't be emptied.
    type: list
    elements: str
  max_budget:
    description: >-
      Dollars that all keys of the user together may spend (in each O(budget_duration), if there is one). V(0)
      refuses every call.
    type: float
  budget_duration:
    description: >-
      After this time the spend starts again from 0, aligned to the calendar, such as V(30d).
      It can be cleared since LiteLLM 1.103.0.
    type: str
  tpm_limit:
    description: Tokens per minute. It can be cleared since LiteLLM 1.106.0.
    type: int
  rpm_limit:
    description: Requests per minute. It can be cleared since LiteLLM 1.106.0.
    type: int
  max_parallel_requests:
    description: Requests at a time.
    type: int
  allowed_cache_controls:
    description: Cache controls that a request may carry. It can't be emptied.
    type: list
    elements: str
  object_permission:
    description: >-
      What the user may use beside models, such as C(vector_stores), C(agents) and C(mcp_servers), by their ids.
      Only declared parts count; an empty list clears one.
    type: dict
  model_rpm_limit:
    description: Requests per minute for each model.
    type: dict
  model_tpm_limit:
    description: Tokens per minute for each model.
    type: dict
  sso_user_id:
    description: The user's id of the single sign-on. LiteLLM takes it for a new user only.
    type: str
  model_max_budget:
    description: >-
      A budget for each model, with C(max_budget) (dollars) and C(budget_duration). Needs LiteLLM Enterprise.
    type: dict
  metadata:
    description: Anything about the user. Only declared entries count; a null one is removed, but not the last.
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
  - tollgate.llm._litellm.prices
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.admin_key
  - tollgate.llm._litellm.cluster
seealso:
  - module: tollgate.llm.litellm_tenants
"""

EXAMPLES = r"""
- name: Somebody who sees the admin UI and owns keys
  tollgate.llm.litellm_user:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    user: ada
    email: ada@example.org
    role: internal_user
    max_budget: 20
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

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.user import User
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(User())


if __name__ == "__main__":
    main()
