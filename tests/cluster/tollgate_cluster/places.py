# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie: the build cache, the running cluster's state, and what the checkout sees of it."""

from __future__ import annotations

import os
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1]  # tests/cluster
CHECKOUT = SOURCES.parents[1]
TOOLS = CHECKOUT / ".venv" / "bin"

_XDG = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
TOLLGATE_CACHE = Path(os.environ.get("TOLLGATE_CACHE") or f"{_XDG}/tollgate")
CACHE = TOLLGATE_CACHE / "cluster"
REGISTRY = CACHE / "registry"  # what the image registry serves

# One cluster per machine: it owns interfaces, addresses and rules, so its state has one place too.
STATE = Path("/var/lib/tollgate/cluster")

CHECKOUT_STATE = CHECKOUT / ".tollgate" / "cluster"
LOGS = CHECKOUT_STATE / "log"
KUBECONFIG = CHECKOUT_STATE / "kubeconfig"
UPSTREAM = CHECKOUT_STATE / "manifests"  # upstream's own, for roles that would download them
