# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules for one object: their options come from the resource's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .field import Kind
from .module import CONNECTION, LiteLLMModule
from .resource import Resource

OPTIONS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "str"},
    Kind.NUMBER: {"type": "int"},
    Kind.MONEY: {"type": "float"},
    Kind.FLAG: {"type": "bool"},
    Kind.DURATION: {"type": "str"},
    Kind.NAMES: {"type": "list", "elements": "str"},
    Kind.DICT: {"type": "dict"},
    Kind.WINDOWS: {"type": "list", "elements": "dict"},
}
EXTRA: dict[str, dict[str, Any]] = {
    "all_models": {"type": "bool", "default": False},
    "free": {"type": "bool", "default": False},
    "secret_params": {"type": "dict", "no_log": False},
    "api_key_secret": {"type": "str", "no_log": False},
    "secret": {"type": "str", "no_log": False},
}
# Names that look secret to Ansible and are not.
OPEN = {"permissions", "allowed_cache_controls"}


def argument_spec(resource: Resource) -> dict[str, dict[str, Any]]:
    """The options of one object."""
    spec: dict[str, dict[str, Any]] = {
        resource.identity: {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "clear": {"type": "list", "elements": "str", "default": []},
    }
    # api_key_file names the admin's key already.
    spec |= {name: EXTRA.get(name, {"type": "str"}) for name in resource.options if name not in CONNECTION}
    spec |= {line.name: dict(OPTIONS[line.kind]) for line in resource.fields}
    for name in OPEN & set(spec):
        spec[name]["no_log"] = False
    return spec


def run(resource: Resource, extra: Mapping[str, Any], mutually_exclusive: Sequence[tuple[str, ...]] = ()) -> None:
    """The whole module."""
    module = LiteLLMModule({**argument_spec(resource), **extra}, mutually_exclusive=mutually_exclusive)
    options = [name for name in resource.options if name not in CONNECTION]
    names = [resource.identity, "state", *options, *extra, *(line.name for line in resource.fields)]
    entry = {name: module.options[name] for name in names if module.options.get(name) not in (None, False)}
    entry |= {line.name: False for line in resource.fields if module.options.get(line.name) is False}
    entry |= dict.fromkeys(module.options["clear"])
    module.run([(resource, [entry])], complete=False)
