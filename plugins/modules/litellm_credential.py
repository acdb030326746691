#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_credential
short_description: Manage a credential of LiteLLM
version_added: 1.0.0
description:
  - Creates, updates and deletes a credential, which models name as C(litellm_credential_name). LiteLLM keeps its
    texts encrypted.
  - LiteLLM never gives secrets back. They are compared by fingerprints that are kept in O(info).
  - A credential that a model still names is not deleted, for each call of that model would fail.
  - An option without a default is kept as it is when it is not given, and left unset in a new credential. O(clear)
    unsets it.
  - For many objects, M(tollgate.llm.litellm_tenants) does the same in one task and a few requests.
options:
  credential:
    description: The credential's name.
    type: str
    required: true
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  display_name:
    description: The displayed name. Since LiteLLM 1.106.0.
    type: str
  values:
    description: >-
      What the provider wants to know and is no secret, such as C(api_base). Only declared entries count; a null one
      is removed (since LiteLLM 1.106.0). A new credential needs some value.
    type: dict
  secret_values:
    description: >-
      Secrets, such as C(api_key), each from one of C({secret: NAME}) (in O(secrets_directory), O(secrets_namespace) or
      O(secrets_gsm)), C({file: PATH}), C({env: NAME}).
    type: dict
  info:
    description: >-
      Facts about the credential, such as C(custom_llm_provider). Only declared entries count. They can be changed,
      but not removed.
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
- name: The key of a provider
  tollgate.llm.litellm_credential:
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
    credential: azure-west
    values:
      api_base: https://west.example.org
      api_version: "2025-01-01"
    secret_values:
      api_key: {file: /etc/gateway/azure-west.key}
    info: {custom_llm_provider: azure}
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

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.resources.credential import Credential
from ansible_collections.tollgate.llm.plugins.module_utils._litellm.single import run


def main() -> None:
    run(Credential())


if __name__ == "__main__":
    main()
