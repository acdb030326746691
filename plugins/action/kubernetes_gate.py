# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# An action plugin, since a module can't print: it waits in slices, and between them says what has changed.

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.gate import refusal
from ansible_collections.tollgate.llm.plugins.modules import kubernetes_gate
from ansible_collections.tollgate.llm.plugins.plugin_utils.in_worker import InWorker

FIRST, NEXT = 5, 15  # seconds of a slice; long enough for the module to be sure that something can't heal
TIMEOUT = 600  # as in the module


class ActionModule(InWorker):
    """Wait, and show progress."""

    _supports_async = False
    module = kubernetes_gate

    def execute(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        try:
            left = int(options.get("timeout", TIMEOUT))
        except (TypeError, ValueError) as error:
            raise AnsibleActionFail(f"timeout: {options['timeout']!r} is not a number of seconds") from error
        fail = boolean(options.pop("fail", True))
        began, told, length = time.monotonic(), {}, FIRST
        deadline = began + left
        while True:
            seconds = max(1, min(length, round(deadline - time.monotonic())))
            answer = super().execute({**options, "timeout": seconds, "fail": False}, task_vars)
            result.update(answer)
            over = time.monotonic() >= deadline
            if answer.get("failed") or answer["ok"] or answer["hopeless"] or over or self._task.check_mode:
                break
            told = self._show(answer["checks"], told, time.monotonic() - began)
            length = NEXT
        if "ok" in result:
            result["seconds"] = round(time.monotonic() - began, 1)
            if fail and not result["ok"] and not self._task.check_mode:
                result.update(failed=True, msg=refusal(str(options.get("name", "gate")), result))
        return result

    @staticmethod
    def _show(checks: list[dict[str, Any]], told: dict[str, str], seconds: float) -> dict[str, str]:
        """Print what has changed; returns what was said."""
        said = {check["name"]: "ok" if check["ok"] else check["detail"] for check in checks}
        for name, detail in said.items():
            if told.get(name) != detail:
                Display().display(f"[{seconds:4.0f} s] {name}: {detail}")
        return said
