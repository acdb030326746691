#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_migrations
short_description: Apply LiteLLM's database migrations as a step of their own
version_added: 1.0.0
description:
  - Compares the migrations that a LiteLLM version brings with those that the database has. When some are missing it
    runs the given command (LiteLLM's own set-up, which takes Prisma's lock and mends half-applied migrations where it
    can) and looks again.
  - A migration that failed (Prisma's P3009) is named, with its error and the command that goes on.
options:
  migrations:
    description: The folder of migrations of the LiteLLM version that will run.
    type: path
    required: true
  command:
    description: What applies them. It reads its secrets itself; none may be among the arguments.
    type: list
    elements: str
    required: true
  log:
    description: A file for the command's output.
    type: path
    required: true
  prisma:
    description: A ready command line of the Prisma CLI, for the message.
    type: str
    default: prisma
  timeout:
    description: Seconds that the command may take.
    type: int
    default: 1200
attributes:
  check_mode:
    support: full
    details: Says which migrations are missing. A database that can't be reached yet counts as empty.
  diff_mode:
    support: full
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._database
requirements:
  - psycopg
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Apply LiteLLM's migrations
  tollgate.llm.litellm_migrations:
    database:
      port: 14000
      password_file: .tollgate/secrets/litellm-db-password
    migrations: "{{ runtime.migrations }}"
    command: [.tollgate/run/bin/litellm, --skip_server_startup]
    log: .tollgate/log/migrations.log
"""

RETURN = r"""
applied:
  description: Migrations that were applied by this run (in check mode, that would be).
  type: int
  returned: always
total:
  description: Migrations that the database has now.
  type: int
  returned: always
unknown:
  description: Migrations of the database that this LiteLLM version does not know; it is older than the database.
  type: list
  elements: str
  returned: always
checks:
  description: For the wave's verdict.
  type: list
  elements: dict
  returned: always
"""

import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import database, migrations
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run


def look(target: database.Database, known: list[str]) -> migrations.History:
    with target.connect() as connection:
        return migrations.history(connection, known)


def apply(options: dict[str, Any]) -> str:
    """Run the command; returns the last lines of what it said when it failed, else nothing."""
    log = Path(options["log"])
    with log.open("w", encoding="utf-8") as stream:
        log.chmod(0o600)
        try:
            done = subprocess.run(
                options["command"],
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=options["timeout"],
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no end after {options['timeout']} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"exit code {done.returncode}: " + "\n".join(lines[-6:])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "dict", "required": True, "options": database.ARGUMENTS},
            "migrations": {"type": "path", "required": True},
            "command": {"type": "list", "elements": "str", "required": True},
            "log": {"type": "path", "required": True},
            "prisma": {"type": "str", "default": "prisma"},
            "timeout": {"type": "int", "default": 1200},
        },
        supports_check_mode=True,
    )
    options = module.params
    target = database.Database.of(options["database"])

    def result(before: migrations.History, after: migrations.History) -> dict[str, Any]:
        count = len(after.applied) - len(before.applied)
        return {
            "changed": before != after,
            "applied": count,
            "total": len(after.applied),
            "unknown": list(after.unknown),
            "diff": {
                "before": {"applied": len(before.applied), "missing": len(before.pending)},
                "after": {"applied": len(after.applied), "missing": len(after.pending)},
            },
            "checks": [
                {
                    "name": "migrations",
                    "ok": after.complete,
                    "detail": f"{len(after.applied)} applied ({count} now), none missing, none failed",
                }
            ],
        }

    def predict() -> dict[str, Any]:
        folder = Path(options["migrations"])
        known = migrations.brought(folder) if folder.is_dir() else []
        try:
            before = look(target, known)
        except GatewayError:
            before = migrations.History((), tuple(known), (), ())
        after = migrations.History(tuple(sorted({*before.applied, *known})), (), before.unknown, ())
        return {**result(before, after), "changed": not before.complete or not known, "checks": []}

    def body() -> dict[str, Any]:
        known = migrations.brought(Path(options["migrations"]))
        before = look(target, known)
        if before.complete:
            return result(before, before)
        target.ensure_schema()
        trouble = apply(options)
        after = look(target, known)
        if after.failed:
            raise GatewayError(migrations.explain(after.failed, options["prisma"]))
        if trouble or after.pending:
            raise GatewayError(
                f"migrations: {len(after.pending)} of {len(known)} are not applied. The proxy was not started.",
                trouble or f"The command ended well, yet {after.pending[0]} is missing.",
                f"Look into {options['log']}, mend it and run again.",
            )
        return result(before, after)

    run(module, {"psycopg": database.PSYCOPG_IMPORT_ERROR}, predict if module.check_mode else body)


if __name__ == "__main__":
    main()
