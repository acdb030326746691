#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are written once, in Google Secret Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gsm_secret
short_description: Keep secrets that are written once, in Google Secret Manager
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Makes secrets, keeps them in Secret Manager, and never changes or shows them again.
  - Each secret is a container of that name, of which one version is the one. Its number is returned, and noted with
    its fingerprint in annotations of the container. Refer to that number, never to C(latest).
  - What exists is adopted, an empty container is filled. The oldest enabled version is taken. Several enabled versions
    with different values are refused until O(version) names one.
  - Any number of runs may create the same secret at the same time, and any of them may be killed. They end with the
    value of version 1. Whoever wrote a later one disables it.
  - Many secrets are read and written side by side. All problems of the list are reported together, before anything is
    written.
extends_documentation_fragment:
  - tollgate.llm._secret
  - tollgate.llm._gsm
options:
  secrets:
    description:
      - The secrets of this task, each with the options of a single one.
      - What an entry does not say it takes from the task, but for its value.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the secret.
        type: str
        required: true
      generate:
        description: How a new value is made.
        type: dict
        suboptions:
          format:
            description: How the random bytes are written.
            type: str
            choices: [hex, base64url, alphanumeric]
            default: hex
          bytes:
            description: Bytes of entropy, 16 to 512.
            type: int
            default: 32
          prefix:
            description: Text before the random part, which does not count as entropy.
            type: str
            default: ''
      value:
        description: The value.
        type: str
      value_file:
        description: A file on the target with the value. One trailing line break is not part of it.
        type: path
      mode:
        description: May a new value replace the old one?
        type: str
        choices: [write_once, versioned]
      adopt:
        description: Keep a secret that exists but was not made here?
        type: bool
      state:
        description: Shall the secret exist?
        type: str
        choices: [present, absent]
      allow_loss:
        description: Confirms O(secrets[].state=absent) for a write-once secret.
        type: bool
      replication:
        description: O(replication) of this secret.
        type: dict
        suboptions:
          regions:
            description: The regions of its copies. None means everywhere, as Google chooses.
            type: list
            elements: str
            default: []
          kms_keys:
            description: Keys of Cloud KMS.
            type: list
            elements: str
            default: []
      labels:
        description: O(labels) of this secret.
        type: dict
      annotations:
        description: O(annotations) of this secret.
        type: dict
      topics:
        description: O(topics) of this secret.
        type: list
        elements: str
      expire_time:
        description: O(expire_time) of this secret.
        type: str
      ttl:
        description: O(ttl) of this secret.
        type: int
      version_destroy_ttl:
        description: O(version_destroy_ttl) of this secret.
        type: int
      aliases:
        description: O(aliases) of this secret.
        type: list
        elements: str
      version:
        description: O(version) of this secret.
        type: int
      grace:
        description: O(grace) of this secret.
        type: int
      retired:
        description: O(retired) of this secret.
        type: str
        choices: [disable, destroy]
  replication:
    description:
      - Where a new secret is kept, and with whose keys it is encrypted. Without it Google chooses the places, and keys
        of its own.
      - The regions of a secret can never be changed. Others than the declared ones are refused.
      - It is for global secrets. Of a regional one (O(location)) only O(replication.kms_keys) can be declared.
    type: dict
    suboptions:
      regions:
        description: The regions of its copies. None means everywhere, as Google chooses.
        type: list
        elements: str
        default: []
      kms_keys:
        description:
          - Keys of Cloud KMS, as C(projects/*/locations/*/keyRings/*/cryptoKeys/*). One for each of the regions, in
            their order, else a single one.
          - Another key is used from the next version on.
        type: list
        elements: str
        default: []
  labels:
    description: Labels. Others that the secret has are left alone.
    type: dict
  annotations:
    description: Annotations. Others that the secret has are left alone.
    type: dict
  topics:
    description: Topics of Pub/Sub that are told of changes, as C(projects/*/topics/*). Exactly these, when declared.
    type: list
    elements: str
  expire_time:
    description:
      - When Google destroys the secret, such as V(2031-01-31T12:00:00Z), or V(never).
      - For a write-once secret O(allow_loss) must be set as well.
    type: str
  ttl:
    description:
      - The same in seconds from the creation. It changes nothing of a secret that exists.
    type: int
  version_destroy_ttl:
    description:
      - Seconds for which a version that somebody destroys can still be had back, 1 to 1000 days, or V(0) for none.
    type: int
  aliases:
    description: Names that shall stand for the version that is the one.
    type: list
    elements: str
  version:
    description:
      - The number of the version that is the one, where it can't be told, or to go back to it with
        O(mode=versioned).
      - A secret that another tool says it owns (label C(managed-by)) is used as it is when its version is named.
        Otherwise it is refused.
    type: int
  grace:
    description: With O(mode=versioned), seconds for which a replaced version stays enabled. A later run disables it.
    type: int
    default: 86400
  retired:
    description:
      - What becomes of a replaced version after O(grace). For V(destroy) O(allow_loss) must be set as well.
    type: str
    choices: [disable, destroy]
    default: disable
attributes:
  check_mode:
    description: Predicts what a run does, and writes nothing.
    support: full
  diff_mode:
    description: Shows fingerprints, versions and what lies around the values, never a secret.
    support: full
  idempotent:
    description: A second run sends two requests for each secret, and none that writes.
    support: full
  action_group:
    description: Options for all secret modules are set with C(module_defaults) for this group.
    support: full
    membership:
      - tollgate.llm.secret
  platform:
    description: Needs a POSIX system.
    support: full
    platforms: posix
notes:
  - The roles C(roles/secretmanager.admin) and C(roles/secretmanager.secretAccessor) are enough. For secrets that stay
    as they are C(roles/secretmanager.viewer) and C(roles/secretmanager.secretAccessor) are.
  - Access to a version by its number sees every write at once. Other reads of Secret Manager may be behind, which a run
    waits for, up to O(timeout).
  - What a run wrote that lost a race and was killed is disabled by the run that notes version 1. When that was before,
    it stays enabled, and nothing refers to it.
seealso:
  - plugin: tollgate.llm.gsm_secret
    plugin_type: lookup
  - module: tollgate.llm.kubernetes_secret
  - module: tollgate.llm.file_secret
"""

EXAMPLES = r"""
- name: Keep the gateway's secrets
  tollgate.llm.gsm_secret:
    project: my-project
    labels: {component: gateway}
    secrets:
      - name: litellm-master-key
        generate: {format: hex, bytes: 24, prefix: sk-}
      - name: litellm-salt-key
        generate: {format: hex, bytes: 32}
        version_destroy_ttl: 2592000
      - name: vllm-api-key  # exists already
  register: kept

- name: Show which versions to refer to
  ansible.builtin.debug:
    msg: "{{ kept.secrets | items2dict(key_name='name', value_name='version') }}"

- name: Keep a provider's key, which may rotate, in two regions
  tollgate.llm.gsm_secret:
    project: my-project
    name: litellm-provider-anthropic
    value: "{{ lookup('ansible.builtin.env', 'ANTHROPIC_API_KEY') }}"
    mode: versioned
    aliases: [current]
    grace: 3600
    replication:
      regions: [europe-west1, europe-west4]

- name: Go back to a provider's former key
  tollgate.llm.gsm_secret:
    project: my-project
    name: litellm-provider-anthropic
    mode: versioned
    version: 1
    aliases: [current]

- name: Keep a secret in one region, as another account
  tollgate.llm.gsm_secret:
    project: my-project
    location: europe-west3
    impersonate_service_account: secrets@my-project.iam.gserviceaccount.com
    name: litellm-db-password
    generate: {format: hex, bytes: 24}

- name: Remove a secret that nothing needs any more
  tollgate.llm.gsm_secret:
    project: my-project
    name: litellm-salt-key
    state: absent
    allow_loss: true
"""

RETURN = r"""
summary:
  description: How many secrets were created, adopted, updated, deleted and left unchanged.
  returned: always
  type: dict
  sample: {created: 1, adopted: 0, updated: 0, deleted: 0, unchanged: 2}
secrets:
  description: The secrets in the order of the list, without their values.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      returned: always
      type: str
      sample: litellm-salt-key
    action:
      description:
        - V(create), V(adopt), V(fill) (an empty container), V(replace), V(update) (what lies around the value),
          V(remove) or V(keep).
      returned: always
      type: str
      sample: keep
    fingerprint:
      description:
        - The first 12 hex digits of the value's SHA-256.
        - Not known in check mode of a value that a run would generate.
      returned: always
      type: str
      sample: sha256:3f79bb7b435b
    length:
      description: Characters of the value.
      returned: always
      type: int
      sample: 64
    mode:
      description: The secret's O(mode).
      returned: always
      type: str
      sample: write_once
    resource:
      description: The version's name for Secret Manager.
      returned: always
      type: str
      sample: projects/my-project/secrets/litellm-salt-key/versions/1
    version:
      description: The number to refer to.
      returned: always
      type: int
      sample: 1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_client, gsm_connection, gsm_settings
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.argument_spec import module_arguments
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.run import refuse, run


def main() -> None:
    """Run the module."""
    arguments = module_arguments(gsm_connection.ARGUMENTS, gsm_settings.ARGUMENTS)
    arguments["mutually_exclusive"] += gsm_connection.EXCLUSIVE
    module = AnsibleModule(**arguments)
    require(module, **{"google-cloud-secret-manager": gsm_client.GOOGLE_IMPORT_ERROR})
    declared, problems = gsm_settings.settings(module.params)
    refuse(module, problems)
    try:
        store = gsm_connection.opened(module.params, declared)
    except gsm_connection.ConnectionProblem as error:
        module.fail_json(msg=f"{error} Nothing was changed.")
    run(module, store)


if __name__ == "__main__":
    main()
