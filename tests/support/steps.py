# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` runs: one line per step."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from checkout import BIN, COLLECTIONS, LINK, ROOT, files

SUPPORT = Path(__file__).resolve().parent
SIMULATOR = "roles/local_gateway/files/model_simulator"
LITELLM = "tests/integration/litellm"
INTEGRATION = ("tests/integration/gateway", "tests/integration/proof")
CLUSTER = (
    "tests/cluster/tollgate_cluster",
    "tests/cluster/tollgate_checks",
    "tests/cluster/checks",
    "tests/cluster/conftest.py",
)
MODULES = (
    COLLECTIONS,
    (ROOT / SIMULATOR).parent,
    SUPPORT,
    ROOT / "tests" / "bench",
    ROOT / "tests" / "cluster",
    ROOT / "tests" / "cluster" / "checks",
)


@dataclass(frozen=True)
class Step:
    """One named command, run in the checkout."""

    name: str
    what: str
    command: tuple[str, ...]
    seconds: int  # about, on a prepared machine: the longest start first
    environment: dict[str, str] = field(default_factory=dict)


def _tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(BIN / name), *arguments)


def _script(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(SUPPORT / name), *arguments)


def _shell_scripts() -> list[str]:
    return [str(path) for path in files("*.sh", ".ci/run")]


def steps() -> list[Step]:
    """Every step, in the order of `--list`."""
    return [
        Step(
            "format",
            "ruff format: nothing to change",
            _tool("ruff", "format", "--check", "--output-format", "concise", "."),
            1,
        ),
        Step("ruff", "ruff's rules", _tool("ruff", "check", "--output-format", "concise", "."), 1),
        Step(
            "mypy",
            "strict types",
            _tool(
                "mypy",
                str(LINK / "plugins" / "module_utils"),
                str(LINK / "plugins" / "plugin_utils"),
                SIMULATOR,
                "tests/support",
                "tests/bench",
                *CLUSTER,
                "tools/bundled.py",
            ),
            30,
            environment={"MYPYPATH": ":".join(map(str, MODULES))},
        ),
        Step("yamllint", "YAML", _tool("yamllint", "--strict", "."), 5),
        Step("ansible-lint", "production profile", _tool("ansible-lint", "--offline", "--profile", "production"), 35),
        Step("shellcheck", "shell scripts", _tool("shellcheck", *_shell_scripts()), 2),
        Step("sanity", "ansible-test sanity, no ignores", _script("sanity.py"), 45),
        Step("names", "nothing of a developer's machine", _script("names.py"), 1),
        Step("docs", "documentation of plugins and roles", _script("docs.py"), 8),
        Step("changelog", "fragments", _tool("antsibull-changelog", "lint"), 2),
        Step("build", "build, install and read the artifact", _script("artifact.py"), 15),
        Step("units", "pytest tests/unit", _tool("pytest", "-q", "-p", "no:cacheprovider", "tests/unit"), 20),
        Step("engine", "Prisma's engine against PostgreSQL", _script("engine.py"), 60),
        Step("disk", "a gateway on a disk that runs full", _script("full_disk.py"), 200),
        Step("integration", "a gateway and its proof", _script("integration.py", *INTEGRATION), 540),
        Step("litellm", "LiteLLM's modules and tables, against a real proxy", _script("integration.py", LITELLM), 600),
        Step("molecule", "molecule test, from an installed copy", _script("molecule_scenario.py"), 140),
    ]
