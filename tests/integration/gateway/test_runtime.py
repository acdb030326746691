# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of Prisma's engines a runtime gets, and what a killed build leaves."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.runtime import (
    STAMP,
    Recipe,
    Runtime,
    build,
    install_engine,
)
from checkout import ROOT

FILES = ROOT / "roles" / "local_gateway" / "files"
CACHE = Path(os.environ.get("TOLLGATE_CACHE") or Path.home() / ".cache" / "tollgate")


def engine(kind: str) -> str:
    """A program in the native engine's place: it runs the WebAssembly one."""
    return f'#!/bin/sh\nexec "{FILES}/prisma_engine/bin/{kind}" "$@"\n'


class Mirror(ThreadingHTTPServer):
    """Serves what Prisma downloads."""

    def __init__(self, program: Callable[[str], str]) -> None:
        self.program = program
        super().__init__(("127.0.0.1", 0), Download)

    def __enter__(self) -> Mirror:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """For PRISMA_ENGINES_MIRROR."""
        return f"http://127.0.0.1:{self.server_port}"


class Download(BaseHTTPRequestHandler):
    """One file of the mirror, or its checksum."""

    server: Mirror

    def do_GET(self) -> None:
        kind = "query-engine" if "query-engine" in self.path else "schema-engine"
        program = self.server.program(kind).encode()
        packed = gzip.compress(program, mtime=0)
        body = {
            ".gz.sha256": hashlib.sha256(packed).hexdigest().encode(),
            ".sha256": hashlib.sha256(program).hexdigest().encode(),
        }
        answer = next((text for suffix, text in body.items() if self.path.endswith(suffix)), packed)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of its own that shares the downloaded packages."""
    for part in ("uv", "npm"):
        (tmp_path / part).symlink_to(CACHE / part)
    return tmp_path


def test_native_engines_are_taken_where_they_can_be_downloaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Mirror(engine) as mirror:
        monkeypatch.setenv("PRISMA_ENGINES_MIRROR", mirror.url)
        runtime, built = build(Recipe(cache, FILES, "auto", ""))
    assert built
    assert runtime.stamp["engine"] == "native"
    assert "@prisma/engines" in runtime.environment()["PRISMA_QUERY_ENGINE_BINARY"]
    assert Path(runtime.environment()["PRISMA_SCHEMA_ENGINE_BINARY"]).is_file()


@pytest.fixture
def unfinished(tmp_path: Path) -> Runtime:
    """A runtime to which only the engine is missing."""
    done = build(Recipe(CACHE, FILES, "wasm", ""))[0]
    runtime = Runtime(tmp_path / "runtime")
    shutil.copytree(done.path / "node", runtime.path / "node", copy_function=os.link, symlinks=True)
    runtime.venv.symlink_to(done.venv)
    return runtime


def test_a_downloaded_engine_that_does_not_start_is_not_used(
    cache: Path, unfinished: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sorted(Path.home().glob(".cache/prisma/**"))
    with Mirror(lambda kind: f"#!/bin/sh\necho '{kind} needs libssl.so.3' >&2\nexit 127\n") as mirror:
        monkeypatch.setenv("PRISMA_ENGINES_MIRROR", mirror.url)
        chosen = install_engine(Recipe(cache, FILES, "auto", ""), unfinished)
        shutil.rmtree(unfinished.engine)
        with pytest.raises(GatewayError, match="could not start the downloaded query-engine") as refused:
            install_engine(Recipe(cache, FILES, "native", ""), unfinished)
    assert chosen["engine"] == "wasm"
    assert chosen["engine_reason"].startswith("could not start the downloaded query-engine (exit code 127): ")
    assert "query-engine needs libssl.so.3" in str(refused.value)
    # What a mirror serves to one gateway must not reach others through the user's own cache.
    assert sorted(Path.home().glob(".cache/prisma/**")) == home


def test_a_half_built_runtime_is_built_again(cache: Path) -> None:
    recipe = Recipe(cache, FILES, "wasm", "")
    half = Runtime(recipe.path)
    half.bin.mkdir(parents=True)
    (half.bin / "litellm").write_text("torn")
    runtime, built = build(recipe)
    assert built
    assert (runtime.bin / "litellm").read_text() != "torn"
    assert runtime.stamp["engine"] == "wasm"
    (runtime.path / STAMP).stat()
    assert build(recipe)[1] is False
