# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs under a real supervisord: restarted when they die or change, left alone otherwise, gone after a stop."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import processes, readiness
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.supervisor import Program, Supervisor

EXECUTABLE = str(Path(sys.executable).parent / "supervisord")


@pytest.fixture
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    # A short path: a UNIX socket's name is limited.
    state = Path(tmp_path_factory.mktemp("s"))
    for part in ("run", "log"):
        (state / part).mkdir()
    daemon = Supervisor(state, secrets.token_hex(6), EXECUTABLE)
    yield daemon
    daemon.stop()
    shutil.rmtree(state)


def program(name: str = "server", *, port: int = 0, **options: object) -> Program:
    serve = ["-m", "http.server", "--bind", "127.0.0.1", str(port)] if port else ["-c", "import time; time.sleep(600)"]
    return Program(name=name, command=[sys.executable, *serve], directory="/tmp", priority=1, **options)  # type: ignore[arg-type]  # options of Program


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "waited 15 s"
        time.sleep(0.05)


def pid_of(supervisor: Supervisor, name: str = "server") -> int:
    return int(supervisor.members().get(name, {}).get("pid", 0))


def test_a_second_application_changes_nothing(supervisor: Supervisor) -> None:
    assert supervisor.differs(program())
    assert supervisor.apply([program()]) == ["server"]
    pid = pid_of(supervisor)
    assert not supervisor.differs(program())
    assert supervisor.apply([program()]) == []
    assert pid_of(supervisor) == pid


def test_a_changed_file_restarts_only_its_program(supervisor: Supervisor, tmp_path: Path) -> None:
    configuration = tmp_path / "config"
    configuration.write_text("one")
    wanted = [program(depends_on=[str(configuration)]), program("other")]
    supervisor.apply(wanted)
    other = pid_of(supervisor, "other")
    configuration.write_text("two")
    assert supervisor.differs(wanted[0])
    assert supervisor.apply(wanted) == ["server"]
    assert pid_of(supervisor, "other") == other


def test_a_program_that_dies_comes_back(supervisor: Supervisor) -> None:
    supervisor.apply([program()])
    first = pid_of(supervisor)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: pid_of(supervisor) not in (0, first))


def test_a_program_does_not_start_with_supervisord_alone(supervisor: Supervisor) -> None:
    """After a stop a changed salt must meet its gate before the proxy starts."""
    supervisor.apply([program(), program("other")])
    supervisor.stop()
    supervisor.apply([program("other")])
    assert supervisor.members()["server"]["statename"] == "STOPPED"


def test_children_of_a_killed_supervisord_are_replaced(supervisor: Supervisor) -> None:
    supervisor.apply([program()])
    orphan, daemon = pid_of(supervisor), supervisor.pid
    assert daemon is not None
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: supervisor.pid is None)
    assert supervisor.orphans() == [orphan]
    assert supervisor.apply([program()]) == ["server"]
    assert not processes.start_time(orphan)


def test_nothing_is_left_after_a_stop(supervisor: Supervisor) -> None:
    supervisor.apply([program(), program("other")])
    assert supervisor.stop() is True
    assert processes.with_environment("TOLLGATE_GATEWAY", supervisor.id) == []
    assert not supervisor.socket.exists()
    assert supervisor.stop() is False


def test_nothing_of_the_users_environment_reaches_a_program(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    monkeypatch.setenv("TOLLGATE_RUN", "1.1")
    supervisor.apply([program()])
    environment = Path(f"/proc/{pid_of(supervisor)}/environ").read_text()
    assert "sk-of-somebody" not in environment
    assert "TOLLGATE_RUN" not in environment


def test_logs_and_configuration_are_for_the_owner_only(supervisor: Supervisor) -> None:
    supervisor.apply([program()])
    for path in (*supervisor.log.iterdir(), *supervisor.run.rglob("*.conf"), supervisor.socket):
        assert path.stat().st_mode & 0o077 == 0, path


def test_waiting_ends_when_the_url_answers(supervisor: Supervisor) -> None:
    port = free_port()
    supervisor.apply([program(port=port)])
    target = readiness.Target("server", f"http://127.0.0.1:{port}/", None, 20)
    (check,) = readiness.wait(supervisor, [target])
    assert check["ok"]
    assert "ready after" in check["detail"]


def test_a_program_that_can_not_start_is_explained_by_its_log(supervisor: Supervisor) -> None:
    broken = Program("server", [sys.executable, "-c", "raise SystemExit('Error: no such model')"], "/tmp", 1)
    supervisor.apply([broken])
    target = readiness.Target("server", "http://127.0.0.1:1/", None, 3)
    with pytest.raises(GatewayError, match="Error: no such model"):
        readiness.wait(supervisor, [target])


def test_a_percent_sign_in_a_command_reaches_the_program(supervisor: Supervisor) -> None:
    odd = Program(
        "server",
        [sys.executable, "-c", "import sys,time; print(sys.argv[1], flush=True); time.sleep(600)", "50% of 'a b'"],
        "/tmp",
        1,
    )
    supervisor.apply([odd])
    wait_for(lambda: (supervisor.log / "server.log").read_text().strip() == "50% of 'a b'")
