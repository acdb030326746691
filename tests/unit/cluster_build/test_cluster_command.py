# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tollgate_cluster import command
from tollgate_cluster.failure import ClusterError
from tollgate_cluster.progress import Progress, last_lines

STARTER = """
import sys
from pathlib import Path
from tollgate_cluster import command
command.run("wait", ["sh", "-c", "echo $$; exec sleep 60"], Path(sys.argv[1]))
"""


def gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within 20 s"
        time.sleep(0.02)


def test_a_failure_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ClusterError) as failure:
        command.run("build it", ["sh", "-c", "echo one; echo two >&2; exit 3"], log)
    assert str(failure.value).splitlines()[0] == "build it failed (exit code 3):"
    assert "one\ntwo" in str(failure.value)
    assert str(log) in str(failure.value)


def test_a_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="no-such-program"):
        command.run("build it", ["/no-such-program"], tmp_path / "log")
    with pytest.raises(ClusterError, match="no-such-program"):
        command.read("ask it", ["/no-such-program"])


@pytest.mark.parametrize("number", ["KILL", "TERM", "INT"])
def test_a_builder_that_is_ended_takes_its_program_with_it(tmp_path: Path, number: str) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(log)], env=environment, stderr=subprocess.DEVNULL
    ) as builder:
        wait_until(lambda: re.search(r"^\d+$", last_lines(log), re.MULTILINE), "the program's number")
        found = re.search(r"^\d+$", last_lines(log), re.MULTILINE)
        assert found
        subprocess.run(["kill", f"-{number}", str(builder.pid)], check=True)
        builder.wait(20)
    wait_until(lambda: gone(int(found.group())), "the program's end")


def test_steps_say_what_took_how_long_and_how_many_are_left() -> None:
    output = io.StringIO()
    progress = Progress(output)
    progress.expect(2)
    with progress.step("build one"):
        pass
    with pytest.raises(RuntimeError), progress.step("build two"):
        raise RuntimeError
    lines = [line.partition("] ")[2] for line in output.getvalue().splitlines()]
    assert lines == ["build one ...", "build one: 0 s (1 of 2)", "build two ...", "build two: failed after 0 s"]


def test_only_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"{number}\n\n" for number in range(100)))
    assert last_lines(tmp_path / "log", 2) == "98\n99"
    assert last_lines(tmp_path / "missing") == ""
