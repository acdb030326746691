# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for secrets finds what it must, and shows none."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

SUPPORT = Path(__file__).resolve().parents[2] / "support"
sys.path.insert(0, str(SUPPORT))

import secret_scan

VALUE = 'sk-ä/+ "quoted"\\0123456789'
OTHER = f"{os.getpid():016x}0123456789abcdef"  # unlike that of a run beside this one, whose processes are searched too


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A gateway's state directory with two secrets where they belong."""
    directory = tmp_path / "state"
    (directory / "secrets" / ".fingerprints").mkdir(parents=True)
    (directory / "log").mkdir()
    for name, value in (("master", VALUE), ("salt", f"{OTHER}\n")):
        (directory / "secrets" / name).write_text(value)
        (directory / "secrets" / name).chmod(0o600)
    (directory / "client.env").write_text(f"export OPENAI_API_KEY='{VALUE}'\n")
    (directory / "client.env").chmod(0o600)
    (directory / "log" / "proxy.log").write_text("started\n")
    return directory


def run(state: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """The command's exit status and output, in which no secret may be."""
    status = secret_scan.main(["--state", str(state), *more])
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert VALUE not in shown
    assert OTHER not in shown
    return status, shown


def test_secrets_where_they_belong_are_no_finding(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, capsys) == (0, "")


@pytest.mark.parametrize(
    "written",
    [
        lambda value: value,
        lambda value: quote(value, safe=""),
        json.dumps,
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(f"{value}\n".encode()).decode(),
        lambda value: base64.b64encode(f"a:{value}".encode()).decode(),
        lambda value: base64.b64encode(f"user:{value}@host".encode()).decode(),
        lambda value: base64.urlsafe_b64encode(f"ab{value}".encode()).decode(),
        lambda value: f"Authorization: Bearer {value}",
    ],
)
@pytest.mark.parametrize("value", [VALUE, OTHER], ids=["master", "salt"])
def test_every_form_in_an_output_is_found(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], written: Callable[[str], str], value: str
) -> None:
    output = tmp_path / "output"
    output.write_text(f"line\n{written(value)}\n")
    status, shown = run(state, capsys, "--output", str(output))
    assert status == 1
    assert f"{output}:" in shown
    assert f'secret "{"master" if value == VALUE else "salt"}"' in shown


def test_the_offset_is_that_of_the_secret_even_across_pieces(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_scan, "CHUNK", 64)
    output = tmp_path / "output"
    for offset in range(0, 200, 7):
        output.write_text("." * offset + OTHER + "." * 100)
        status, shown = run(state, capsys, "--output", str(output))
        assert status == 1
        assert shown.startswith(f"{output}:{offset}: ")
        assert len(shown.splitlines()) == 1


def test_files_of_the_state_and_below_the_roots_are_searched(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "log" / "proxy.log").write_text(OTHER)
    (state / "log" / "proxy.log").chmod(0o600)
    root = tmp_path / "elsewhere"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "file").write_text(OTHER)
    (root / "deep" / "file").chmod(0o644)
    (root / "link").symlink_to(state / "secrets" / "salt")
    status, shown = run(state, capsys, "--roots", str(root))
    assert status == 1
    assert f'{state}/log/proxy.log:0: secret "salt" as it is\n' in shown
    assert f'{root}/deep/file:0: secret "salt" as it is, and others can read the file\n' in shown
    assert len(shown.splitlines()) == 2
    assert run(state, capsys, "--allow", str(state / "log" / "proxy.log"))[0] == 0


def test_a_root_around_the_state_still_knows_where_secrets_belong(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(state, capsys, "--roots", str(tmp_path), str(state))[0] == 0


def test_a_secret_in_a_file_name_is_found_and_masked(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / "log" / f"key-{OTHER}.log").touch()
    status, shown = run(state, capsys)
    assert status == 1
    assert "key-***.log" in shown


@pytest.mark.parametrize("name", ["secrets/salt", "client.env"])
def test_a_secret_that_others_can_read_is_a_finding(state: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (state / name).chmod(0o640)
    status, shown = run(state, capsys)
    assert status == 1
    assert "others can read it (mode 0640)" in shown


def test_a_command_line_is_found_and_an_environment_is_not(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, environment, expected in (([OTHER], {}, 1), ([], {"SALT": OTHER}, 0)):
        program = [sys.executable, "-c", "import sys; print('ready', flush=True); sys.stdin.read()", *command]
        with subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            status, shown = run(state, capsys)
            process.kill()
        assert status == expected
        assert (f"process {process.pid} (" in shown) == bool(expected)


def test_a_search_for_nothing_proves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secrets").mkdir()
    assert run(tmp_path, capsys)[0] == 2
    (tmp_path / "secrets" / "short").write_text("abc")
    assert run(tmp_path, capsys)[0] == 2


def test_a_missing_output_is_an_error(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, capsys, "--output", str(tmp_path / "missing"))[0] == 2
