# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation of modules, as a play that can be run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import yaml

PLUGINS = "ansible_collections.tollgate.llm.plugins"


def tasks(plugin: str, places: Mapping[str, str]) -> list[dict[str, Any]]:
    """The tasks of PLUGIN (modules.file_secret), with a test's own places in place of those in the text."""
    text = str(importlib.import_module(f"{PLUGINS}.{plugin}").EXAMPLES)
    for documented, place in places.items():
        text = text.replace(documented, place)
    return list(yaml.safe_load(text))


def play(given: list[dict[str, Any]]) -> str:
    """A play of these tasks on this machine."""
    found = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": given}
    found["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return yaml.safe_dump([found], sort_keys=False)
