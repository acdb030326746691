# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in memory that all HTTP clients talk to."""

from __future__ import annotations

import httpx
import pytest
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._litellm.memory_proxy import MemoryProxy


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> MemoryProxy:
    """An empty one. Pauses between tries take no time."""
    made = MemoryProxy()
    monkeypatch.setattr(httpx, "Client", made.client)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return made
