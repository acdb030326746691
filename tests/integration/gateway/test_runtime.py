# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of Prisma's engines a runtime gets, and what a killed build leaves."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.runtime import STAMP, Recipe, Runtime, build
from checkout import ROOT

FILES = ROOT / "roles" / "local_gateway" / "files"
CACHE = Path(os.environ.get("TOLLGATE_CACHE") or Path.home() / ".cache" / "tollgate")


class Mirror(BaseHTTPRequestHandler):
    """Serves what Prisma downloads: here a script that runs the WebAssembly engine in the native one's place."""

    def do_GET(self) -> None:
        kind = "query-engine" if "query-engine" in self.path else "schema-engine"
        program = f'#!/bin/sh\nexec "{FILES}/prisma_engine/bin/{kind}" "$@"\n'.encode()
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


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PRISMA_ENGINES_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("mirror")
def test_native_engines_are_taken_where_they_can_be_downloaded(cache: Path) -> None:
    runtime, built = build(Recipe(cache, FILES, "auto", ""))
    assert built
    assert runtime.stamp["engine"] == "native"
    assert "@prisma/engines" in runtime.environment()["PRISMA_QUERY_ENGINE_BINARY"]
    assert Path(runtime.environment()["PRISMA_SCHEMA_ENGINE_BINARY"]).is_file()


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
