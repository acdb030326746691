#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: external_secrets_info
short_description: Which operator of External Secrets a cluster has, and whether one is to be installed
version_added: 1.0.0
description:
  - Looks for Deployments of the operator in all namespaces, in a request or two, and changes nothing.
  - It fails when what is there can't be used and must not be replaced, such as a version that is too old, or when
    removing the operator would remove objects that depend on it.
options:
  namespace:
    description: The namespace of an operator of our own.
    type: str
    default: external-secrets
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._kubernetes
  - tollgate.llm._operator
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Look for an operator
  tollgate.llm.external_secrets_info:
    version: 2.9.0
  register: operator
"""

RETURN = r"""
manage:
  description: Whether the operator's objects are to be applied, or removed.
  type: bool
  returned: always
current:
  description: Whether an operator is there as it is wanted.
  type: bool
  returned: always
why:
  description: What is there, in words.
  type: str
  returned: always
  sample: External Secrets 2.9.0 is not there yet
operators:
  description: The operators that will serve, as far as they are there.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The Deployment.
      type: str
    namespace:
      description: Its namespace.
      type: str
    account:
      description: The ServiceAccount of its pods.
      type: str
    version:
      description: Its version, as the tag of its image says.
      type: str
    ours:
      description: Whether it was installed from here.
      type: bool
"""

from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import external_secrets, operator_info


def main() -> None:
    operator_info.main_of(external_secrets.Operator, namespace="external-secrets")


if __name__ == "__main__":
    main()
