# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules for one object: their options come from the resource's table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from .block import ARGUMENTS as BLOCKING
from .guards import LIMITED
from .kind import Kind
from .module import CHOICES, CONNECTION, IGNORE, REFUSE, LiteLLMModule
from .resource import Resource

OPTIONS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "str"},
    Kind.NUMBER: {"type": "int"},
    Kind.POSITIVE: {"type": "int"},
    Kind.MONEY: {"type": "float"},
    Kind.FLAG: {"type": "bool"},
    Kind.DURATION: {"type": "str"},
    Kind.NAMES: {"type": "list", "elements": "str"},
    Kind.RECORDS: {"type": "list", "elements": "dict"},
    Kind.RATES: {"type": "dict"},
    Kind.DICT: {"type": "dict"},
    Kind.PARTS: {"type": "dict"},
    Kind.WINDOWS: {"type": "list", "elements": "dict"},
    Kind.TIME: {"type": "str"},
    Kind.MEMBERS: {"type": "list", "elements": "dict"},
}
EXTRA: dict[str, dict[str, Any]] = {
    "all_models": {"type": "bool", "default": False},
    "delete_keys": {"type": "bool", "default": False},
    "free": {"type": "bool", "default": False},
    "secret_params": {"type": "dict"},
    "secret_values": {"type": "dict"},
    "api_key_secret": {"type": "str"},
    "secret": {"type": "str"},
    "value": {"type": "str", "no_log": True},
    "value_file": {"type": "path", "no_log": False},
}
# Names with these words look secret to Ansible. What is secret says so itself.
OPEN = re.compile("key|token|secret|pass|cred|auth|permission|cache")


def argument_spec(resource: Resource) -> dict[str, dict[str, Any]]:
    """The options of one object."""
    spec: dict[str, dict[str, Any]] = {
        resource.identity: {"type": "str", "required": True},
        "state": {"type": "str", "choices": list(resource.states), "default": "present"},
        "clear": {"type": "list", "elements": "str", "default": []},
    }
    if resource.kind in LIMITED:
        spec["unpriced_budgets"] = {"type": "str", "choices": CHOICES, "default": REFUSE}
    if resource.kind == "model":
        spec["served_names"] = {"type": "str", "choices": CHOICES, "default": IGNORE}
    spec |= BLOCKING if "blocked" in resource.states else {}
    spec |= {name: dict(EXTRA.get(name, {"type": "str"})) for name in _options(resource)}
    for line in resource.fields:
        spec[line.name] = {**OPTIONS[line.kind], **({"choices": list(line.choices)} if line.choices else {})}
    for name, option in spec.items():
        if OPEN.search(name):
            option.setdefault("no_log", False)
    return spec


def _options(resource: Resource) -> list[str]:
    """Options beside fields. C(api_key_file) names the admin's key already."""
    return [name for name in resource.options if name not in CONNECTION]


def entry_of(resource: Resource, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as an entry of the gateway file: what was not given is left out, what is to be cleared is null."""
    named = [resource.identity, "state", *(line.name for line in resource.fields)]
    entry = {name: options[name] for name in named if options.get(name) is not None}
    # Flags beside fields say the same when they are false as when they are not given.
    entry |= {name: options[name] for name in _options(resource) if options.get(name)}
    return {**entry, **dict.fromkeys(options["clear"])}


def refused_clear(resource: Resource, options: Mapping[str, Any]) -> str:
    """What is wrong with C(clear); empty when nothing is."""
    known = [line.name for line in resource.fields]
    for name in options["clear"]:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            return f'clear: unknown field "{name}"' + (f', did you mean "{near[0]}"?' if near else "")
        if options.get(name) is not None:
            return f'clear: "{name}" has a value too. Leave out one of them.'
    return ""


def run(resource: Resource, mutually_exclusive: Sequence[tuple[str, ...]] = ()) -> None:
    """The whole module."""
    module = LiteLLMModule(argument_spec(resource), mutually_exclusive=mutually_exclusive)
    wrong = refused_clear(resource, module.options)
    if wrong:
        module.ansible.fail_json(msg=wrong)
    module.run([(resource, [entry_of(resource, module.options)])], complete=False)
