# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A manifest with the wanted digest, from a directory or a publisher, and never another one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible_collections.tollgate.llm.plugins.lookup import pinned_manifest

RELEASE = b"kind: Namespace\n"
OTHER = b"kind: Secret\n"
NAME = "operator-1.0.yaml"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Publisher:
    """Serves files, and counts how often it was asked."""

    def __init__(self) -> None:
        self.files = {f"/{NAME}": RELEASE}
        self.asked: list[str] = []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked.append(self.path)
                content = publisher.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def manifest(self, content: bytes = RELEASE, name: str = NAME) -> dict[str, str]:
        return {"name": name, "url": f"http://127.0.0.1:{self.server.server_port}/{name}", "sha256": sha256(content)}


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    serving = Publisher()
    yield serving
    serving.server.shutdown()
    serving.server.server_close()


def look_up(*terms: Any, **options: Any) -> list[Path]:
    plugin = pinned_manifest.LookupModule()
    plugin._load_name = "tollgate.llm.pinned_manifest"  # as the loader does
    definitions = yaml.safe_load(pinned_manifest.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("lookup", plugin._load_name, definitions)
    return [Path(found) for found in plugin.run(list(terms), {}, **{k: str(v) for k, v in options.items()})]


def refusal(*terms: Any, **options: Any) -> str:
    with pytest.raises(AnsibleLookupError) as error:
        look_up(*terms, **options)
    return str(error.value)


def files_below(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


def test_a_manifest_is_downloaded_once(publisher: Publisher, tmp_path: Path) -> None:
    wanted = publisher.manifest()
    first = look_up(wanted, cache=tmp_path)
    assert first == [tmp_path / "manifests" / wanted["sha256"] / NAME]
    assert first[0].read_bytes() == RELEASE
    assert look_up(wanted, cache=tmp_path) == first
    assert publisher.asked == [f"/{NAME}"]
    assert files_below(tmp_path) == first


def test_another_version_of_the_same_name_is_another_file(publisher: Publisher, tmp_path: Path) -> None:
    (old,) = look_up(publisher.manifest(), cache=tmp_path)
    publisher.files[f"/{NAME}"] = OTHER
    (new,) = look_up(publisher.manifest(OTHER), cache=tmp_path)
    assert [old.read_bytes(), new.read_bytes()] == [RELEASE, OTHER]


def test_a_wrong_digest_is_refused_with_both_and_nothing_is_kept(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files[f"/{NAME}"] = OTHER
    said = refusal(publisher.manifest(), cache=tmp_path)
    assert f"has the SHA-256 {sha256(OTHER)}, wanted is {sha256(RELEASE)}" in said
    assert "Nothing was kept" in said
    assert files_below(tmp_path) == []


def test_a_damaged_download_is_made_again(publisher: Publisher, tmp_path: Path) -> None:
    (found,) = look_up(publisher.manifest(), cache=tmp_path)
    found.write_bytes(RELEASE[:3])
    assert look_up(publisher.manifest(), cache=tmp_path) == [found]
    assert found.read_bytes() == RELEASE


def test_runs_may_share_a_cache(publisher: Publisher, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: look_up(publisher.manifest(), cache=tmp_path), range(8)))
    assert len({path for (path,) in found}) == 1
    assert files_below(tmp_path) == found[0]


def test_without_a_network_the_way_out_is_named(tmp_path: Path) -> None:
    closed = Publisher()
    wanted = closed.manifest()
    closed.server.shutdown()
    closed.server.server_close()
    said = refusal(wanted, cache=tmp_path)
    assert f"can't download {wanted['url']}" in said
    assert "put the file in a directory" in said
    assert files_below(tmp_path) == []


def test_what_the_publisher_does_not_have_is_said(publisher: Publisher, tmp_path: Path) -> None:
    assert "404" in refusal(publisher.manifest(name="gone.yaml"), cache=tmp_path)


def test_a_directory_has_the_file_and_nobody_is_asked(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(RELEASE)
    assert look_up(publisher.manifest(), directory=tmp_path, cache=tmp_path / "cache") == [tmp_path / NAME]
    assert publisher.asked == []
    assert not (tmp_path / "cache").exists()


def test_a_directory_without_the_file_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    wanted = publisher.manifest()
    said = refusal(wanted, directory=tmp_path)
    for text in (str(tmp_path / NAME), "No such file", wanted["url"], wanted["sha256"]):
        assert text in said
    assert publisher.asked == []


def test_a_directory_with_another_file_is_refused_with_both_digests(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(OTHER)
    said = refusal(publisher.manifest(), directory=tmp_path)
    assert f"{tmp_path / NAME} has the SHA-256 {sha256(OTHER)}, wanted is {sha256(RELEASE)}" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../x.yaml"}, "plain name of a file"),
        ({"sha256": "latest"}, "64 hexadecimal digits"),
        ({"url": "file:///etc/passwd"}, "begin with https://"),
        ({"digest": "x"}, "a manifest has name, url and sha256"),
    ],
)
def test_a_wrong_term_is_refused(change: dict[str, str], said: str, tmp_path: Path) -> None:
    wanted = {"name": NAME, "url": "https://example.org/x", "sha256": sha256(RELEASE)}
    assert said in refusal({**wanted, **change}, directory=tmp_path)
