#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_runtime
short_description: Build the programs of a local gateway
version_added: 1.0.0
description:
  - Builds LiteLLM, PostgreSQL, Node.js and Prisma's engine from locked package versions into a directory below the
    build cache, named after everything that it is made of. Gateways of one version share it.
  - A build that was killed is recognised by its missing stamp and made again; two that start at once make one.
options:
  cache:
    description: The build cache.
    type: path
    required: true
  sources:
    description: The folder that holds C(runtime/), C(prisma_engine/) and C(model_simulator/).
    type: path
    required: true
  engine:
    description:
      - Prisma's engine. V(auto) takes the native one where Prisma can download it, else the WebAssembly one.
    type: str
    choices: [auto, native, wasm]
    default: auto
  litellm_version:
    description:
      - Another version of LiteLLM than the locked one. Its dependencies are resolved at once, without checksums.
    type: str
    default: ""
  link:
    description: A symbolic link to keep on the runtime.
    type: path
attributes:
  check_mode:
    support: full
    details: Says whether a build is needed, without building.
  diff_mode:
    support: none
    details: A runtime is whole or absent.
extends_documentation_fragment:
  - tollgate.llm._attributes
requirements:
  - uv
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Build the programs of the local gateway
  tollgate.llm.local_runtime:
    cache: ~/.cache/tollgate
    sources: "{{ role_path }}/files"
    link: .tollgate/run/runtime
  register: runtime
"""

RETURN = r"""
path:
  description: The runtime's directory.
  type: str
  returned: always
bin:
  description: Where its Python programs lie (C(litellm), C(supervisord), C(prisma)).
  type: str
  returned: always
python_path:
  description: A folder for E(PYTHONPATH) which holds the model simulator.
  type: str
  returned: always
migrations:
  description: The database migrations that its LiteLLM brings.
  type: str
  returned: always
postgres:
  description: The PostgreSQL installation.
  type: str
  returned: when built
environment:
  description: Environment variables that LiteLLM and Prisma need to find each other. None is secret.
  type: dict
  returned: always
engine:
  description: Which engine was chosen (V(native) or V(wasm)); empty when nothing is built yet.
  type: str
  returned: always
engine_reason:
  description: Why.
  type: str
  returned: always
litellm_version:
  description: The version of LiteLLM in it.
  type: str
  returned: always
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.module import run
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.runtime import Recipe, Runtime, build


def point(link: str | None, target: Path, check_mode: bool) -> bool:
    """Keep a link on the runtime; returns whether it was another."""
    if not link or (Path(link).is_symlink() and Path(link).readlink() == target):
        return False
    if not check_mode:
        fresh = Path(f"{link}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    return True


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cache": {"type": "path", "required": True},
            "sources": {"type": "path", "required": True},
            "engine": {"type": "str", "choices": ["auto", "native", "wasm"], "default": "auto"},
            "litellm_version": {"type": "str", "default": ""},
            "link": {"type": "path"},
        },
        supports_check_mode=True,
    )
    options = module.params
    recipe = Recipe(Path(options["cache"]), Path(options["sources"]), options["engine"], options["litellm_version"])

    def body() -> dict[str, Any]:
        if module.check_mode:
            runtime, changed = Runtime(recipe.path), not Runtime(recipe.path).stamp
        else:
            runtime, changed = build(recipe)
        changed = point(options["link"], runtime.path, module.check_mode) or changed
        stamp = runtime.stamp
        found = {
            "path": str(runtime.path),
            "bin": str(runtime.bin),
            "python_path": str(runtime.path / "lib"),
            "migrations": str(runtime.migrations),
            "environment": runtime.environment(),
            "engine": stamp.get("engine", ""),
            "engine_reason": stamp.get("engine_reason", ""),
            "litellm_version": stamp.get("litellm", ""),
        }
        if stamp:
            found["postgres"] = str(runtime.postgres)
        return {"changed": changed, **found}

    run(module, {}, body)


if __name__ == "__main__":
    main()
