# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local gateway's runtime (LiteLLM, PostgreSQL, Node.js, Prisma), for tests that need no gateway."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from checkout import COLLECTIONS, ROOT, end_in_order

sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.runtime import (
    Recipe,
    Runtime,
    build,
)

POSTGRES_USER = "nobody"  # PostgreSQL refuses to run as root


def cache() -> Path:
    """The build cache, where the role puts it too."""
    below_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollgate"
    return Path(os.environ.get("TOLLGATE_CACHE") or below_home)


def built() -> Runtime:
    """The runtime that a gateway of this checkout runs on; built when it is not there."""
    return build(Recipe(cache(), ROOT / "roles" / "local_gateway" / "files", "auto", ""))[0]


@contextmanager
def engine_environment() -> Iterator[dict[str, str]]:
    """What the engine's tests want to know.

    Yields TOLLGATE_POSTGRES_BIN, TOLLGATE_POSTGRES_USER (empty: the caller), TOLLGATE_LITELLM_SITE (LiteLLM's
    site-packages), PRISMA_ENGINE_NODE_MODULES, and a PATH that starts with the runtime's Node.js.
    """
    end_in_order()
    runtime = built()
    with TemporaryDirectory(prefix="tollgate-postgres-") as directory:
        postgres, user = runtime.postgres, ""
        if os.geteuid() == 0:
            # Root's cache is closed to the user that PostgreSQL runs as. The wheel's libraries lie beside its package.
            package, user = runtime.postgres.parent, POSTGRES_USER
            for part in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(part, Path(directory) / part.name, symlinks=True)
            postgres = Path(directory) / package.name / runtime.postgres.name
            Path(directory).chmod(0o755)
        yield {
            "TOLLGATE_POSTGRES_BIN": str(postgres / "bin"),
            "TOLLGATE_POSTGRES_USER": user,
            "TOLLGATE_LITELLM_SITE": str(runtime.site_packages),
            "PRISMA_ENGINE_NODE_MODULES": str(runtime.node_modules),
            "PATH": f"{runtime.node}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        }


if __name__ == "__main__":
    built()  # before the tests, so that none of them is skipped or waits for it
