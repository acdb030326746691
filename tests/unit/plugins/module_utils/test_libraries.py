# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says when a Python package is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._libraries import require


@pytest.fixture
def module() -> Iterator[AnsibleModule]:
    with patch_module_args({}):
        yield AnsibleModule({})


def test_the_package_that_is_missing_is_named(module: AnsibleModule, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        require(module, kubernetes=None, pyyaml="No module named yaml")
    said = json.loads(capsys.readouterr().out)
    assert said["failed"]
    assert "pyyaml" in said["msg"]


def test_with_all_packages_a_module_goes_on(module: AnsibleModule) -> None:
    require(module, kubernetes=None, pyyaml=None)
