# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the steps of `make test`: all, or the named ones, two at a time; goes on when one fails.

Exit code 0 when all passed, 1 when one failed, 2 for a name that is no step's. The last line is `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from types import FrameType

from checkout import LOGS, ROOT, environment
from steps import Step, steps

SHOWN_LINES = 60
LIMIT = 2400  # seconds; a step that runs longer hangs
PATIENCE = 120  # seconds which an ended step has for its own clean-up


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    """End steps: politely, so that they remove their gateways, then by force with all that they started."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"a step did not end within {PATIENCE} s", file=sys.stderr)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Run:
    """The chosen steps, their processes and their results."""

    def __init__(self, chosen: list[Step], jobs: int) -> None:
        # The longest holds one place for minutes, so it starts first and the others fill the second one.
        self.waiting = sorted(chosen, key=lambda step: -step.seconds)
        self.jobs = min(jobs, len(chosen))
        self.width = max(len(step.name) for step in chosen)
        self.passed: dict[str, bool] = {}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.alone = threading.Lock()
        self.stopped = False

    def _next(self) -> Step | None:
        with self.alone:
            return self.waiting.pop(0) if self.waiting and not self.stopped else None

    def _work(self) -> None:
        while step := self._next():
            started = time.monotonic()
            code = self._run(step)
            with self.alone:
                self.passed[step.name] = code == 0
                self._report(step, code, time.monotonic() - started)

    def _run(self, step: Step) -> int:
        with (LOGS / f"{step.name}.log").open("wb") as log:
            with self.alone:
                if self.stopped:
                    return 130
                # A session of its own: an interrupt reaches the step once, through stop(), and it can clean up.
                process = subprocess.Popen(
                    step.command,
                    cwd=ROOT,
                    env={**environment(), **step.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self.processes.append(process)
            try:
                return process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                end([process])
                log.write(f"\nended after {LIMIT} s\n".encode())
                return process.returncode or 1

    def _report(self, step: Step, code: int, seconds: float) -> None:
        log = LOGS / f"{step.name}.log"
        print(f"{'ok' if code == 0 else 'FAILED':6} {step.name:{self.width}} {seconds:6.1f} s", flush=True)
        if code:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            print(*(f"    {line}" for line in lines[-SHOWN_LINES:]), sep="\n")
            print(f"    exit code {code}; the whole output: {log.relative_to(ROOT)}", flush=True)

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End what runs and start nothing more."""
        self.stopped = True
        end([process for process in self.processes if process.poll() is None])

    def all(self) -> bool:
        """Run everything. Returns whether all passed."""
        LOGS.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with ThreadPoolExecutor(self.jobs) as pool:
            workers = [pool.submit(self._work) for place in range(self.jobs)]
        for worker in workers:
            worker.result()
        good = sum(self.passed.values())
        print(f"{time.monotonic() - started:.0f} s, output in {LOGS.relative_to(ROOT)}/")
        print(f"{good} passed, {len(self.passed) - good} failed", flush=True)
        return good == len(self.passed) and not self.stopped


def chosen_steps(names: list[str]) -> list[Step]:
    """The steps of these names, all without names. Ends the program on an unknown one."""
    known = {step.name: step for step in steps()}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
            print(f'no step "{name}": {hint}', file=sys.stderr)
            raise SystemExit(2)
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())


def main() -> int:
    """Parse the arguments and run."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("steps", nargs="*", metavar="step", help="run only these")
    arguments.add_argument("--list", action="store_true", help="show the steps")
    arguments.add_argument("--jobs", type=int, default=2, metavar="N", help="steps at a time (default: 2)")
    options = arguments.parse_args()
    chosen = chosen_steps(options.steps)
    if options.list:
        for step in chosen:
            print(f"{step.name:14}{step.what}")
        return 0
    run = Run(chosen, max(1, options.jobs))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, run.stop)
    return 0 if run.all() else 1


if __name__ == "__main__":
    raise SystemExit(main())
