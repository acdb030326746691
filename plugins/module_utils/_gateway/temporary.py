# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs keep for a moment, and what a killed one left of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import processes

# TMPDIR of every task: Ansible unpacks each module's code below it.
DIRECTORY = "run/tmp"
# Where write_file() puts files, each beside its target as `.<name>.` and what tempfile adds.
WRITTEN = (".", "run", "run/bin", "run/litellm", "verdicts")
TORN = re.compile(r"\..+\.[a-z0-9_]{8}")
# ansible-playbook's own directory: its pid, then what tempfile adds (ansible.config.manager).
CONTROLLER = re.compile(r"ansible-local-(?P<pid>\d+)[a-z0-9_]{8}")
# A `local_tmp` of this name is used by this collection's runs alone: ansible.cfg of the checkout sets it.
OURS = "tollgate"


def sweep(state: Path) -> None:
    """Remove what no run needs any more. Only for who has just taken the lock."""
    for path in (state / DIRECTORY).glob("*"):
        _remove(path)
    for folder in WRITTEN:
        for path in (state / folder).glob(".*"):
            if path.is_file() and TORN.fullmatch(path.name):
                _remove(path)


def sweep_controller(local_tmp: Path, dead: int | None) -> None:
    """Remove the directories that killed ansible-playbooks left beside this one's C(local_tmp).

    C(dead) is the pid of the killed run which held the lock. In a place that others use too only its directory goes.
    """
    for path in local_tmp.parent.glob("ansible-local-*"):
        named = CONTROLLER.fullmatch(path.name)
        if not named or path == local_tmp:
            continue
        pid = int(named["pid"])
        if (pid == dead or local_tmp.parent.name == OURS) and processes.start_time(pid) is None:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
