# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie in this checkout, and copies of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
COLLECTIONS = ROOT / ".venv" / "collections"
LINK = COLLECTIONS / "ansible_collections" / "tollgate" / "llm"
LOGS = ROOT / ".tollgate-test" / "log"
PATIENCE = 60  # seconds which an interrupted command has for its own clean-up


def files(*patterns: str) -> list[Path]:
    """The files that belong to the project, relative to its root: tracked ones and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(Path(name) for name in set(listed.split("\0")) if name and (ROOT / name).is_file())


def copy_to(parent: Path) -> Path:
    """A copy at PARENT/ansible_collections/tollgate/llm, the only kind of place where ansible-test and builds work."""
    target = parent / "ansible_collections" / "tollgate" / "llm"
    for name in files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    return target


def environment(collections: Path = COLLECTIONS) -> dict[str, str]:
    """The caller's environment with the private one in front, and without settings of Ansible that could leak in."""
    left = (
        "ANSIBLE_",
        "MOLECULE_",
        "PYTHONDONTWRITEBYTECODE",
    )  # the last one makes each run compile all that it imports
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left)}
    return {
        **inherited,
        "PATH": f"{BIN}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "PYTHONPATH": str(collections),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }


def ran(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A tool of the environment, run in this checkout to its end; all that it said is in the output."""
    return subprocess.run(
        [str(BIN / tool), *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def unconfigured(collections: Path) -> dict[str, str]:
    """As environment(), for a copy elsewhere: with an empty configuration instead of this checkout's."""
    empty = LOGS.parent / "empty.cfg"
    empty.parent.mkdir(exist_ok=True)
    empty.touch()
    return {**environment(collections), "ANSIBLE_CONFIG": str(empty)}


def end_in_order() -> None:
    """Let SIGTERM end this program as an exception does, with every `finally` on the way."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run one command of a step with its output shown; ends the step when it fails.

    A step that is ended interrupts its command, for pytest and Ansible clean up then, and waits for it.
    """
    end_in_order()
    print("+", *command, flush=True)
    with subprocess.Popen([str(part) for part in command], cwd=cwd, env=env or environment()) as process:
        try:
            code = process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if code:
        raise SystemExit(f"exit code {code}: {Path(str(command[0])).name}")
