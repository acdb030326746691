# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def as_on_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules warn in their result. Once a test has imported the controller's code, they would print it instead."""
    monkeypatch.setattr("ansible.module_utils._internal.is_controller", False)
