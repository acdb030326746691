# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of secrets for each test; races, which may be run again and again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Wanted
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.secrets_directory import Secrets

# Once every day; `make test-soak` asks for more.
ROUNDS = int(os.environ.get("TOLLGATE_RACES", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `repetition` is one race."""
    if "repetition" in metafunc.fixturenames:
        metafunc.parametrize("repetition", range(ROUNDS))


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """A store whose directory does not exist yet."""
    return Secrets(tmp_path / "state" / "secrets")


@pytest.fixture
def salt() -> Wanted:
    """A generated write-once secret."""
    return Wanted("litellm-salt-key", generate=Generate("hex", 32))
