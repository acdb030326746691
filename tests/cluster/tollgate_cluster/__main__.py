# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command.

    PYTHONPATH=tests/cluster .venv/bin/python -m tollgate_cluster up|down|status|build|images [--images a,b]

Exit status: 0 well, 1 failed (what, why, next step), 2 for `status` when not all is well.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from types import FrameType

from . import preflight
from .failure import ClusterError
from .progress import Progress


def main() -> int:
    """Do what was asked."""
    parser = argparse.ArgumentParser(prog="tollgate_cluster", description="A real Kubernetes on this machine.")
    parser.add_argument("verb", choices=("up", "down", "status", "build", "images"))
    parser.add_argument(
        "--images",
        type=lambda text: [name for name in text.replace(",", " ").split() if name] or None,
        help="components whose images are made (default: all)",
    )
    given = parser.parse_args()
    # Not every root's shell has the directories of ip and iptables.
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, _interrupt)
    progress = Progress()
    try:
        return _do(given.verb, given.images, progress)
    except ClusterError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nInterrupted. What was finished is kept: run it again, or remove it with `make cluster-down`.",
            file=sys.stderr,
        )
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _do(verb: str, images: list[str] | None, progress: Progress) -> int:
    preflight.check_kind()
    from . import build, down, registry, status, up  # noqa: PLC0415 (they ask this machine what only Linux knows)

    if verb == "images":
        print("\n".join(sorted(registry.fill(images, progress))))
        return 0
    if verb == "build":
        rows = images or registry.default_images()
        build.built_all([*up.TOOLS, up.MANIFESTS, *(name for row in rows for name in build.image_names(row))], progress)
        return 0
    if verb == "up":
        up.up(images, progress)
        print(up.summary())
        return 0
    if verb == "down":
        there = down.down(progress)
        print("The cluster is removed." if there else "There was no cluster.")
        return 0
    verdict = status.status()
    print(json.dumps(verdict, indent=2))
    return 0 if verdict["ok"] else 2


if __name__ == "__main__":
    sys.exit(main())
