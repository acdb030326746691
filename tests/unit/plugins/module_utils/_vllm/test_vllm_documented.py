# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.tollgate.llm.plugins.module_utils._vllm import options
from ansible_collections.tollgate.llm.plugins.modules import vllm_servers

ROLE = Path(vllm_servers.__file__).parents[2] / "roles" / "vllm"


def bare(specification: dict[str, Any]) -> dict[str, Any]:
    """Without what is for readers alone."""
    return {
        name: {
            **{key: row[key] for key in ("type", "elements", "required", "default") if row.get(key) is not None},
            "choices": list(row.get("choices") or []),
            "options": bare(row.get("options") or row.get("suboptions") or {}),
        }
        for name, row in specification.items()
    }


def test_the_role_takes_a_model_as_the_module_does() -> None:
    described = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    role = described["argument_specs"]["main"]["options"]
    module = yaml.safe_load(vllm_servers.DOCUMENTATION)["options"]
    assert bare(role["vllm_models"]["options"]) == bare(options.MODEL)
    assert bare(module["models"]["suboptions"]) == bare(options.MODEL)


def test_the_defaults_of_the_role_are_those_it_documents() -> None:
    described = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    role = described["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults == {name: row["default"] for name, row in role.items()}
