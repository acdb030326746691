# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: the module against a bare client, against the ways that people use now, and by the number of keys.

A gateway with a database of its own is made for it and removed. The figures go to .tollgate/bench, as JSON, as the page
and the plot of docs; --publish puts them into docs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "support")]

from checkout import COLLECTIONS, ROOT

sys.path[2:2] = [str(COLLECTIONS)]

import measures
import page
from gateway import Place, running
from sizes import BRIEF, FULL, SMOKE, Sizes
from subject import Subject

OUTPUT = ROOT / ".tollgate" / "bench"
DOCS = ROOT / "docs"


def machine() -> dict[str, Any]:
    """Where it ran."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30),
        "python": platform.python_version(),
        **{name: version(name) for name in ("ansible-core", "httpx")},
    }


def measured(place: Place, sizes: Sizes, figures: dict[str, Any], *, alone: bool) -> None:
    """Everything, into the figures. C(alone): all keys of the gateway are the bench's."""
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as directory:
        subject = Subject(place, Path(directory))
        steps = {
            "creation": measures.creation,
            "unchanged": measures.unchanged,
            "change": measures.change,
            "whole_run": measures.whole_run,
            "ways": measures.ways,
            "curve": measures.curve,
        }
        figures["postgresql"] = subject.database_version()
        if alone:
            subject.no_keys()
        measures.declare_others(subject)
        for name, step in steps.items():
            began = time.monotonic()
            figures[name] = step(subject, sizes)
            OUTPUT.mkdir(parents=True, exist_ok=True)
            # What was measured stays when the run is ended.
            (OUTPUT / "partial.json").write_text(json.dumps(figures, indent=1) + "\n")
            print(f"{name}: measured in {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    """Measure, write, print."""
    arguments = argparse.ArgumentParser(description="Measure the modules against a gateway that is made for it.")
    arguments.add_argument("--smoke", action="store_true", help="a handful of keys: whether it works, not how fast")
    arguments.add_argument("--brief", action="store_true", help="nearly the same sizes, each measured fewer times")
    arguments.add_argument("--publish", action="store_true", help="put the page, the plot and the figures into docs")
    arguments.add_argument("--page", action="store_true", help="only write docs/benchmarks.md and its plot anew")
    options = arguments.parse_args()
    if options.smoke and options.publish:
        arguments.error("--smoke measures nothing that is worth publishing")
    if options.page:
        page.write(json.loads((DOCS / page.FIGURES).read_text()), DOCS)
        return
    sizes = SMOKE if options.smoke else BRIEF if options.brief else FULL
    began = time.monotonic()
    figures: dict[str, Any] = {
        "date": f"{datetime.now(tz=UTC):%Y-%m-%d}",
        "machine": machine(),
        "load": [os.getloadavg()[0]],
        "times": [sizes.turns, sizes.rounds],
    }
    with running("bench") as place:
        figures["gateway"] = measures.gateway(place, sizes)
        measured(place, sizes, figures, alone=True)
    figures["load"].append(os.getloadavg()[0])
    figures["minutes"] = round((time.monotonic() - began) / 60, 1)
    for directory in (OUTPUT, *([DOCS] if options.publish else [])):
        page.write(figures, directory)
    print((OUTPUT / page.PAGE).read_text())


if __name__ == "__main__":
    main()
