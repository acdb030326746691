# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl, as a person would type it."""

from __future__ import annotations

import os
import shutil
import subprocess

from .cluster import Cluster


def kubectl(cluster: Cluster, *arguments: str) -> str:
    """Run it against the cluster. Returns what it printed; fails with its complaint."""
    own = cluster.kubeconfig.with_name("kubectl")  # `make cluster` puts it there
    program = str(own) if cluster.made_here else shutil.which("kubectl")
    if program is None:
        raise AssertionError(
            "kubectl is not on PATH: install it, or leave out the checks that use it (-k 'not kubectl')"
        )
    done = subprocess.run(
        [program, *arguments],
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
