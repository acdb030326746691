# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one module in this process, as Ansible does where it can't run in its worker; for module_run.py.

The first argument is the module's name, standard input its options as JSON. The last line of standard error is a JSON
object: the process's largest resident memory in bytes, and the seconds from its first line to the module's end.
"""

from __future__ import annotations

import time

BEGAN = time.monotonic()

import importlib
import json
import re
import sys
from pathlib import Path

from ansible.module_utils.testing import patch_module_args


def main() -> None:
    """Run it."""
    options = json.load(sys.stdin)
    module = importlib.import_module(f"ansible_collections.tollgate.llm.plugins.modules.{sys.argv[1]}")
    try:
        with patch_module_args(options):
            module.main()
    finally:
        # getrusage would count what the parent had before it started this program.
        most = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        memory = int(most.group(1)) * 1024 if most else 0
        print(json.dumps({"memory": memory, "seconds": time.monotonic() - BEGAN}), file=sys.stderr)


if __name__ == "__main__":
    main()
