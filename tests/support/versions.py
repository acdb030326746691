# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of plugins/module_utils/_litellm against several versions of LiteLLM, for `make test-soak`.

Each gets a gateway, whose OpenAPI document is compared with the tables, and in which every field is made, changed,
cleared and removed. Versions that are given replace the usual ones: the newest that installs, the default and an
older one.

    .venv/bin/python tests/support/versions.py 1.100.0
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import contract
import integration
from checkout import BIN, ROOT, environment
from gateway import running
from runtime import cache

OLDER = "1.100.0"  # of September 2026
REQUIREMENTS = ROOT / "roles" / "local_gateway" / "files" / "runtime"
LIFE = "tests/integration/litellm/test_litellm_fields.py"
PACKAGE = re.compile(r"^litellm==(\S+)", re.MULTILINE)


def default() -> str:
    """The version that a gateway gets unless another one is asked for."""
    found = PACKAGE.search((REQUIREMENTS / "requirements.txt").read_text(encoding="utf-8"))
    return found.group(1) if found else ""


def newest(than: str) -> str:
    """The newest version all of whose dependencies can be had, with release candidates if there is nothing else."""
    wanted = (REQUIREMENTS / "requirements.in").read_text(encoding="utf-8")
    wanted = re.sub(r"^litellm\[proxy\].*", f"litellm[proxy]>{than}", wanted, flags=re.MULTILINE)
    command = [str(BIN / "uv"), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "-"]
    places = {"UV_CACHE_DIR": str(cache() / "uv"), "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1")}
    variables = {**environment(), **places}
    done = subprocess.run(command, input=wanted, capture_output=True, text=True, check=False, env=variables)
    found = PACKAGE.findall(done.stdout)
    if not found:
        print(f"LiteLLM {than} is the newest that installs: {done.stderr.strip()}")
    return str(found[0]) if found else than


def look_at(version: str) -> str:
    """Why a version is not as the tables say; empty when it is."""
    try:
        with running("versions", "-e", f"gateway_litellm_version={version}") as gateway:
            contract.compare(gateway.url)
            integration.test(gateway, LIFE)
    except SystemExit as error:
        return str(error)
    return ""


def main() -> None:
    """Look at each, also when one before was not as it should be."""
    usual = default()
    wrong = []
    for version in sys.argv[1:] or dict.fromkeys((newest(usual), usual, OLDER)):
        why = look_at(version)
        print(f"LiteLLM {version}: {why or 'as the tables say'}", flush=True)
        wrong += [version] if why else []
    if wrong:
        raise SystemExit(f"not as the tables say: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
