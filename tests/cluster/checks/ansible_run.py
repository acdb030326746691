# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible as a user of this checkout runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tollgate_cluster.places import CHECKOUT

BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """This checkout's settings and collection, and this Python for modules."""
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        **more,
    }


def ad_hoc(module: str, options: dict[str, Any], *words: str, seconds: int) -> subprocess.CompletedProcess[str]:
    """One module, by the command `ansible`; WORDS are that command's."""
    return subprocess.run(
        [
            *(str(BIN / "ansible"), "localhost", "--inventory", "localhost,", "--connection", "local", *words),
            *("--module-name", f"tollgate.llm.{module}", "--args", json.dumps(options)),
        ],
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
