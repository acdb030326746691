# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation of the modules do what they say, and nothing the second time."""

from __future__ import annotations

import importlib
from pathlib import Path
from secrets import token_hex
from typing import Any

import yaml
from checkout import ROOT, ran
from proxy import Proxy

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("litellm_*.py"))
# The others stop a proxy, or look at its database: they have tests of their own.
OTHERS = {"litellm_migrations", "litellm_salt_guard"}
ELSEWHERE = "service:"  # needs a cluster: tests/cluster/checks/test_litellm_role.py
# Each in a play of its own: what others have declared, these change.
APART = ("grace:", "unmanaged:")
OWNER = "owner-of-the-examples"  # the gateway's own objects have the mark of another


def examples(store: Path) -> list[dict[str, Any]]:
    """Every task, with the places of this test."""
    found = []
    for name in MODULES:
        if name in OTHERS:
            continue
        module = importlib.import_module(f"ansible_collections.tollgate.llm.plugins.modules.{name}")
        text = module.EXAMPLES.replace("/var/lib/gateway/secrets", str(store)).replace("/etc/gateway", str(store))
        found += [task for task in yaml.safe_load(text) if ELSEWHERE not in yaml.safe_dump(task)]
    return found


def changed_by(tasks: list[dict[str, Any]], directory: Path) -> int:
    """How many tasks of a play have changed something."""
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    play["vars"] = {**python, "gateway_models": [], "gateway_teams": [], "gateway_keys": []}
    (directory / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    done = ran("ansible-playbook", str(directory / "play.yml"), "-i", "localhost,")
    assert done.returncode == 0, done.stdout
    return int(done.stdout.partition("changed=")[2].split()[0])


def test_examples_of_the_modules_run_and_change_nothing_the_second_time(proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "litellm-master-key").write_text(proxy.key)
    for name in ("vllm-api-key", "azure-west.key", "notebooks", "batch-2"):
        (tmp_path / name).write_text(f"sk-{token_hex(24)}")
    more = {"api_url": proxy.url}
    tasks = [
        {
            key: {**value, **more, **({"owner": OWNER} if key.endswith("_tenants") else {})}
            if ".litellm_" in key
            else value
            for key, value in task.items()
        }
        for task in examples(tmp_path)
    ]
    assert len({key for task in tasks for key in task if ".litellm_" in key}) == len(set(MODULES) - OTHERS)
    apart = [next((word for word in APART if word in yaml.safe_dump(task)), "") for task in tasks]
    assert sorted(filter(None, apart)) == sorted(APART)
    for chosen in ("", *APART):
        some = [task for task, word in zip(tasks, apart, strict=True) if word == chosen]
        assert changed_by(some, tmp_path) > 0
        assert changed_by(some, tmp_path) == 0
