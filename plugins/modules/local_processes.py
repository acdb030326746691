#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_processes
short_description: Keep the processes of a local gateway running
version_added: 1.0.0
description:
  - Runs programs under supervisord, which restarts them when they die and rotates their logs. A program is restarted
    by this module when its command or a file that it reads at its start has changed, and otherwise left alone.
  - Then waits until each is ready, and explains it when one is not.
options:
  state_dir:
    description: The gateway's state directory.
    type: path
    required: true
  state:
    description: V(stopped) ends all programs of the gateway, the last started first, and supervisord.
    type: str
    choices: [started, stopped]
    default: started
  supervisord:
    description: The program C(supervisord). Needed to start.
    type: str
  programs:
    description: The programs. Those of the same gateway that are not listed are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The program's name, also its log's.
        type: str
        required: true
      command:
        description: The program and its arguments. No secret may be among them.
        type: list
        elements: str
        required: true
      directory:
        description: Its working directory; the state directory by default.
        type: path
      environment:
        description: Environment variables, none of them secret.
        type: dict
        default: {}
      user:
        description: As root only, whom it runs as.
        type: str
      priority:
        description: Programs start in this order and stop in the reverse.
        type: int
        default: 100
      stop_signal:
        description: The signal that asks it to stop.
        type: str
        default: TERM
      stop_seconds:
        description: How long it may take before it is killed.
        type: int
        default: 20
      depends_on:
        description: Files that it reads at its start; another content restarts it.
        type: list
        elements: path
        default: []
      restart:
        description: In check mode, whether a file that it reads would be another one by then.
        type: bool
        default: false
      ready_url:
        description: It is ready when this URL answers with 200.
        type: str
      ready_database:
        description: It is ready when this database takes a connection.
        type: dict
        suboptions:
          url_file: {description: A file that holds the database's URL., type: path}
          host: {description: The server., type: str, default: 127.0.0.1}
          port: {description: Its port., type: int, default: 5432}
          name: {description: The database., type: str, default: litellm}
          user: {description: The role., type: str, default: litellm}
          password_file: {description: A file that holds its password., type: path}
      ready_seconds:
        description: How long it may take to be ready.
        type: int
        default: 60
attributes:
  check_mode:
    support: full
    details: Says which programs would be (re)started.
  diff_mode:
    support: none
    details: RV(started) tells what was done.
extends_documentation_fragment:
  - tollgate.llm._attributes
requirements:
  - supervisor
  - psutil
  - httpx
  - psycopg
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Start the model simulator
  tollgate.llm.local_processes:
    state_dir: .tollgate
    supervisord: "{{ runtime.bin }}/supervisord"
    programs:
      - name: simulator
        command: ["{{ runtime.bin }}/python", -m, model_simulator, --port, "24000"]
        ready_url: http://127.0.0.1:24000/health

- name: Stop everything, keep the data
  tollgate.llm.local_processes:
    state_dir: .tollgate
    state: stopped
"""

RETURN = r"""
started:
  description: Programs that were started or restarted.
  type: list
  elements: str
  returned: when state is started
checks:
  description: For each program whether it is ready, for the wave's verdict.
  type: list
  elements: dict
  returned: when state is started
  sample:
    - name: simulator
      ok: true
      detail: process 4711, ready after 0.8 s
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import database, processes, readiness, supervisor
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.state_directory import StateDirectory

PROGRAM: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str", "required": True},
    "directory": {"type": "path"},
    "environment": {"type": "dict", "default": {}},
    "user": {"type": "str"},
    "priority": {"type": "int", "default": 100},
    "stop_signal": {"type": "str", "default": "TERM"},
    "stop_seconds": {"type": "int", "default": 20},
    "depends_on": {"type": "list", "elements": "path", "default": []},
    "restart": {"type": "bool", "default": False},
    "ready_url": {"type": "str"},
    "ready_database": {"type": "dict", "options": database.ARGUMENTS},
    "ready_seconds": {"type": "int", "default": 60},
}


def check_files(programs: list[dict[str, Any]]) -> None:
    """A program without its files would only die again and again."""
    for given in programs:
        for name in given["depends_on"]:
            if not Path(name).is_file():
                raise GatewayError(
                    f"{given['name']}: {name} is missing.",
                    next_step="Run the waves before this one (the first: secrets).",
                )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "supervisord": {"type": "str"},
            "programs": {"type": "list", "elements": "dict", "options": PROGRAM, "default": []},
        },
        required_if=[("state", "started", ("supervisord",))],
        supports_check_mode=True,
    )
    options = module.params
    state = StateDirectory(options["state_dir"])
    daemon = supervisor.Supervisor(state.path, str(state.marker.get("id", "")), options["supervisord"] or "")

    def stop() -> dict[str, Any]:
        if module.check_mode:
            return {"changed": daemon.pid is not None or bool(daemon.orphans())}
        return {"changed": daemon.stop()}

    def start() -> dict[str, Any]:
        wanted = [
            supervisor.Program(
                name=given["name"],
                command=given["command"],
                directory=given["directory"] or str(state.path),
                priority=given["priority"],
                user=given["user"],
                environment={key: str(value) for key, value in given["environment"].items()},
                stop_signal=given["stop_signal"],
                stop_seconds=given["stop_seconds"],
                depends_on=given["depends_on"],
            )
            for given in options["programs"]
        ]
        if not module.check_mode:
            check_files(options["programs"])
        due = [program.name for program in wanted if daemon.differs(program)]
        if module.check_mode:
            due += [given["name"] for given in options["programs"] if given["restart"] and given["name"] not in due]
            return {"changed": bool(due), "started": due, "checks": []}
        started = daemon.apply(wanted) if due else []
        targets = [readiness.Target.of(given) for given in options["programs"]]
        checks = readiness.wait(daemon, targets)
        return {"changed": bool(started), "started": started, "checks": checks}

    libraries = {
        "supervisor": supervisor.SUPERVISOR_IMPORT_ERROR,
        "psutil": processes.PSUTIL_IMPORT_ERROR,
        "httpx": readiness.HTTPX_IMPORT_ERROR,
        "psycopg": database.PSYCOPG_IMPORT_ERROR,
    }
    run(module, libraries, stop if options["state"] == "stopped" else start)


if __name__ == "__main__":
    main()
