# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the programs that build things: their output goes to a log, and they never outlive us."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from .failure import ClusterError
from .progress import last_lines

PATIENCE = 20  # seconds which an interrupted program has for its own clean-up
SHORT = 120  # seconds

_running: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()
_cancelled = threading.Event()


def run(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    held: Sequence[int] = (),
) -> None:
    """Run COMMAND with its output appended to LOG; ClusterError with the log's end when it fails.

    `held` are descriptors of locks: the program keeps them, so that nobody takes its place while it ends.
    """
    if _cancelled.is_set():
        raise ClusterError(f"{what}: not begun.", "Something else failed before.")
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    # Killed outright, we take the program with us.
    guard = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    with log.open("ab") as output:
        output.write(f"+ {' '.join(words)}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(
                [*guard, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=directory,
                pass_fds=tuple(held),
                start_new_session=True,
            )
        except OSError as error:
            raise ClusterError(f"{what}: {words[0]} could not be started.", str(error)) from error
        with _lock:
            _running.add(process)
        try:
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        finally:
            with _lock:
                _running.discard(process)
    if _cancelled.is_set():
        raise ClusterError(f"{what}: interrupted.", next_step="Run it again: what was finished is kept.")
    if code:
        raise ClusterError(f"{what} failed (exit code {code}):", last_lines(log), f"The whole log: {log}")


def read(
    what: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> str:
    """What a short program prints, without the line's end; ClusterError when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            cwd=directory,
            timeout=SHORT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClusterError(f"{what} failed:", str(error)) from error
    if done.returncode:
        raise ClusterError(f"{what} failed (exit code {done.returncode}):", done.stderr.strip()[-1000:])
    return done.stdout.strip()


def cancel() -> None:
    """End every program that still runs, with all that it started."""
    _cancelled.set()
    with _lock:
        running = list(_running)
    for process in running:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(PATIENCE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
