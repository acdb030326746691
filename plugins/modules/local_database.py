#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_database
short_description: Make the PostgreSQL cluster of a local gateway
version_added: 1.0.0
description:
  - Makes a PostgreSQL data directory with one role and one database, in one step that is whole or absent, and writes
    its configuration. It neither starts nor stops a server.
  - Only the given role can log in, with its password, over the loopback. The superuser has no password.
options:
  state_dir:
    description: The gateway's state directory.
    type: path
    required: true
  installation:
    description:
      - The PostgreSQL installation, as RV(tollgate.llm.local_runtime#module:postgres) says. May be empty in check
        mode.
    type: str
    required: true
  port:
    description: The server's TCP port.
    type: int
    required: true
  name:
    description: The database.
    type: str
    default: litellm
  role:
    description: Its owner.
    type: str
    default: litellm
  password_file:
    description: A file that holds the owner's password.
    type: path
    required: true
  connections:
    description: The server's C(max_connections).
    type: int
    default: 100
  shared_buffers:
    description: The server's C(shared_buffers).
    type: str
    default: 64MB
  user:
    description: As root only, the user that PostgreSQL runs as. The data then lie in O(home).
    type: str
  home:
    description: As root only, a directory which that user can reach.
    type: path
attributes:
  check_mode:
    support: full
    details: Says what would be done.
  diff_mode:
    support: none
    details: RV(steps) tells what was done.
extends_documentation_fragment:
  - tollgate.llm._attributes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Make the database cluster
  tollgate.llm.local_database:
    state_dir: .tollgate
    installation: "{{ runtime.postgres }}"
    port: 14000
    password_file: .tollgate/secrets/litellm-db-password
"""

RETURN = r"""
steps:
  description: What was done.
  type: list
  elements: str
  returned: always
  sample: [cluster created]
data:
  description: The data directory.
  type: str
  returned: always
server:
  description: The server's program.
  type: str
  returned: always
files:
  description: The configuration files, which the server reads at its start.
  type: list
  elements: str
  returned: always
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.postgres import Cluster


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "installation": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "name": {"type": "str", "default": "litellm"},
            "role": {"type": "str", "default": "litellm"},
            "password_file": {"type": "path", "required": True, "no_log": False},
            "connections": {"type": "int", "default": 100},
            "shared_buffers": {"type": "str", "default": "64MB"},
            "user": {"type": "str"},
            "home": {"type": "path"},
        },
        required_together=[("user", "home")],
        supports_check_mode=True,
    )
    options = module.params
    cluster = Cluster(
        state=Path(options["state_dir"]),
        installation=Path(options["installation"]),
        port=options["port"],
        connections=options["connections"],
        shared_buffers=options["shared_buffers"],
        name=options["name"],
        role=options["role"],
        password_file=Path(options["password_file"]),
        user=options["user"],
        home=Path(options["home"]) if options["home"] else None,
    )

    def body() -> dict[str, Any]:
        steps = cluster.missing() if module.check_mode else cluster.ensure()
        return {
            "changed": bool(steps),
            "steps": steps,
            "data": str(cluster.data),
            "server": str(cluster.binaries / "postgres"),
            "files": [str(path) for path in cluster.files()],
        }

    run(module, {}, body)


if __name__ == "__main__":
    main()
