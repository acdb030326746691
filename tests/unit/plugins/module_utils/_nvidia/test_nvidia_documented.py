# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.tollgate.llm.plugins.modules import nvidia_gpus

ROLE = Path(nvidia_gpus.__file__).parents[2] / "roles" / "nvidia_gpu"


def test_the_defaults_of_the_role_are_those_it_documents() -> None:
    described = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = described["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults == {name: row["default"] for name, row in options.items()}
