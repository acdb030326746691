# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as a task does, in this process."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ansible.module_utils.testing import patch_module_args


@dataclass
class Task:
    """A connection to a proxy. Every result is searched for C(secrets)."""

    url: str
    key: str
    secrets: list[str] = field(default_factory=list)
    output: str = ""

    def __call__(self, module: ModuleType, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """One task's result, with its diff."""
        arguments = {
            "api_url": self.url,
            "api_key": self.key,
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_verbosity": 3,
        }
        written = io.StringIO()
        with patch_module_args(arguments), contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
            module.main()
        self.output = written.getvalue()
        for secret in (self.key, *self.secrets):
            assert secret not in self.output
        result: dict[str, Any] = json.loads(self.output)
        result.pop("invocation", None)
        return result
