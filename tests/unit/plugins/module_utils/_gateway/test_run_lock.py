# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock: one run at a time, freed by its owner's death, whose orphans are ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import processes
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.run_lock import RUN_VARIABLE, RunLock, Taken

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []
    yield children
    for child in children:
        child.kill()
        child.wait()


def start(started: list[subprocess.Popen[bytes]], **environment: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(SLEEPER, env={**os.environ, **environment})
    started.append(child)
    wait_for(lambda: processes.command_line(child.pid) == SLEEPER)
    return child


def wait_for(condition) -> None:  # type: ignore[no-untyped-def]  # any callable
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited 10 s"
        time.sleep(0.01)


def test_a_living_run_keeps_another_one_out(state: Path, started: list[subprocess.Popen[bytes]]) -> None:
    owner, other = start(started), start(started)
    RunLock(state).take(owner.pid)
    with pytest.raises(GatewayError, match=f"another run works on this gateway since .* \\(process {owner.pid}\\)"):
        RunLock(state).take(other.pid)


def test_the_same_run_takes_it_again_for_free(state: Path, started: list[subprocess.Popen[bytes]]) -> None:
    owner = start(started)
    run = RunLock(state).take(owner.pid).run
    before = RunLock(state).path.stat().st_mtime_ns
    assert RunLock(state).take(owner.pid) == Taken(run)
    assert RunLock(state).path.stat().st_mtime_ns == before


def test_a_killed_run_frees_it_and_its_tasks_are_ended(state: Path, started: list[subprocess.Popen[bytes]]) -> None:
    owner, heir = start(started), start(started)
    run = RunLock(state).take(owner.pid).run
    task = start(started, **{RUN_VARIABLE: run})
    bystander = start(started, **{RUN_VARIABLE: "1.1"})
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    ended = RunLock(state).take(heir.pid).ended
    assert ended == (task.pid,)
    assert not processes.start_time(task.pid)
    assert bystander.poll() is None


def test_a_task_that_ignores_the_question_is_killed(state: Path) -> None:
    stubborn = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal,time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    assert processes.end([stubborn.pid], patience=0.3) == [stubborn.pid]
    assert not processes.start_time(stubborn.pid)


def test_a_recycled_pid_is_not_the_owner(state: Path, started: list[subprocess.Popen[bytes]]) -> None:
    stranger, heir = start(started), start(started)
    RunLock(state).take(stranger.pid)
    content = json.loads(RunLock(state).path.read_text())
    content["started"] = "another-boot/1"
    RunLock(state).path.write_text(json.dumps(content))
    ended = RunLock(state).take(heir.pid).ended
    assert ended == ()
    assert stranger.poll() is None


def test_a_torn_lock_file_counts_as_free(state: Path, started: list[subprocess.Popen[bytes]]) -> None:
    RunLock(state).path.write_text('{"pid": 12')
    heir = start(started)
    taken = RunLock(state).take(heir.pid)
    assert taken.run.startswith(f"{heir.pid}.")
    assert taken.ended == ()


def test_our_own_ancestors_are_never_ended() -> None:
    assert processes.end([os.getpid(), os.getppid()]) == []


def test_a_process_is_described_without_its_arguments(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started)
    assert processes.describe(child.pid) == f'process {child.pid} "{Path(sys.executable).name}"'
    assert processes.describe(None) == "a process of another user"
