# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that a template of a role makes, as Ansible would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).parents[3] / "roles"


def trusted(value: Any) -> Any:
    """Variables as Ansible reads them from a role's files."""
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


def rendered(role: str, template: str, variables: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of one of the role's templates, with these variables over the role's own."""
    known: dict[str, Any] = {}
    for place in ("defaults", "vars"):
        known |= trusted(yaml.safe_load((ROLES / role / place / "main.yml").read_text()))
    loader = DataLoader()
    loader.set_basedir(str(ROLES / role / "templates"))  # where templates find those that they include
    text = trust_as_template((ROLES / role / "templates" / template).read_text())
    made = Templar(loader=loader, variables={**known, **variables}).template(text, escape_backslashes=False)
    if not isinstance(made, str):
        return list(made)
    return [
        each
        for document in yaml.safe_load_all(made)
        if document
        for each in (document if isinstance(document, list) else [document])
    ]
