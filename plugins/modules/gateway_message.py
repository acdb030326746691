#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_message
short_description: Print a text as it is
version_added: 1.0.0
description:
  - Prints lines that can be copied into a shell, whatever the output's format is.
  - It runs on the controller.
options:
  text:
    description: The text. It may hold no secret.
    type: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  action:
    support: full
    details: Runs on the controller only.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._attributes.action
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Say where the gateway is
  tollgate.llm.gateway_message:
    text: |
      Gateway  http://127.0.0.1:4000/v1
"""

RETURN = r"""#"""
