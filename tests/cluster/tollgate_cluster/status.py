# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs, as one JSON object."""

from __future__ import annotations

from typing import Any

from . import addons, api, memory, namespaces, supervision
from .addresses import API_URL
from .owner import owner
from .places import CHECKOUT_STATE, KUBECONFIG, LOGS

MEBIBYTE = 1024**2


def status() -> dict[str, Any]:
    """`ok` says whether all is well."""
    pid, whose = namespaces.node(), owner()
    members = supervision.members() if pid else {}
    programs = {name: {"state": row.state, "seconds": row.seconds} for name, row in members.items()}
    node_ready = bool(pid) and api.ready() and api.node_ready()
    not_ready = addons.missing() if node_ready else []
    used = memory.proportional(namespaces.members(pid)) if pid else {}
    running = bool(programs) and all(row["state"] == "RUNNING" for row in programs.values())
    return {
        "ok": node_ready and running and not not_ready,
        "node": {"pid": pid, "ready": node_ready},
        "checkout": str(whose) if whose else None,
        "server": API_URL if pid else None,
        "kubeconfig": str(KUBECONFIG) if KUBECONFIG.exists() else None,
        "kubectl": str(CHECKOUT_STATE / "kubectl") if KUBECONFIG.exists() else None,
        "logs": str(LOGS),
        "programs": programs,
        "not_ready": not_ready,
        "memory_mib": {
            "total": sum(used.values()) // MEBIBYTE,
            "by_program": {name: size // MEBIBYTE for name, size in used.items()},
        },
    }
