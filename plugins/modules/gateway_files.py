#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_files
short_description: Write several small files in one task
version_added: 1.0.0
description:
  - Writes files that hold no secret, each whole or not at all, for their owner only. It does in one task what
    M(ansible.builtin.copy) does in two module runs a file.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file. Its directory exists.
        type: path
        required: true
      content:
        description: Its text.
        type: str
        required: true
      executable:
        description: Whether it can be run.
        type: bool
        default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment:
  - tollgate.llm._attributes
author: The Tollgate developers (@tollgate)
seealso:
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
- name: Write the proxy's files
  tollgate.llm.gateway_files:
    files:
      - path: /var/lib/gateway/run/config.yaml
        content: "{{ configuration | to_nice_yaml }}"
"""

RETURN = r"""
written:
  description: The files that were written.
  type: list
  elements: str
  returned: always
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.files import has_mode, read_text, write_file
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str", "required": True},
                    "executable": {"type": "bool", "default": False},
                },
            },
        },
        supports_check_mode=True,
    )

    def body() -> dict[str, Any]:
        written, diff = [], []
        for wanted in module.params["files"]:
            path, mode = Path(wanted["path"]), 0o700 if wanted["executable"] else 0o600
            before = read_text(path)
            if before == wanted["content"] and has_mode(path, mode):
                continue
            if not module.check_mode:
                write_file(path, wanted["content"], mode)
            written.append(str(path))
            diff.append(
                {
                    "before_header": str(path),
                    "after_header": str(path),
                    "before": before or "",
                    "after": wanted["content"],
                }
            )
        return {"changed": bool(written), "written": written, "diff": diff}

    run(module, {}, body)


if __name__ == "__main__":
    main()
