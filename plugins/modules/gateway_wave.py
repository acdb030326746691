#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_wave
short_description: Begin or end a wave of a gateway
version_added: 1.0.0
description:
  - At the beginning of a wave it refuses what can't work (misspelt C(gateway_*) variables, contradictions in the
    gateway file, taken ports, a full disk, a state directory of somebody else), makes the state directory, and takes
    the lock, so that one run at a time works on a gateway. What a killed run left behind is ended.
  - At its end it writes the wave's verdict, C(verdicts/<wave>.json).
  - It runs on the controller and reads the C(gateway_*) variables of the play.
options:
  wave:
    description: The wave's name, also its verdict's.
    type: str
    required: true
  state:
    description:
      - Whether the wave begins or has ended.
      - V(locked) only takes the lock of a gateway that exists, as a teardown does.
    type: str
    choices: [begun, ended, locked]
    required: true
  state_dir:
    description: The gateway's state directory.
    type: path
    required: true
  verdict:
    description:
      - Whether the wave's verdict counts as bad until its end. The proof keeps its last one, and writes its own.
    type: bool
    default: true
  checks:
    description: What was looked at, each with C(name), C(ok) and C(detail). The wave fails when one is not ok.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    details: Looks, refuses, and writes nothing.
  diff_mode:
    support: none
    details: Verdicts are not part of what is declared.
  action:
    support: full
    details: Runs on the controller only.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._attributes.action
requirements:
  - psutil
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Begin the wave
  tollgate.llm.gateway_wave:
    wave: data
    state: begun
    state_dir: "{{ gateway_state_dir }}"

- name: Write the wave's verdict
  tollgate.llm.gateway_wave:
    wave: data
    state: ended
    state_dir: "{{ gateway_state_dir }}"
    checks: "{{ database.checks }}"
"""

RETURN = r"""
exists:
  description: Whether there is a gateway in the state directory.
  type: bool
  returned: when state is locked
gateway:
  description: The name of the gateway in the state directory, as its marker says.
  type: str
  returned: when state is locked
checks:
  description: The checks of the verdict.
  type: list
  elements: dict
  returned: when the wave has ended
"""
