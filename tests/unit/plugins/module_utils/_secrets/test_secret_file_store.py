# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to files in good and in bad circumstances."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import file_directory
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, State, Wanted
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.secrets_directory import Secrets

VALUE, OTHER = "correct-horse-battery", "another-horse-battery"


def refusal(secrets: Secrets, *wanted: Wanted) -> str:
    """The text of a run that refuses, and that changed nothing."""
    before = secrets.tree() if secrets.directory.exists() else None
    with pytest.raises(SecretsRefusedError) as caught:
        secrets.ensure(*wanted)
    assert before == (secrets.tree() if secrets.directory.exists() else None)
    return str(caught.value)


def test_created_files_are_private_and_end_without_a_line_break(secrets: Secrets, salt: Wanted) -> None:
    previous = os.umask(0)
    try:
        assert secrets.actions(salt) == ["create"]
    finally:
        os.umask(previous)
    path = secrets.file(salt.name)
    assert len(path.read_bytes()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1
    for directory in (secrets.directory.parent, secrets.directory, secrets.record(salt.name).parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(secrets.record(salt.name).stat().st_mode) == 0o600
    assert secrets.record(salt.name).read_text() == fingerprint(path.read_text()) + "\n"
    assert secrets.leftovers() == []


def test_second_run_writes_nothing(secrets: Secrets, salt: Wanted) -> None:
    given = Wanted("given", value=VALUE)
    secrets.actions(salt, given)
    before = secrets.tree()
    report = secrets.ensure(salt, given)
    assert not report.changed
    assert [outcome.action.value for outcome in report.outcomes] == ["keep", "keep"]
    assert secrets.tree() == before


def test_check_mode_predicts_and_writes_nothing(secrets: Secrets, salt: Wanted) -> None:
    report = secrets.ensure(salt, check_mode=True)
    assert report.changed
    assert not secrets.directory.parent.exists()


def test_a_file_that_was_put_there_is_adopted_as_it_is(secrets: Secrets, salt: Wanted) -> None:
    secrets.directory.mkdir(mode=0o700, parents=True)
    secrets.file(salt.name).touch(mode=0o600)
    secrets.file(salt.name).write_text(VALUE + "\n")
    report = secrets.ensure(salt)
    assert [(outcome.action.value, outcome.value) for outcome in report.outcomes] == [("adopt", VALUE)]
    assert secrets.file(salt.name).read_text() == VALUE + "\n"
    assert secrets.actions(salt) == ["keep"]
    assert secrets.actions(replace(salt, generate=None, value=VALUE)) == ["keep"]


def test_an_empty_file_is_filled_and_an_emptied_one_is_refused(secrets: Secrets, salt: Wanted) -> None:
    secrets.directory.mkdir(mode=0o700, parents=True)
    secrets.file(salt.name).touch(mode=0o600)
    assert secrets.actions(salt) == ["fill"]
    value = secrets.file(salt.name).read_text()
    assert secrets.leftovers() == []
    secrets.file(salt.name).write_text("\n")
    assert "is empty, but held " + fingerprint(value) in refusal(secrets, salt)
    assert secrets.actions(replace(salt, generate=None, value=value)) == ["fill"]
    assert secrets.actions(salt) == ["keep"]


def test_a_changed_file_is_refused_until_it_is_restored(secrets: Secrets, salt: Wanted) -> None:
    secrets.actions(salt)
    value = secrets.file(salt.name).read_text()
    secrets.file(salt.name).write_text(OTHER)
    text = refusal(secrets, salt)
    assert fingerprint(value) in text
    assert fingerprint(OTHER) in text
    assert f"rm {secrets.record(salt.name)}" in text
    secrets.file(salt.name).write_text(value)
    assert secrets.actions(salt) == ["keep"]


def test_a_lost_file_is_not_made_again(secrets: Secrets, salt: Wanted) -> None:
    secrets.actions(salt)
    secrets.file(salt.name).unlink()
    assert "is gone" in refusal(secrets, salt)
    secrets.record(salt.name).unlink()
    assert secrets.actions(salt) == ["create"]


@pytest.mark.parametrize("damage", ["remove", "remove all"])
def test_losing_the_notes_loses_nothing(secrets: Secrets, salt: Wanted, damage: str) -> None:
    secrets.actions(salt)
    value = secrets.file(salt.name).read_text()
    secrets.record(salt.name).unlink()
    if damage == "remove all":
        secrets.record(salt.name).parent.rmdir()
    assert secrets.actions(salt) == ["adopt"]
    assert secrets.file(salt.name).read_text() == value
    assert secrets.actions(salt) == ["keep"]


def test_a_damaged_note_is_said(secrets: Secrets, salt: Wanted) -> None:
    secrets.actions(salt)
    secrets.record(salt.name).write_text("")
    assert f"rm {secrets.record(salt.name)}" in refusal(secrets, salt)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_reach_is_refused_with_the_command(secrets: Secrets, salt: Wanted, mode: int) -> None:
    secrets.actions(salt)
    secrets.file(salt.name).chmod(mode)
    assert f"chmod 0600 {secrets.file(salt.name)}" in refusal(secrets, salt)


@pytest.mark.parametrize("which", ["secrets", "notes"])
def test_a_directory_that_others_reach_is_refused_with_the_command(secrets: Secrets, salt: Wanted, which: str) -> None:
    secrets.actions(salt)
    directory = secrets.directory if which == "secrets" else secrets.record(salt.name).parent
    directory.chmod(0o750)
    assert f"chmod 0700 {directory}" in refusal(secrets, salt)


@pytest.mark.parametrize("kind", ["link", "directory", "pipe", "binary", "large"])
def test_what_is_no_plain_text_file_is_refused(secrets: Secrets, salt: Wanted, tmp_path: Path, kind: str) -> None:
    secrets.directory.mkdir(mode=0o700, parents=True)
    path = secrets.file(salt.name)
    match kind:
        case "link":
            (tmp_path / "elsewhere").write_text(VALUE)
            path.symlink_to(tmp_path / "elsewhere")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path, 0o600)
        case _:
            path.touch(mode=0o600)
            path.write_bytes(b"\xff\xfe12345678" if kind == "binary" else b"x" * 70000)
    assert str(path) in refusal(secrets, salt)


def test_a_directory_that_is_a_link_is_refused(secrets: Secrets, salt: Wanted, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    secrets.directory.parent.mkdir()
    secrets.directory.symlink_to(tmp_path / "real")
    assert "symbolic link" in refusal(secrets, salt)
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_foreign_owner_is_refused(secrets: Secrets, salt: Wanted, what: str) -> None:
    secrets.actions(salt)
    path = secrets.file(salt.name) if what == "file" else secrets.directory
    os.chown(path, 12345, -1)
    assert f"belongs to user 12345, but this run is user {os.geteuid()}" in refusal(secrets, salt)


def test_a_path_through_a_file_is_refused(secrets: Secrets, salt: Wanted) -> None:
    secrets.directory.parent.write_text("a file")
    assert str(secrets.directory) in refusal(secrets, salt)


def test_all_problems_are_reported_together_and_nothing_is_written(secrets: Secrets, salt: Wanted) -> None:
    secrets.actions(salt, Wanted("given", value=VALUE))
    secrets.file(salt.name).chmod(0o644)
    text = refusal(secrets, salt, Wanted("given", value=OTHER), Wanted("fine", generate=Generate()), Wanted("missing"))
    assert len(text.splitlines()) == 3
    assert not secrets.file("fine").exists()


def test_a_versioned_secret_keeps_the_value_before(secrets: Secrets) -> None:
    first, second = (Wanted("key", value=value, mode=Mode.VERSIONED) for value in (VALUE, OTHER))
    assert secrets.actions(first) == ["create"]
    assert secrets.actions(first) == ["keep"]
    assert secrets.actions(second) == ["replace"]
    assert secrets.file("key").read_text() == OTHER
    assert secrets.file("key.previous").read_text() == VALUE
    assert stat.S_IMODE(secrets.file("key.previous").stat().st_mode) == 0o600
    assert secrets.actions(replace(second, mode=Mode.WRITE_ONCE)) == ["adopt"]
    assert secrets.actions(first) == ["replace"]
    assert secrets.actions(replace(first, mode=Mode.WRITE_ONCE)) == ["adopt"]


def test_absent_removes_the_file_its_note_and_its_past(secrets: Secrets) -> None:
    secrets.actions(Wanted("key", value=VALUE, mode=Mode.VERSIONED))
    secrets.actions(Wanted("key", value=OTHER, mode=Mode.VERSIONED))
    gone = Wanted("key", state=State.ABSENT, allow_loss=True)
    assert secrets.actions(gone) == ["remove"]
    assert secrets.actions(gone) == ["keep"]
    assert sorted(path.name for path in secrets.directory.iterdir()) == [".fingerprints"]


def test_leftovers_of_a_killed_run_are_removed_by_the_next_that_writes(secrets: Secrets, salt: Wanted) -> None:
    secrets.directory.mkdir(mode=0o700, parents=True)
    leftover = secrets.directory / ".other.0123456789abcdef.new"
    leftover.write_text("half a val")
    assert secrets.actions(salt) == ["create"]
    assert not leftover.exists()


def test_without_adopt_a_file_of_a_killed_run_is_still_known_as_ones_own(secrets: Secrets, salt: Wanted) -> None:
    secrets.actions(salt)
    secrets.record(salt.name).unlink()
    os.link(secrets.file(salt.name), secrets.directory / f".{salt.name}.0123456789abcdef.new")
    careful = replace(salt, adopt=False)
    assert secrets.actions(Wanted("other", generate=Generate())) == ["create"]
    assert secrets.leftovers() != []
    assert secrets.actions(careful) == ["adopt"]
    assert secrets.leftovers() == []
    assert secrets.actions(careful) == ["keep"]


def test_a_run_that_holds_the_lock_for_too_long_is_named(secrets: Secrets, salt: Wanted) -> None:
    secrets.actions(salt)
    with (
        file_directory.Directory.opened(secrets.directory) as one,
        file_directory.Directory.opened(secrets.directory) as two,
    ):
        assert one is not None
        assert two is not None
        with one.locked(), pytest.raises(TimeoutError, match="fuser -v"), two.locked(0.05):
            pass


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k,mode=0700", "tmpfs", mount], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("may not mount here")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


@pytest.mark.parametrize("free", range(5))
def test_a_full_disk_leaves_whole_files_or_none(full_disk: Path, salt: Wanted, free: int) -> None:
    secrets = Secrets(full_disk / "secrets")
    kept = Wanted("kept", value=VALUE)
    secrets.actions(kept)
    filler = full_disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            stream.truncate(max(0, filler.stat().st_size - 4096 * free))
    report = secrets.ensure(kept, salt)
    assert secrets.file("kept").read_text() == VALUE
    if free == 0:
        assert "No space left on device" in str(report.error)
        assert "Make room" in str(report.error)
        assert not secrets.file(salt.name).exists()
    if report.error is not None and secrets.file(salt.name).exists():
        assert report.changed
    content = secrets.file(salt.name).read_text() if secrets.file(salt.name).exists() else None
    assert content is None or len(content) == 64
    filler.unlink()
    secrets.actions(kept, replace(salt, adopt=False))
    assert content in (None, secrets.file(salt.name).read_text())
    assert secrets.actions(kept, salt) == ["keep", "keep"]
    assert secrets.leftovers() == []


def test_a_file_size_limit_leaves_nothing_half_written(secrets: Secrets, salt: Wanted) -> None:
    """Like a full disk, for those who may not mount one: the kernel writes 40 bytes and then fails."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, resource.RLIM_INFINITY))
        report = secrets.ensure(salt)
        os._exit(0 if "File too large" in str(report.error) and not report.changed else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(path.name for path in secrets.directory.iterdir()) == [".fingerprints"]
    assert secrets.actions(salt) == ["create"]


def test_a_full_disk_does_not_touch_the_old_version(full_disk: Path) -> None:
    secrets = Secrets(full_disk / "secrets")
    first, second = (Wanted("key", value=value, mode=Mode.VERSIONED) for value in (VALUE, OTHER))
    secrets.actions(first)
    filler = full_disk / "filler"
    with filler.open("wb", buffering=0) as stream, pytest.raises(OSError, match="space"):
        while True:
            stream.write(b"x" * 4096)
    assert secrets.ensure(second).error is not None
    assert secrets.file("key").read_text() == VALUE
    filler.unlink()
    assert secrets.actions(second) == ["replace"]
