#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_status
short_description: Say what runs of a local gateway
version_added: 1.0.0
description:
  - Looks at processes, ports, database, migrations, models and the last proof of a gateway, changes nothing, and
    gives one verdict. Nothing is called that costs money.
options:
  state_dir:
    description: The gateway's state directory.
    type: path
    required: true
  url:
    description: The proxy's URL.
    type: str
    required: true
  ports:
    description: The ports that should be listened on, by name.
    type: dict
    default: {}
  runtime:
    description: The gateway's runtime, whose versions and migrations are compared.
    type: path
    required: true
  models:
    description: Names of the models that should be served.
    type: list
    elements: str
    default: []
  api_key_file:
    description: A file that holds the key to list the models with.
    type: path
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._database
requirements:
  - supervisor
  - psutil
  - httpx
  - psycopg
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Look at the gateway
  tollgate.llm.gateway_status:
    state_dir: .tollgate
    url: http://127.0.0.1:4000
    database: {port: 14000, password_file: .tollgate/secrets/litellm-db-password}
    api_key_file: .tollgate/secrets/litellm-master-key
    runtime: .tollgate/run/runtime
    models: [qwen-local]
  register: status
"""

RETURN = r"""
verdict:
  description: The whole verdict, as C(make status) prints it.
  type: dict
  returned: always
  contains:
    ok:
      description: Whether everything is as it should be.
      type: bool
      returned: always
    checks:
      description: What was looked at.
      type: list
      elements: dict
      returned: always
    processes:
      description: Each process with its state, pid, uptime in seconds and memory in MiB (PSS, children included).
      type: list
      elements: dict
      returned: always
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import (
    database,
    processes,
    readiness,
    status,
    supervisor,
)
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.runtime import Runtime


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "url": {"type": "str", "required": True},
            "ports": {"type": "dict", "default": {}},
            "database": {"type": "dict", "required": True, "options": database.ARGUMENTS},
            "runtime": {"type": "path", "required": True},
            "models": {"type": "list", "elements": "str", "default": []},
            "api_key_file": {"type": "path", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )

    def body() -> dict[str, Any]:
        options = module.params
        looked = status.Look(
            state=Path(options["state_dir"]),
            url=options["url"],
            ports={name: int(port) for name, port in options["ports"].items()},
            database=database.Database.of(options["database"]),
            runtime=Runtime(Path(options["runtime"])),
            models=options["models"],
            api_key_file=Path(options["api_key_file"]),
        )
        return {"changed": False, "verdict": looked.verdict()}

    libraries = {
        "supervisor": supervisor.SUPERVISOR_IMPORT_ERROR,
        "psutil": processes.PSUTIL_IMPORT_ERROR,
        "httpx": readiness.HTTPX_IMPORT_ERROR,
        "psycopg": database.PSYCOPG_IMPORT_ERROR,
    }
    run(module, libraries, body)


if __name__ == "__main__":
    main()
