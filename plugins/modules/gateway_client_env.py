#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_client_env
short_description: Write the file that points any OpenAI client to a gateway
version_added: 1.0.0
description:
  - Writes C(export) lines of E(OPENAI_BASE_URL) and E(OPENAI_API_KEY), readable by its owner only.
  - The key is read from its file here, so that it passes through no variable, no log and no temporary file of Ansible.
options:
  path:
    description: The file to write.
    type: path
    required: true
  base_url:
    description: The gateway's OpenAI API. It ends in C(/v1).
    type: str
    required: true
  api_key_file:
    description: The file that holds the key.
    type: path
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The file holds a key.
extends_documentation_fragment:
  - tollgate.llm._attributes
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Point clients to the gateway
  tollgate.llm.gateway_client_env:
    path: .tollgate/client.env
    base_url: http://127.0.0.1:4000/v1
    api_key_file: .tollgate/secrets/default
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: always
"""

import shlex
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.files import has_mode, read_text, write_file
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "base_url": {"type": "str", "required": True},
            "api_key_file": {"type": "path", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    path, key_file = Path(module.params["path"]), Path(module.params["api_key_file"])

    def body() -> dict[str, Any]:
        try:
            key = key_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            if module.check_mode:
                return {"changed": True, "path": str(path)}
            raise GatewayError(
                f"client.env: {key_file}: {error.strerror}.", next_step="Run the wave secrets first."
            ) from error
        text = (
            f"export OPENAI_BASE_URL={shlex.quote(module.params['base_url'])}\n"
            f"export OPENAI_API_KEY={shlex.quote(key)}\n"
        )
        changed = read_text(path) != text or not has_mode(path, 0o600)
        if changed and not module.check_mode:
            write_file(path, text)
        return {"changed": changed, "path": str(path)}

    run(module, {}, body)


if __name__ == "__main__":
    main()
