# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module in Ansible's worker process where that comes to the same as a process of its own.

A process of its own costs a second: Python starts, and imports a client of thousands of files. A worker is forked from
ansible-playbook, which loads a task's action plugin before that: what the plugin imports is imported once. Collections
for network devices run their modules in this way too (ansible.netcommon, C(import_modules)), by the same hook of
ansible-core.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.module_utils import basic
from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder
from ansible.plugins.action import ActionBase
from ansible.vars.clean import remove_internal_keys

COLLECTION = "tollgate.llm"
PROFILE = "legacy"  # how ansible-core writes a module's options and result; its default for modules
PAUSE = 0.5  # seconds


class InWorker(ActionBase):
    """A module of this collection: in the worker, or else as Ansible runs any module."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True
    module: ClassVar[ModuleType]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self.execute(dict(self._task.args), task_vars or {}))
        return result

    def execute(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The module's result."""
        name = f"{COLLECTION}.{self.module.__name__.rpartition('.')[2]}"
        found: dict[str, Any]
        if not self._same_place(task_vars):
            found = self._execute_module(
                module_name=name, module_args=options, task_vars=task_vars, wrap_async=self._task.async_val
            )
            return found
        self._update_module_args(name, options, task_vars)
        environment: dict[str, Any] = {}
        compute: Any = self._compute_environment_string  # without types
        compute(environment)
        with surroundings(environment), results(options) as said, contextlib.suppress(SystemExit):
            self.module.main()
        if not said:
            raise AnsibleActionFail(f"{name} ended without a result")
        found = json.loads(said[-1], cls=get_module_decoder(PROFILE, Direction.MODULE_TO_CONTROLLER))
        remove_internal_keys(found)
        return found

    def _same_place(self, task_vars: dict[str, Any]) -> bool:
        """Whether the module would run on this machine, as this user, by this Python, and be waited for."""
        if self._connection.transport != "local" or self._connection.become or self._task.async_val:
            return False
        wanted = C.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars)
        return Path(str(self._templar.template(wanted))) == Path(sys.executable)


@contextlib.contextmanager
def surroundings(environment: dict[str, Any]) -> Iterator[None]:
    """The environment that a process of its own would have; and an end when ansible-playbook was killed."""
    before, place = dict(os.environ), tempfile.tempdir
    os.environ.update({name: str(value) for name, value in environment.items()})
    tempfile.tempdir = None  # asked for again
    over = threading.Event()
    threading.Thread(target=_watch, args=(os.getppid(), over), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        os.environ.clear()
        os.environ.update(before)
        tempfile.tempdir = place


def _watch(parent: int, over: threading.Event) -> None:
    """End this process with its parent: nobody else would, and the next run must be alone at work."""
    while not over.wait(PAUSE):
        if os.getppid() != parent:
            os._exit(1)


@contextlib.contextmanager
def results(options: dict[str, Any]) -> Iterator[list[str]]:
    """Give AnsibleModule its options, and take what it would print."""
    said: list[str] = []
    encoder = get_module_encoder(PROFILE, Direction.MODULE_TO_CONTROLLER)

    def record(_module: basic.AnsibleModule, result: dict[str, Any]) -> None:
        said.append(json.dumps(result, cls=encoder))

    given = json.dumps(
        {"ANSIBLE_MODULE_ARGS": options}, cls=get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
    )
    changes: list[tuple[Any, str, Any]] = [
        (basic, "_ANSIBLE_ARGS", given.encode()),
        (basic, "_ANSIBLE_PROFILE", PROFILE),
        (basic.AnsibleModule, "_record_module_result", record),
    ]
    with contextlib.ExitStack() as restored:
        for owner, name, value in changes:
            restored.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        yield said
