# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tollgate_cluster.cache import LIST, Cache, remove

KEY = "0123456789abcdef" * 4


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def make(cache: Cache, name: str = "thing", key: str = KEY) -> Path:
    with cache.making(name, key) as place:
        assert place
        (place.path / "folder").mkdir()
        (place.path / "folder" / "file").write_text("content")
        (place.path / "link").symlink_to("folder/file")
    return cache.path(name, key)


def test_what_was_made_is_found(cache: Cache) -> None:
    assert cache.find("thing", KEY) is None
    entry = make(cache)
    assert cache.find("thing", KEY) == entry
    assert cache.find("thing", "f" * 64) is None


def test_nobody_makes_it_twice(cache: Cache) -> None:
    make(cache)
    with cache.making("thing", KEY) as place:
        assert place is None


def truncate(entry: Path) -> None:
    (entry / "folder" / "file").write_text("cont")


def change(entry: Path) -> None:
    (entry / "folder" / "file").write_text("CONTENT")


def lose(entry: Path) -> None:
    (entry / "folder" / "file").unlink()


def point_elsewhere(entry: Path) -> None:
    (entry / "link").unlink()
    (entry / "link").symlink_to("/etc/passwd")


def lose_the_list(entry: Path) -> None:
    (entry / LIST).unlink()


def spoil_the_list(entry: Path) -> None:
    (entry / LIST).write_text('{"format": 1')


def be_something_else(entry: Path) -> None:
    listed = json.loads((entry / LIST).read_text())
    (entry / LIST).write_text(json.dumps({**listed, "name": "other"}))


@pytest.mark.parametrize(
    "spoil", [truncate, change, lose, point_elsewhere, lose_the_list, spoil_the_list, be_something_else]
)
def test_a_broken_or_foreign_entry_is_made_again(cache: Cache, spoil: Callable[[Path], None]) -> None:
    spoil(make(cache))
    assert cache.find("thing", KEY) is None
    make(cache)
    assert (cache.path("thing", KEY) / "folder" / "file").read_text() == "content"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_an_entry_of_another_user_is_not_taken(cache: Cache) -> None:
    os.chown(make(cache), 65534, 65534)
    assert cache.find("thing", KEY) is None


def test_a_touched_file_with_the_same_content_is_whole(cache: Cache) -> None:
    entry = make(cache)
    os.utime(entry / "folder" / "file", (1, 1))
    assert cache.find("thing", KEY) == entry


def test_a_failed_build_leaves_nothing(cache: Cache) -> None:
    with pytest.raises(RuntimeError), cache.making("thing", KEY) as place:
        assert place
        (place.path / "file").touch()
        raise RuntimeError
    assert not place.path.exists()
    assert cache.find("thing", KEY) is None


KILLED = """
import os, sys
from pathlib import Path
from tollgate_cluster.cache import Cache
with Cache(Path(sys.argv[1])).making("thing", sys.argv[2]) as place:
    (place.path / "file").touch()
    print("making", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def builder(cache: Cache) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a build; it kills itself at the end of its input."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(cache.root), KEY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "making\n"
        yield process
        process.communicate()


def test_what_a_killed_build_left_is_swept(cache: Cache, builder: subprocess.Popen[str]) -> None:
    assert cache.sweep() == []  # it still runs
    builder.communicate()
    assert cache.sweep() == ["thing"]
    assert list((cache.root / "making").iterdir()) == []
    assert cache.find("thing", KEY) is None


def test_a_second_builder_waits_for_the_first(cache: Cache, builder: subprocess.Popen[str]) -> None:
    told: list[str] = []

    def waiting(process: str) -> None:
        told.append(process)
        builder.communicate()

    with cache.making("thing", KEY, waiting) as place:
        assert place
        assert list(place.path.iterdir()) == []
    assert told == [str(builder.pid)]


def test_the_cache_keeps_below_its_limit_and_keeps_what_is_current(cache: Cache) -> None:
    old, current = make(cache, key="a" * 64), make(cache, key="b" * 64)
    compiled = cache.root / "go"
    compiled.mkdir()
    (compiled / "object").write_bytes(b"x" * 4096)
    assert cache.trim(1 << 30, {current}, [compiled]) == []
    assert cache.trim(0, {current}, [compiled]) == [compiled, old]
    assert cache.find("thing", "b" * 64) == current


def test_read_only_directories_are_removed_too(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    (tmp_path / "a" / "b").chmod(0o500)
    (tmp_path / "a").chmod(0o500)
    remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()
