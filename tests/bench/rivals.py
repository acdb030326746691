# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways that people use now, and the module as they would use it: each makes the same keys, whole runs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import ran
from subject import Subject, token

HERE = Path(__file__).parent
PARALLEL = 10  # Terraform's default


@dataclass(frozen=True)
class Way:
    """A way to make keys and to run it again."""

    name: str
    make: Callable[[Subject, int], None]
    again: Callable[[Subject, int], None]
    lacks: str  # what it can't do, in a sentence
    by_ansible: bool = False


def playbook(name: str, variables: dict[str, Any]) -> str:
    """Run one of the bench's playbooks; ends the bench when it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as given:
        json.dump(variables, given)
        given.flush()
        done = ran("ansible-playbook", str(HERE / name), "-i", "localhost,", "-e", f"@{given.name}")
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stdout}")
    return done.stdout


def nothing_to_do() -> None:
    """A run of Ansible whose tasks are all left out."""
    playbook("keys_by_module.yml", {"secrets": [], "options": {"api_url": "", "secrets_directory": ""}})


def store_values(directory: Path, count: int) -> None:
    """Only the values of so many keys; those that are stored are left alone."""
    wanted = [
        {"name": f"bench-{number}", "generate": {"format": "hex", "bytes": 24, "prefix": "sk-"}}
        for number in range(count)
    ]
    options = {"api_url": "", "secrets_directory": str(directory)}
    playbook("keys_by_module.yml", {"secrets": wanted, "options": options})


def by_module(subject: Subject, count: int) -> None:
    """The declared set."""
    playbook("keys_by_module.yml", {"secrets": [], "options": subject.options(subject.keys(count))})


def by_uri(subject: Subject, count: int) -> None:
    """A task for each key."""
    variables = {"url": subject.place.url, "key_file": str(subject.key_file), "bodies": subject.bodies(count)}
    playbook("keys_by_uri.yml", variables)


def by_curl(subject: Subject, count: int) -> None:
    """A curl for each key."""
    lines = "".join(f"{json.dumps(body)}\n" for body in subject.bodies(count))
    command = [str(HERE / "keys_by_curl.sh"), subject.place.url, str(subject.key_file)]
    subprocess.run(command, input=lines, text=True, check=True)


def one_by_one(subject: Subject, count: int) -> None:
    """Create, and read back what was created: as a Terraform provider does."""
    with subject.client(PARALLEL) as http:

        def create(body: dict[str, Any]) -> None:
            http.post("/key/generate", json=body).raise_for_status()
            http.get("/key/info", params={"key": token(body["key"])}).raise_for_status().json()

        _all(create, subject.bodies(count))


def each_again(subject: Subject, count: int) -> None:
    """Read every object by itself, and compare."""
    with subject.client(PARALLEL) as http:

        def compare(body: dict[str, Any]) -> None:
            info = http.get("/key/info", params={"key": token(body["key"])}).raise_for_status().json()["info"]
            differs = [name for name in body if name != "key" and info.get(name) != body[name]]
            if differs:
                raise RuntimeError(f"{body['key_alias']} differs in {', '.join(differs)}")

        _all(compare, subject.bodies(count))


def _all(work: Callable[[dict[str, Any]], None], bodies: Sequence[dict[str, Any]]) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(work, bodies))


WAYS = (
    Way("litellm_tenants", by_module, by_module, "", by_ansible=True),
    Way(
        "a task per key with ansible.builtin.uri",
        by_uri,
        by_uri,
        "Does not see that a key differs from what is declared, nor that one is gone. No prediction, no diff. "
        "The value of a key that was created before is lost to it.",
        by_ansible=True,
    ),
    Way(
        "a loop of curl",
        by_curl,
        by_curl,
        "The same, and each failure is the script's to handle: it stops at the first one.",
    ),
    Way(
        "a client that reads object by object, 10 at a time",
        one_by_one,
        each_again,
        "Sees only the objects that its state names: what somebody made in the admin UI stays unseen. "
        "The state holds the values of the keys.",
    ),
)
