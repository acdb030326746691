# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of what is delivered, and out of which store."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors C(ARGUMENTS) of `plugins/module_utils/_secrets/origin.py`."""

    DOCUMENTATION = r"""
options:
  store_namespace:
    description: The namespace of the store, when that is the one of M(tollgate.llm.kubernetes_secret).
    type: str
  store_directory:
    description: The directory of the store, when that is the one of M(tollgate.llm.file_secret).
    type: path
  store_gsm:
    description: How Secret Manager is reached, when the store is that of M(tollgate.llm.gsm_secret).
    type: dict
    suboptions:
      versions:
        description: The number of the version that is delivered, by the name of the secret.
        type: dict
        required: true
      project:
        description: As O(tollgate.llm.gsm_secret#module:project).
        type: str
      location:
        description: As O(tollgate.llm.gsm_secret#module:location).
        type: str
      prefix:
        description: As O(tollgate.llm.gsm_secret#module:prefix).
        type: str
        default: ''
      service_account_file:
        description: As O(tollgate.llm.gsm_secret#module:service_account_file).
        type: path
      impersonate_service_account:
        description: As O(tollgate.llm.gsm_secret#module:impersonate_service_account).
        type: str
      access_token:
        description: As O(tollgate.llm.gsm_secret#module:access_token).
        type: str
      quota_project:
        description: As O(tollgate.llm.gsm_secret#module:quota_project).
        type: str
      endpoint:
        description: As O(tollgate.llm.gsm_secret#module:endpoint).
        type: str
      insecure:
        description: As O(tollgate.llm.gsm_secret#module:insecure).
        type: bool
        default: false
      transport:
        description: As O(tollgate.llm.gsm_secret#module:transport).
        type: str
        choices: [rest, grpc]
        default: rest
      timeout:
        description: As O(tollgate.llm.gsm_secret#module:timeout).
        type: int
        default: 60
  deliver:
    description: The Secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the Secret.
        type: str
        required: true
      namespace:
        description: Its namespace.
        type: str
        required: true
      type:
        description: Its type, such as V(kubernetes.io/basic-auth). It can't be changed later.
        type: str
        default: Opaque
      labels:
        description: Labels beside those that Tollgate gives to all its objects. Others that it has are kept.
        type: dict
      immutable:
        description: Whether its data can never be changed again.
        type: bool
        default: false
      data:
        description:
          - What lies under each key, as a dictionary with one entry. C(secret) is the name of a secret of the store,
            C(value) a text that is no secret, such as the name of a user.
        type: dict
        required: true
"""
