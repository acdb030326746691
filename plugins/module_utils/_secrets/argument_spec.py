# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every secret module has. `plugins/doc_fragments/_secret.py` documents them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .value import FORMATS
from .write_once import Mode, State

SOURCES = ("generate", "value", "value_file")


def _policy(*, defaults: bool) -> dict[str, Any]:
    """Options that an entry of the list takes from the task unless it has its own."""
    spec: dict[str, Any] = {
        "mode": {"type": "str", "choices": [mode.value for mode in Mode]},
        "adopt": {"type": "bool"},
        "state": {"type": "str", "choices": [state.value for state in State]},
        "allow_loss": {"type": "bool"},
    }
    if defaults:
        spec["mode"]["default"] = Mode.WRITE_ONCE.value
        spec["adopt"]["default"] = True
        spec["state"]["default"] = State.PRESENT.value
        spec["allow_loss"]["default"] = False
    return spec


def _source() -> dict[str, Any]:
    return {
        "generate": {
            "type": "dict",
            "options": {
                "format": {"type": "str", "choices": list(FORMATS), "default": "hex"},
                "bytes": {"type": "int", "default": 32},
                "prefix": {"type": "str", "default": ""},
            },
        },
        "value": {"type": "str", "no_log": True},
        "value_file": {"type": "path"},
    }


def module_arguments(
    store_options: dict[str, Any], entry_options: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Keyword arguments of AnsibleModule for a store with these options of its own.

    C(entry_options) are those which an entry of the list takes from the task unless it has its own.
    """
    own = entry_options or {}
    bare = {name: {key: each for key, each in option.items() if key != "default"} for name, option in own.items()}
    entry = {"name": {"type": "str", "required": True}, **_source(), **_policy(defaults=False), **bare}
    return {
        "argument_spec": {
            "name": {"type": "str"},
            "secrets": {
                "type": "list",
                "elements": "dict",
                "no_log": False,
                "options": entry,
                "mutually_exclusive": [SOURCES],
            },
            **_source(),
            **_policy(defaults=True),
            **own,
            **store_options,
        },
        "mutually_exclusive": [SOURCES, ("name", "secrets"), *(("secrets", source) for source in SOURCES)],
        "required_one_of": [("name", "secrets")],
        "supports_check_mode": True,
    }
