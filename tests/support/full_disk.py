# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway on a small file system of its own that runs full: before a run, under requests, and in the middle of a run.

Mounting needs root; an ordinary user is told so and nothing is tested.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import httpx
import leftovers
import psycopg
from checkout import BIN, ROOT, environment
from gateway import INVENTORY, Place, place

SIZE = 700  # MiB: more than a run asks for, little enough to fill in a second
CALLS = 20
OUTAGE = 35  # seconds: LiteLLM tries to write its rows every ten


class Disk:
    """A tmpfs, with the means to leave no byte of it free."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Take all that is left."""
        with (self.path / "filler").open("ab", buffering=0) as filler:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give it back."""
        (self.path / "filler").unlink()


@contextmanager
def mounted() -> Iterator[Disk]:
    """A small file system that PostgreSQL's user can reach, too."""
    path = Path(tempfile.mkdtemp(prefix="tollgate-disk-"))
    path.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=0755", "tollgate-disk", path], check=True)
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", path], check=True)
        path.rmdir()


@contextmanager
def gateway_on(disk: Disk, name: str) -> Iterator[tuple[Place, list[str]]]:
    """Where a gateway on this disk lives, and the arguments that put its database there as well."""
    with place(name) as elsewhere:
        where = replace(elsewhere, state=disk.path / "state")
        arguments = ["-e", f"local_gateway_database_root={disk.path / 'databases'}"]
        try:
            yield where, arguments
            where.play("tollgate.llm.teardown", "-e", f"gateway_remove={name}", *arguments)
        finally:
            leftovers.end(where.state, leftovers.gateway_id(where.state))


def command(where: Place, playbook: str, *arguments: str) -> list[str]:
    """A run of this gateway."""
    return [str(BIN / "ansible-playbook"), playbook, "--inventory", str(INVENTORY), *where.arguments(), *arguments]


def refused(where: Place, playbook: str, *arguments: str) -> str:
    """The output of a run that must fail, on one line."""
    done = subprocess.run(
        command(where, playbook, *arguments),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode, f"{playbook} did not fail:\n{done.stdout}"
    assert "Traceback" not in done.stdout, done.stdout
    return " ".join((done.stdout + done.stderr).split())


def secrets(where: Place) -> dict[str, str]:
    """Every stored secret."""
    return {path.name: path.read_text() for path in (where.state / "secrets").iterdir() if path.is_file()}


def chat(where: Place) -> str:
    """One completion with the ordinary key. Returns its id, by which the ledger knows it."""
    answer = httpx.post(
        f"{where.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {secrets(where)['default'].strip()}"},
        json={"model": "qwen-local", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 8},
        timeout=30,
        trust_env=False,
    ).raise_for_status()
    return str(answer.json()["id"])


def ask(where: Place, query: LiteralString, *values: object) -> int:
    """One number from the database; -1 while it is away, as it may be to new connections on a full disk."""
    password = secrets(where)["litellm-db-password"].strip()
    try:
        with psycopg.connect(
            host="127.0.0.1", port=where.database_port, user="litellm", dbname="litellm", password=password
        ) as connection:
            row = connection.execute(query, values).fetchone()
    except psycopg.OperationalError:
        return -1
    return int(row[0]) if row else 0


def booked(where: Place, requests: list[str]) -> int:
    """How many of these requests are in the ledger with a price."""
    return ask(where, 'SELECT count(*) FROM "LiteLLM_SpendLogs" WHERE spend > 0 AND request_id = ANY(%s)', requests)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Until it holds; the step fails when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.5)


def full_under_requests() -> None:
    """Refused with a reason, served meanwhile, and afterwards every request is in the ledger."""
    with mounted() as disk, gateway_on(disk, "full") as (where, arguments):
        where.play("site.yml", *arguments)
        before = secrets(where)
        early = [chat(where)]
        disk.fill()
        message = refused(where, "site.yml", *arguments)
        assert f"{where.state}: 0 MiB are free there, 512 MiB are needed." in message, message
        assert "Nothing was changed." in message, message
        with tempfile.NamedTemporaryFile() as verdict:
            refused(where, "playbooks/status.yml", "-e", f"gateway_status_file={verdict.name}", *arguments)
            checks = {check["name"]: check for check in json.loads(Path(verdict.name).read_text())["checks"]}
        assert not checks["disk"]["ok"], checks
        assert "a full disk stops the database" in checks["disk"]["detail"], checks
        meanwhile = early + [chat(where) for number in range(CALLS)]
        time.sleep(OUTAGE)
        assert booked(where, meanwhile) < len(meanwhile)
        disk.free()
        # PostgreSQL itself ends when it has no room for its log: the next run starts it again.
        where.play("site.yml", *arguments)
        wait_for(lambda: booked(where, meanwhile) == len(meanwhile), 90, f"ledger rows of {len(meanwhile)} calls")
        assert secrets(where) == before
        print(f"full under requests: {len(meanwhile)} calls answered, {booked(where, meanwhile)} in the ledger")


def full_in_the_middle() -> None:
    """The run fails with the reason, and the next one goes on with the same secrets."""
    with mounted() as disk, gateway_on(disk, "full") as (where, arguments):
        with subprocess.Popen(
            command(where, "site.yml", *arguments),
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            begun = disk.path / "databases"
            wait_for(lambda: any(begun.glob("*/data*/PG_VERSION")) or run.poll() is not None, 180, "the database")
            disk.fill()
            output = " ".join(run.communicate(timeout=180)[0].split())
        assert run.returncode, output
        assert "o space left" in output, output
        before = secrets(where)
        disk.free()
        where.play("site.yml", *arguments)
        after = secrets(where)
        assert {name: after[name] for name in before} == before
        chat(where)
        print("full in the middle of a run: cured by the next one")


def main() -> None:
    """Both, one after the other."""
    if os.geteuid():
        print("not tested: a file system of its own can only be mounted by root")
        return
    full_under_requests()
    full_in_the_middle()


if __name__ == "__main__":
    main()
