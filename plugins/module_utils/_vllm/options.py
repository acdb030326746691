# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of one model."""

from __future__ import annotations

from typing import Any

from .arguments import ARGUMENTS

REFERENCE: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
}
ACCESS_MODES = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]

MODEL: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "id": {"type": "str"},
    "model": {"type": "str"},
    "image": {"type": "str"},
    "replicas": {"type": "raw", "default": 1},  # a null is no int, and means something
    **{each.option: each.spec() for each in ARGUMENTS},
    "extra_args": {"type": "list", "elements": "str", "default": []},
    "env": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "value": {"type": "str"},
            "secret": {"type": "dict", "no_log": False, "options": REFERENCE},
        },
    },
    "gpus": {"type": "int", "default": 0},
    "cpu": {"type": "str"},
    "memory": {"type": "str"},
    "shm_size": {"type": "str"},
    "volume": {
        "type": "dict",
        "options": {
            "claim": {"type": "str"},
            "size": {"type": "str"},
            "storage_class": {"type": "str"},
            "access_modes": {"type": "list", "elements": "str", "choices": ACCESS_MODES},
            "limit": {"type": "str"},
            "path": {"type": "str", "default": "/models"},
        },
    },
    "hf_token_secret": {"type": "dict", "no_log": False, "options": REFERENCE},
    "startup_seconds": {"type": "int"},
    "node_selector": {"type": "dict"},
    "tolerations": {"type": "list", "elements": "dict", "default": []},
    "runtime_class": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
