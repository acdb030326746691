# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill a run in the middle and run again: what a user may rely on afterwards.

`python tests/support/killed.py --rounds 10 --seed 1` does it at many random moments, for `make test-soak`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psutil
from checkout import BIN, ROOT, environment
from gateway import INVENTORY, Place, place

ALIASES = ["default", "high", "low"]
LONGEST = 45.0  # seconds; a run from nothing takes about that


def outside(where: Place) -> Path:
    """The killed run's folder for temporary files, so that what it leaves there can be told from others' files."""
    return Path(f"{where.state}.tmp")


def start(where: Place, *arguments: str) -> subprocess.Popen[bytes]:
    """Begin site.yml as a process that can be killed alone."""
    command = [str(BIN / "ansible-playbook"), "site.yml", "--inventory", str(INVENTORY), *where.arguments(), *arguments]
    outside(where).mkdir(exist_ok=True)
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment(), "TMPDIR": str(outside(where))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_after(where: Place, seconds: float, *arguments: str) -> bool:
    """Kill -9 the ansible-playbook alone after so many seconds. Returns whether it was still at work."""
    process = start(where, *arguments)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def secrets(state: Path) -> dict[str, str]:
    """Every stored secret."""
    folder = state / "secrets"
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}


def stragglers(run: str) -> list[int]:
    """Processes that a run started and that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TOLLGATE_RUN") == run:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def lock(state: Path) -> dict[str, str]:
    """The run lock's content; empty before the first run took it."""
    try:
        return dict(json.loads((state / "run" / "lock.json").read_text()))
    except (OSError, ValueError):
        return {}


def problems(where: Place, before: dict[str, str], dead: str) -> list[str]:
    """What a killed run and the next one have damaged or left."""
    found = []
    after = secrets(where.state)
    found += [f"secret {name} is another one" for name, value in before.items() if after.get(name) != value]
    headers = {"Authorization": f"Bearer {after['litellm-master-key'].strip()}"}
    query = "/key/list?return_full_object=true&size=100"
    answer = httpx.get(where.url + query, headers=headers, timeout=30, trust_env=False).json()
    aliases = sorted(key["key_alias"] for key in answer["keys"])
    if aliases != ALIASES:
        found.append(f"the proxy has the keys {aliases}")
    for alias in ALIASES:
        chat = httpx.post(
            f"{where.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {after[alias].strip()}"},
            json={"model": "qwen-local", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 4},
            timeout=30,
            trust_env=False,
        )
        if chat.status_code != httpx.codes.OK:
            found.append(f"key {alias}: {chat.status_code} {chat.text[:200]}")
    if dead and (living := stragglers(dead)):
        found.append(f"processes {living} of the killed run are still there")
    if left := leftovers(where):
        found.append(f"left behind: {left}")
    return found


def leftovers(where: Place) -> list[str]:
    """What killed runs left: unpacked modules, half-written files, ansible-playbook's own directories."""
    found = [path for path in where.state.rglob(".*") if path.is_file() and path.parent.name != ".fingerprints"]
    found += (where.state / "run" / "tmp").iterdir()
    found += outside(where).iterdir()
    for path in (ROOT / ".venv" / "tmp").glob("*/ansible-local-*"):
        # Its name is the pid of its ansible-playbook and eight more characters.
        if not psutil.pid_exists(int(path.name.removeprefix("ansible-local-")[:-8])):
            found.append(path)
    return sorted(map(str, found))


def survive(where: Place, seconds: float, *arguments: str) -> list[str]:
    """Kill a run after so many seconds, run to the end, and say what is wrong then."""
    killed = kill_after(where, seconds, *arguments)
    before, dead = secrets(where.state), lock(where.state).get("run", "") if killed else ""
    where.play("site.yml")
    try:
        return problems(where, before, dead)
    finally:
        shutil.rmtree(outside(where), ignore_errors=True)


def main() -> None:
    """Many random moments: half of them from nothing, half on a gateway that is being changed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 (moments, not secrets)
    bad = 0
    for number in range(options.rounds):
        began = time.monotonic()
        with place("killed") as where:
            moment = chance.uniform(0.5, LONGEST)
            found = survive(where, moment)
            later = chance.uniform(0.5, 12)
            change = json.dumps({"gateway_general_settings": {"proxy_batch_write_at": 5 + number}})
            found += survive(where, later, "-e", change)
            where.play("tollgate.llm.teardown", "-e", "gateway_remove=killed")
        bad += bool(found)
        verdict = "; ".join(found) or "ok"
        seconds = time.monotonic() - began
        print(
            f"round {number + 1}: killed after {moment:.1f} s and {later:.1f} s: {verdict} ({seconds:.0f} s)",
            flush=True,
        )
    print(f"seed {options.seed}: {options.rounds - bad} passed, {bad} failed")
    if bad:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
