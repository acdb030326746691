# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl, as a person would type it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .cluster import Cluster


def kubectl(cluster: Cluster, *arguments: str) -> str:
    """Run it against the cluster. Returns what it printed; fails with its complaint."""
    program, name = _program(cluster)
    done = subprocess.run(
        [name, *arguments],
        executable=program,
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _program(cluster: Cluster) -> tuple[Path, str]:
    if cluster.made_here:
        from tollgate_cluster.build import built  # noqa: PLC0415 (nobody with another cluster needs it)
        from tollgate_cluster.progress import Progress  # noqa: PLC0415 (as above)

        # One binary holds all of Kubernetes; the name it is called by says which part is wanted.
        return built("kubernetes", Progress()) / "kubernetes", "kubectl"
    found = shutil.which("kubectl")
    if found is None:
        raise AssertionError(
            "kubectl is not on PATH: install it, or leave out the checks that use it (-k 'not kubectl')"
        )
    return Path(found), "kubectl"
