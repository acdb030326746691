# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many creators at once, and creators that die."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import file_directory
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, Wanted
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.secrets_directory import Secrets

RACERS = 50
CALLS = ("open", "write", "fsync", "fchmod", "link", "rename", "unlink", "mkdir", "close")
VALUE, OTHER = "correct-horse-battery", "another-horse-battery"


def fork(work: Callable[[], str]) -> tuple[int, int]:
    """A child that does the work and sends its text; pid and the pipe to read from."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.write(writer, work().encode())
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 (a child must not return into pytest)
            os.write(writer, f"failed: {error!r}".encode())
            os._exit(1)
    os.close(writer)
    return pid, reader


def answers(children: list[tuple[int, int]]) -> list[str]:
    """What the children sent, once all have ended."""
    texts = []
    for pid, reader in children:
        with os.fdopen(reader, "rb") as stream:
            texts.append(stream.read().decode())
        os.waitpid(pid, 0)
    return texts


@contextmanager
def no_locks(directory: file_directory.Directory, seconds: float = 0) -> Iterator[bool]:
    """A file system without locks: only link() decides."""
    yield False


def race(secrets: Secrets, wanted: Wanted, *, locks: bool = True) -> list[tuple[str, str]]:
    """Fifty processes that start together; action and value of each."""
    ready, go = os.pipe()

    def work() -> str:
        os.close(go)
        if not locks:
            file_directory.Directory.locked = no_locks  # type: ignore[method-assign, assignment]  # the test takes the locks away
        os.read(ready, 1)  # returns when the parent closes the last writer
        report = secrets.ensure(wanted)
        outcome = report.outcomes[0] if report.error is None else None
        return f"failed: {report.error}" if outcome is None else f"{outcome.action.value} {outcome.value}"

    children = [fork(work) for _child in range(RACERS)]
    os.close(go)
    os.close(ready)
    return [(text.partition(" ")[0], text.partition(" ")[2]) for text in answers(children)]


@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("exists", [True, False])
def test_fifty_racing_creators_end_with_one_value(
    secrets: Secrets, salt: Wanted, repetition: int, *, adopt: bool, locks: bool, exists: bool
) -> None:
    if exists:
        secrets.directory.mkdir(parents=True, mode=0o700)
    results = race(secrets, replace(salt, adopt=adopt), locks=locks)
    count = Counter(action for action, _value in results)
    assert count["create"] == 1, results
    assert count["create"] + count["adopt"] + count["keep"] == RACERS, results
    assert {value for _action, value in results} == {secrets.file(salt.name).read_text()}
    assert secrets.actions(salt) == ["keep"]
    assert not locks or secrets.leftovers() == []


def test_fifty_racing_creators_end_with_one_value_in_an_empty_file(
    secrets: Secrets, salt: Wanted, repetition: int
) -> None:
    secrets.directory.mkdir(parents=True, mode=0o700)
    secrets.file(salt.name).touch(mode=0o600)
    results = race(secrets, salt)
    assert Counter(action for action, _value in results)["fill"] == 1, results
    assert {value for _action, value in results} == {secrets.file(salt.name).read_text()}


def test_a_racer_with_another_value_is_refused(secrets: Secrets) -> None:
    def creator(value: str) -> Callable[[], str]:
        return lambda: str(secrets.ensure(Wanted("key", value=value)).error)

    texts = answers([fork(creator(value)) for value in [VALUE, OTHER] * 10])
    winner = secrets.file("key").read_text()
    assert winner in (VALUE, OTHER)
    assert texts.count("None") == 10


def dying(secrets: Secrets, wanted: Wanted, moment: int, *, after: bool) -> int:
    """Run in a child that kills itself around its n-th system call; the child's exit status."""

    def work() -> str:
        count = 0

        def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **options: Any) -> Any:
                nonlocal count
                count += 1
                if count == moment and not after:
                    os.kill(os.getpid(), signal.SIGKILL)
                result = call(*args, **options)
                if count == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                return result

            return wrapped

        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        secrets.ensure(wanted)
        os._exit(0)

    pid, reader = fork(work)
    os.close(reader)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", ["create", "fill", "replace", "adopt", "careful"])
def test_a_run_killed_at_any_call_is_cured_by_the_next(
    tmp_path: Path, salt: Wanted, scene: str, *, after: bool
) -> None:
    """No moment leaves half a file, a second value, or a state that the next run refuses."""
    for moment in range(1, 200):
        secrets = Secrets(tmp_path / str(moment) / "secrets")
        wanted = prepared(secrets, salt, scene)
        status = dying(secrets, wanted, moment, after=after)
        path = secrets.file(wanted.name)
        between = path.read_text() if path.exists() else ""
        assert between in ("", VALUE, OTHER) or len(between) == 64
        report = secrets.ensure(wanted)
        assert report.error is None, (moment, report.error)
        value = path.read_text()
        assert len(value) == 64 or value == (VALUE if scene == "adopt" else OTHER)
        assert scene == "replace" or between in ("", value)
        again = secrets.ensure(wanted)
        assert not again.changed
        if status == 0:
            break
        assert status == -signal.SIGKILL
    else:
        pytest.fail("the run never came to its end")
    assert moment > 5


def prepared(secrets: Secrets, salt: Wanted, scene: str) -> Wanted:
    """The state before the killed run, and what it wants."""
    match scene:
        case "create":
            return salt
        case "careful":
            return replace(salt, adopt=False)
        case "replace":
            secrets.actions(Wanted("key", value=VALUE, mode=Mode.VERSIONED))
            return Wanted("key", value=OTHER, mode=Mode.VERSIONED)
    secrets.directory.mkdir(parents=True, mode=0o700)
    secrets.file(salt.name).touch(mode=0o600)
    if scene == "adopt":
        secrets.file(salt.name).write_text(VALUE)
    return salt


def error_of(secrets: Secrets, wanted: Wanted) -> str:
    """A run's failure, or None, as text."""
    return str(secrets.ensure(wanted).error)


def test_racers_killed_at_random_moments_end_with_one_value(tmp_path: Path, salt: Wanted) -> None:
    seed = int(os.environ.get("TOLLGATE_TEST_SEED", "20261121"))
    chance = random.Random(seed)  # noqa: S311 (moments of death, not secrets)
    for number in range(15):
        secrets = Secrets(tmp_path / str(number) / "secrets")
        children = [fork(partial(error_of, secrets, salt)) for _child in range(6)]
        time.sleep(chance.uniform(0, 0.02))
        for pid, _reader in chance.sample(children, 5):
            os.kill(pid, signal.SIGKILL)
        texts = answers(children)
        survivors = [text for text in texts if text]
        assert set(survivors) <= {"None"}, (seed, number, survivors)
        value = secrets.file(salt.name).read_text()
        assert len(value) == 64, (seed, number)
        assert secrets.ensure(salt).error is None
        assert secrets.file(salt.name).read_text() == value, (seed, number)
