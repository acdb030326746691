# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's package, in this process and as a server of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SOURCES = Path(__file__).resolve().parents[3] / "roles" / "local_gateway" / "files"
sys.path.insert(0, str(SOURCES))

from model_simulator.server import Simulator
from model_simulator.settings import Settings

KEY = "sk-simulated-0123456789"
BASE = "http://simulator"
PORTS = range(23100, 23400)


class Backend:
    """A simulator in this process, spoken to over ASGI."""

    def __init__(self, **settings: Any) -> None:
        self.app = Simulator(Settings(**{"api_key": KEY, **settings}))

    def run(self, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        """Run work with a client of this simulator."""

        async def main() -> Any:
            transport = httpx.ASGITransport(self.app)
            headers = {"Authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
                return await work(client)

        return asyncio.run(main())

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """One request."""
        response: httpx.Response = self.run(lambda client: client.post(path, json=body, **options))
        return response

    def get(self, path: str, **options: Any) -> httpx.Response:
        """One request."""
        response: httpx.Response = self.run(lambda client: client.get(path, **options))
        return response

    def metric(self, name: str, labels: str = "") -> float:
        """A figure of the metrics page."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(f"vllm:{name}{{")]
        return float(next(line for line in lines if labels in line).rsplit(" ", 1)[1])


@pytest.fixture
def backend() -> Backend:
    """A simulator with default settings and a key."""
    return Backend()


@pytest.fixture
def make_backend() -> type[Backend]:
    """Makes simulators with settings of their own."""
    return Backend


class Server:
    """A simulator as a process, under a real server."""

    def __init__(self, python: str, directory: Path, port: int, *options: str) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = directory / "log"
        key = directory / "key"
        key.write_text(f"{KEY}\n")
        command = [python, "-m", "model_simulator", "--port", str(port), "--api-key-file", str(key), *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, "PYTHONPATH": str(SOURCES)}, stdout=log, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        """Until /health answers."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        pytest.fail(f"the simulator did not start: {self.log.read_text()}")

    def stop(self) -> int:
        """End the process; its exit status."""
        self.process.terminate()
        return self.process.wait(30)


def _pythons() -> Iterator[str]:
    yield from filter(None, [os.environ.get("TOLLGATE_SIMULATOR_PYTHON")])
    yield sys.executable
    cache = (
        os.environ.get("TOLLGATE_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollgate"
    )
    found = Path(cache).glob("runtime/*/venv/bin/python")
    yield from (str(path) for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))


@pytest.fixture(scope="session")
def server_python() -> str:
    """An interpreter that has uvicorn: this one, or a built runtime's."""
    for python in _pythons():
        if subprocess.run([python, "-c", "import uvicorn"], check=False, capture_output=True).returncode == 0:
            return python
    pytest.skip("no interpreter with uvicorn; build the local gateway's runtime, or set TOLLGATE_SIMULATOR_PYTHON")


@pytest.fixture
def serve(server_python: str, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts simulators that end with the test."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        directory = tmp_path / str(len(started))
        directory.mkdir()
        server = Server(server_python, directory, _free_port(), *options)
        started.append(server)
        server.wait_until_ready()
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


def _free_port() -> int:

    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail("no free port")
