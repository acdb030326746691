# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times gsm_secret: many secrets that are as declared, against a Secret Manager that takes its time for each request.

Prints the requests and the seconds of the task (first request to last) and of the whole command, with Ansible's start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from checkout import BIN, COLLECTIONS, ROOT
from secret_manager.server import Addresses, running
from secret_manager.service import Service


def run(service: Service, addresses: Addresses, directory: Path, secrets: list[dict[str, Any]]) -> str:
    """One run of the module; its output."""
    options = {
        "project": service.project,
        "endpoint": addresses.http,
        "access_token": service.identity.token("bench"),
        "secrets": secrets,
    }
    task = {"name": "Keep the secrets", "tollgate.llm.gsm_secret": options}
    play = directory / "play.json"
    play.write_text(json.dumps([{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    words = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={BIN / 'python'}"]
    return subprocess.run(
        [str(BIN / "ansible-playbook"), *words, str(play)], env=environment, capture_output=True, text=True, check=True
    ).stdout


def main() -> None:
    """Make the secrets, then time the run that finds them unchanged."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--secrets", type=int, default=50)
    arguments.add_argument("--latency", type=float, default=0.02, help="seconds for each request (default: 0.02)")
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    service, times = Service(latency=asked.latency), []
    service.before = lambda _request: times.append(time.monotonic())
    secrets = [{"name": f"secret-{number}", "generate": {}} for number in range(asked.secrets)]
    with tempfile.TemporaryDirectory() as place, running(service, Path(place), tls=False) as addresses:
        run(service, addresses, Path(place), secrets)
        for _round in range(asked.rounds):
            times.clear()
            service.requests.clear()
            started = time.monotonic()
            output = run(service, addresses, Path(place), secrets)
            seconds = time.monotonic() - started
            writes = len(service.writes())
            if "changed=0" not in output or writes:
                raise SystemExit(f"the secrets were not left alone:\n{output}")
            task = times[-1] - times[0] + asked.latency
            print(
                f"{asked.secrets} secrets unchanged, {1000 * asked.latency:.0f} ms a request: {len(service.requests)} "
                f"requests in {task:.2f} s, {seconds:.1f} s with Ansible's start"
            )


if __name__ == "__main__":
    main()
