# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that runs in Ansible's worker does what it does in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
CHECKOUT = Path(__file__).parents[4]


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """The same Python under another name: to Ansible it is another one."""
    path = tmp_path / "other-python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def play(directory: Path, task: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The command that runs one task and prints its result, and the environment for it."""
    tasks = [{"name": "Task", **task, "register": "found", "ignore_errors": True}]
    tasks.append({"name": "Result", "ansible.builtin.debug": {"var": "found"}})
    path = directory / "play.json"
    path.write_text(
        json.dumps([{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8"
    )
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections"),
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_LOCAL_TEMP": str(directory),
    }
    return [str(ANSIBLE), "-i", "localhost,", "-c", "local", str(path)], environment


def result(directory: Path, task: dict[str, Any], python: Path | str) -> dict[str, Any]:
    """What a task says when modules are run by this Python."""
    command, environment = play(directory, task)
    ran = subprocess.run(
        [*command, "-e", f"ansible_python_interpreter={python}", "-vvv"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = re.search(r'"found": (\{.*?^    \})', ran.stdout, re.DOTALL | re.MULTILINE)
    assert shown, ran.stdout + ran.stderr
    found: dict[str, Any] = json.loads(shown[1])
    # How Ansible came to it is only said of a process of its own.
    found["own process"] = "AnsiballZ_" in ran.stdout or "EXEC" in ran.stdout
    return found


NOWHERE = {"name": "pg", "namespace": "a", "instances": 1, "image": "x", "storage_size": "1Gi", "database": "d"}
DATABASE = {**NOWHERE, "owner": "o", "secret": "s", "smart_shutdown_timeout": 1, "stop_delay": 1}
TASKS: dict[str, dict[str, Any]] = {
    "the task's environment": {
        "tollgate.llm.postgres_info": DATABASE,
        "environment": {"K8S_AUTH_KUBECONFIG": "/nowhere/kubeconfig"},
    },
    "an unknown option": {"tollgate.llm.postgres_info": {**DATABASE, "instanses": 1}},
    "a wrong type": {"tollgate.llm.postgres_info": {**DATABASE, "instances": "many"}},
    "check mode": {
        "tollgate.llm.litellm_team": {
            "api_url": "http://127.0.0.1:9",
            "api_key": "sk-hidden-from-all",
            "name": "a",
            "assume_empty": True,
        },
        "check_mode": True,
    },
    "a secret in an address": {
        "tollgate.llm.litellm_team": {"api_url": "http://sk-hidden-from-all:9", "api_key": "sk-hidden-from-all"}
    },
}


@pytest.mark.parametrize("case", TASKS)
def test_the_result_is_that_of_a_process_of_its_own(case: str, tmp_path: Path, other_python: Path) -> None:
    here, there = (result(tmp_path, TASKS[case], python) for python in (sys.executable, other_python))
    assert not here["own process"]
    assert there["own process"]
    del here["own process"], there["own process"]
    assert here == there
    assert "sk-hidden" not in json.dumps(here)


def test_a_worker_ends_with_its_playbook(tmp_path: Path) -> None:
    """A killed run leaves nobody at work."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            json.dumps(
                {
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                    "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}],
                    "users": [{"name": "u", "user": {"token": "t"}}],
                }
            ),
            encoding="utf-8",
        )
        task = {"tollgate.llm.postgres_info": {**DATABASE, "kubeconfig": str(kubeconfig)}}
        command, environment = play(tmp_path, task)
        with subprocess.Popen(
            [*command, "-e", f"ansible_python_interpreter={sys.executable}"], env=environment, stdout=subprocess.PIPE
        ) as playbook:
            silent.settimeout(30)
            connection, _peer = silent.accept()  # the module asks
            workers = psutil.Process(playbook.pid).children(recursive=True)
            assert workers
            os.kill(playbook.pid, signal.SIGKILL)
            playbook.wait()
            end = time.monotonic() + 5
            while any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers):
                assert time.monotonic() < end, "a worker is still there"
                time.sleep(0.1)
            connection.close()
