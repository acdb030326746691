#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_salt_guard
short_description: Prove that the salt key is the one that a database was encrypted with
version_added: 1.0.0
description:
  - LiteLLM encrypts provider keys in its database with the salt key. A proxy that is started with another one reports
    itself healthy, has lost every stored model, and writes new rows with the new salt. This module stops the run
    before that.
  - It compares the salt with the fingerprint which the first run left in the database (schema C(tollgate)), and tries
    it on encrypted rows. The fingerprint is written only when no row contradicts it.
options:
  salt_file:
    description: The file that holds the salt key.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    details: Compares, writes nothing. A database that can't be reached yet counts as empty.
  diff_mode:
    support: none
    details: The only change is the fingerprint's first writing.
extends_documentation_fragment:
  - tollgate.llm._attributes
  - tollgate.llm._database
requirements:
  - psycopg
  - pynacl
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Refuse a salt key that is not the database's
  tollgate.llm.litellm_salt_guard:
    database:
      port: 14000
      password_file: .tollgate/secrets/litellm-db-password
    salt_file: .tollgate/secrets/litellm-salt-key
"""

RETURN = r"""
fingerprint:
  description: The salt's fingerprint. It does not give the salt away.
  type: str
  returned: always
checks:
  description: For the wave's verdict.
  type: list
  elements: dict
  returned: always
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import database, salt
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run


def read_salt(path: Path, check_mode: bool) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        if check_mode:
            return ""
        raise GatewayError(f"salt key: {path} is missing.", next_step="Run the wave secrets first.") from error
    if not value:
        # LiteLLM takes an empty salt for a salt: everybody knows SHA-256 of nothing.
        raise GatewayError(f"salt key: {path} is empty.", next_step="Restore its content from a backup.")
    return value


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "dict", "required": True, "options": database.ARGUMENTS},
            "salt_file": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["salt_file"])
    target = database.Database.of(module.params["database"])

    def body() -> dict[str, Any]:
        value = read_salt(path, module.check_mode)
        try:
            connection = target.connect()
        except GatewayError:
            if not module.check_mode:
                raise
            return {"changed": True, "fingerprint": salt.fingerprint(value) if value else "", "checks": []}
        with connection:
            finding = salt.examine(connection, value)
            new = salt.judge(finding, value, str(path))
            if new and not module.check_mode:
                salt.write_canary(connection, value)
        return {
            "changed": new,
            "fingerprint": salt.fingerprint(value),
            "checks": [
                {
                    "name": "salt key",
                    "ok": True,
                    "detail": f"{salt.fingerprint(value)} is the database's; {finding.decrypted} encrypted values read",
                }
            ],
        }

    run(module, {"psycopg": database.PSYCOPG_IMPORT_ERROR, "pynacl": salt.NACL_IMPORT_ERROR}, body)


if __name__ == "__main__":
    main()
