# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# An action plugin, since only the controller's side knows which ansible-playbook this is, and sees every variable.

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import (
    cluster_preflight,
    preflight,
    processes,
    temporary,
    verdict,
)
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.run_lock import RUN_VARIABLE, RunLock, Taken
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.state_directory import StateDirectory

CLUSTER = ("gateway_kubeconfig", "gateway_context")


def playbook() -> int:
    """The pid of the ansible-playbook that this worker was forked from. Raises GatewayError when it was killed."""
    parent = os.getppid()
    if processes.command_line(parent) != processes.command_line(os.getpid()):
        raise GatewayError("the ansible-playbook of this task was ended meanwhile.", next_step="Run it again.")
    return parent


class ActionModule(ActionBase):
    """Begin or end a wave of a gateway."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if processes.PSUTIL_IMPORT_ERROR:
            raise AnsibleActionFail("The Python package psutil is missing. Run: pip install psutil")
        options = self.validate_argument_spec(
            {
                "wave": {"type": "str", "required": True},
                "state": {"type": "str", "choices": ["begun", "ended", "locked"], "required": True},
                "state_dir": {"type": "path", "required": True},
                "verdict": {"type": "bool", "default": True},
                "checks": {"type": "list", "elements": "dict", "default": []},
            }
        )[1]
        try:
            if options["state"] == "begun":
                result.update(self._begin(options, task_vars or {}))
            elif options["state"] == "locked":
                result.update(self._lock(options, task_vars or {}))
            else:
                result.update(self._end(options))
        except GatewayError as error:
            raise AnsibleActionFail(str(error)) from error
        return result

    def _begin(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        declared = {
            name: self._templar.template(task_vars[name])
            for name in task_vars
            if isinstance(name, str) and (name.startswith("gateway_") or name in cluster_preflight.COMPONENTS)
        }
        state = StateDirectory(options["state_dir"])
        state.check(str(declared.get("gateway_name", "")))
        preflight.check_variables(declared)
        lock = RunLock(state.path)
        first = "tollgate_environment" not in (task_vars.get("ansible_facts") or {})
        cluster = cluster_preflight.environment(declared) if declared.get("gateway_target") == "kubernetes" else None
        # A run that holds the lock has passed these already; they look at the whole machine, or cluster.
        if not lock.held_by(playbook()):
            lock.check(playbook())
            if cluster is None:
                preflight.check_machine(state, declared)
            elif first:
                preflight.check_components(map(str, task_vars))
                cluster_preflight.check_cluster(declared)
        if self._task.check_mode:
            # A real run makes it in its first wave.
            return {"changed": first and bool(state.missing()), "ansible_facts": self._facts(state, "", cluster)}
        changed = state.create(str(declared["gateway_name"]))
        taken = self._take(lock)
        if options["verdict"]:
            verdict.begin(state.path, options["wave"])
        found = {"changed": changed, "ansible_facts": self._facts(state, taken.run, cluster)}
        if taken.ended:
            found["msg"] = f"Ended {len(taken.ended)} processes that a killed run had left behind."
        return found

    def _lock(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """For a teardown: whatever the gateway file says, nobody else may be at work."""
        state = StateDirectory(options["state_dir"])
        lock = RunLock(state.path)
        state.check_marker_kept()
        lock.check(playbook())
        run = ""
        if state.marker and not self._task.check_mode:
            # A full disk may not keep anybody from stopping a gateway: then without a lock.
            with contextlib.suppress(GatewayError):
                run = self._take(lock).run
        found = {"exists": bool(state.marker), "gateway": str(state.marker.get("name", ""))}
        named = {name: self._templar.template(task_vars[name]) for name in CLUSTER if name in task_vars}
        return {
            "changed": False,
            **found,
            "ansible_facts": self._facts(state, run, cluster_preflight.environment(named)),
        }

    @staticmethod
    def _take(lock: RunLock) -> Taken:
        taken = lock.take(playbook())
        temporary.sweep_controller(Path(C.DEFAULT_LOCAL_TMP), taken.before)
        return taken

    @staticmethod
    def _facts(state: StateDirectory, run: str, cluster: dict[str, str] | None) -> dict[str, Any]:
        # Each wave's `environment`: marks its processes, and keeps what they unpack in a place that is swept.
        place = state.path / temporary.DIRECTORY
        return {
            "tollgate_environment": {
                RUN_VARIABLE: run,
                **({"TMPDIR": str(place)} if place.is_dir() else {}),
                **(cluster or {}),
            },
            "tollgate_id": str(state.marker.get("id", "")),
            "tollgate_root": os.geteuid() == 0,
        }

    def _end(self, options: dict[str, Any]) -> dict[str, Any]:
        checks = [verdict.Check(str(c["name"]), bool(c["ok"]), str(c["detail"])) for c in options["checks"]]
        if self._task.check_mode:
            return {"changed": False}
        ok = verdict.finish(StateDirectory(options["state_dir"]).path, options["wave"], checks)
        lines = [f"{'ok' if check.ok else 'FAILED'}  {check.name}: {check.detail}" for check in checks]
        return {"changed": False, "failed": not ok, "msg": "\n".join(lines), "checks": options["checks"]}
