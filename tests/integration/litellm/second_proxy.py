# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second LiteLLM proxy on the gateway's database, of two workers, and a balancer before both proxies."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import ports
import yaml

PATIENCE = 300  # seconds to start, on a machine that has other things to do
END = 60  # seconds to end in order
WORKERS = 2
# Uvicorn ends a worker that says nothing for 5 seconds, which importing LiteLLM may take on a busy machine.
SILENCE = 300


@contextmanager
def beside(state: Path, directory: Path, more: Mapping[str, Any]) -> Iterator[str]:
    """Its address. C(more) goes into the gateway's configuration, section by section."""
    found = yaml.safe_load((state / "run" / "litellm" / "config.yaml").read_text())
    for section, content in more.items():
        found[section] = {**found.get(section, {}), **content} if isinstance(content, dict) else content
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(found))
    port = ports.free(1)[0]
    address = f"http://127.0.0.1:{port}"
    command = [state / "run" / "bin" / "environment", "litellm", "--config", config, "--host", "127.0.0.1"]
    command += ["--port", port, "--num_workers", WORKERS, "--timeout_worker_healthcheck", SILENCE]
    log = directory / "litellm.log"
    with log.open("wb") as output, subprocess.Popen(list(map(str, command)), stdout=output, stderr=output) as process:
        try:
            _until_ready(process, address, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(END)
            except subprocess.TimeoutExpired:
                process.kill()


def _until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if httpx.get(f"{address}/health/readiness", timeout=10).is_success:
                return
        except httpx.HTTPError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


@contextmanager
def balanced(addresses: Sequence[str]) -> Iterator[str]:
    """An address of which each connection leads to the next of these, and stays with one worker there."""
    port = ports.free(1)[0]
    turn = itertools.cycle(addresses)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.upstream = httpx.Client(base_url=next(turn), timeout=60, trust_env=False)

        def finish(self) -> None:
            self.upstream.close()
            super().finish()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            kept = {name: self.headers[name] for name in ("authorization", "content-type") if name in self.headers}
            answer = self.upstream.request(self.command, self.path, content=body, headers=kept)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers.get("content-type", "application/json"))
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass_on

        def log_message(self, *_arguments: object) -> None:
            """Nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
