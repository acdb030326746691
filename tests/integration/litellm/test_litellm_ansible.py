# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As users run it: ad hoc commands and a playbook with templated lists."""

from __future__ import annotations

import json
from pathlib import Path
from secrets import token_hex

import pytest
import yaml
from checkout import BIN, ran
from forward_proxy import Forward
from proxy import Proxy

MODEL = {"name": "ansible-model", "model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9", "free": True}
PLAY = [
    {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            "names": ["ansible-one", "ansible-two"],
            "limit": 5,
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        },
        "tasks": [
            {
                "tollgate.llm.litellm_tenants": {
                    "api_url": "{{ url }}",
                    "api_key_file": "{{ key_file }}",
                    "secrets_directory": "{{ store }}",
                    "models": [MODEL],
                    "teams": [{"team": "ansible-team", "models": ["ansible-model"], "rpm_limit": "{{ limit }}"}],
                    "keys": [
                        {
                            "alias": "{{ names[0] }}",
                            "team": "ansible-team",
                            "models": ["ansible-model"],
                            "max_budget": "{{ limit / 2 }}",
                            "metadata": {"names": "{{ names }}"},
                        },
                        {"alias": "{{ names[1] }}", "models": "{{ ['ansible-model'] }}"},
                    ],
                }
            }
        ],
    }
]


@pytest.fixture
def arguments(proxy: Proxy, forward: Forward, tmp_path: Path) -> dict[str, str]:
    """Where the proxy and the secrets are."""
    (tmp_path / "admin").write_text(f"{proxy.key}\n")
    for name in ("ansible-one", "ansible-two"):
        (tmp_path / name).write_text(f"sk-{token_hex(24)}\n")
    return {"url": forward.url, "key_file": str(tmp_path / "admin"), "store": str(tmp_path)}


def run(arguments: dict[str, str], *command: str) -> str:
    """The whole output of a command that succeeds; no secret is in it."""
    done = ran(*command, "-i", "localhost,", "-vvv", "--diff")
    assert done.returncode == 0, done.stdout
    for path in Path(arguments["store"]).iterdir():
        if path.suffix != ".yml":
            assert path.read_text().strip() not in done.stdout
    return done.stdout


def test_playbook_with_templated_lists_changes_nothing_the_second_time(
    arguments: dict[str, str], forward: Forward, proxy: Proxy
) -> None:
    play = Path(arguments["store"]) / "play.yml"
    play.write_text(yaml.safe_dump(PLAY))
    command = ("ansible-playbook", str(play), "-e", json.dumps(arguments))
    assert "changed=1" in run(arguments, *command, "--check")
    assert forward.writes() == []
    assert "changed=1" in run(arguments, *command)
    keys = {row["key_alias"]: row for row in proxy.all_keys()}
    assert keys["ansible-one"]["max_budget"] == 2.5
    assert keys["ansible-one"]["metadata"] == {"names": ["ansible-one", "ansible-two"], "tollgate_owner": "tollgate"}
    forward.seen.clear()
    assert "changed=0" in run(arguments, *command)
    assert forward.writes() == []


def test_ad_hoc_command_manages_one_team(arguments: dict[str, str]) -> None:
    def team(*options: str) -> str:
        given = " ".join(("api_url={url} api_key_file={key_file} team=ansible-team".format(**arguments), *options))
        here = ("-c", "local", "-e", f"ansible_python_interpreter={BIN / 'python'}")
        return run(arguments, "ansible", "localhost", *here, "-m", "tollgate.llm.litellm_team", "-a", given)

    assert "CHANGED" in team("models=ansible-model", "max_budget=5")
    assert "CHANGED" not in team("max_budget=5")
    assert "CHANGED" in team("clear=max_budget")
    assert "CHANGED" in team("state=absent")
