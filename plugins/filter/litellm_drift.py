# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: litellm_drift
short_description: What differs between a proxy and its declaration
version_added: 1.0.0
description:
  - Makes a report of what M(tollgate.llm.litellm_tenants) says in check mode, with C(unmanaged=report).
positional: _input
options:
  _input:
    description: The module's result, also that of a refusal.
    type: dict
    required: true
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Compare the proxy with the declaration
  tollgate.llm.litellm_tenants:
    models: "{{ gateway_models }}"
    teams: "{{ gateway_teams }}"
    keys: "{{ gateway_keys }}"
    secrets_directory: /var/lib/gateway/secrets
    api_key_file: /var/lib/gateway/secrets/litellm-master-key
  check_mode: true
  register: compared

- name: Say what differs
  ansible.builtin.debug:
    msg: "{{ (compared | tollgate.llm.litellm_drift).sentences }}"
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    ok:
      description: Whether nothing differs, and nothing is in the proxy that is not declared.
      type: bool
    different:
      description: >-
        Declared objects that are missing, different, or there though declared absent (C(is)), with each differing field
        as C(declared) and C(actual).
      type: list
      elements: dict
    beside:
      description: Declared objects with fields that are set in the proxy and not in their entries.
      type: list
      elements: dict
    undeclared:
      description: Objects of the proxy that are not declared, as RV(tollgate.llm.litellm_tenants#module:unmanaged).
      type: list
      elements: dict
    problems:
      description: Why the proxy and the declaration could not be compared, if so.
      type: list
      elements: str
    as_declared:
      description: How many objects are as declared.
      type: int
    sentences:
      description: All of it in words.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.tollgate.llm.plugins.module_utils._litellm.drift import report


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        return {"litellm_drift": report}
