# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_api
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Service
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import GsmTask


@pytest.fixture
def gsm(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[GsmTask]:
    """The module, and an empty Secret Manager over HTTP."""
    monkeypatch.setattr(gsm_api, "FIRST_PAUSE", 0.01)
    service = Service()
    with running(service, tmp_path, tls=False) as addresses:
        yield GsmTask(service, addresses, capsys)
