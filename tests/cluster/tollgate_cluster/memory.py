# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory the node's processes take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil


def proportional(processes: Iterable[psutil.Process]) -> dict[str, int]:
    """Bytes by program: what processes share counts once, in equal parts (PSS)."""
    total: Counter[str] = Counter()
    for process in processes:
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
            name = process.name()
        except (OSError, psutil.Error):
            continue
        total[name] += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return dict(total.most_common())
