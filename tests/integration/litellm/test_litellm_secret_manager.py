# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, models and the admin's key out of Secret Manager, by the documentation's example, against the real proxy."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

import httpx
import yaml
from ansible_collections.tollgate.llm.plugins.modules import litellm_tenants
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Service
from checkout import ran
from forward_proxy import Forward
from proxy import Proxy

MODULE = "tollgate.llm.litellm_tenants"
MODEL = {"name": "qwen", "model": "hosted_vllm/a", "api_base": "http://127.0.0.1:9", "free": True}


def test_tenants_are_declared_out_of_secret_manager_and_nothing_changes_again(
    proxy: Proxy, forward: Forward, tmp_path: Path
) -> None:
    example = next(task for task in yaml.safe_load(litellm_tenants.EXAMPLES) if "secrets_gsm" in task[MODULE])
    values = {name: f"sk-{token_hex(24)}" for name in ("notebooks", "provider")} | {"litellm-master-key": proxy.key}
    service = Service()
    token = service.identity.token("tester")
    for name, value in values.items():
        service.bring(name, value)
    with running(service, tmp_path, tls=False) as addresses:
        options = {**example[MODULE], "api_url": forward.url, "models": [{**MODEL, "api_key_secret": "provider"}]}
        del options["service"]  # the proxy of this test
        options["secrets_gsm"] |= {"project": service.project, "endpoint": addresses.http, "access_token": token}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [{MODULE: options}]}
        play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        for changed in ("changed=1", "changed=0"):
            forward.seen.clear()
            done = ran("ansible-playbook", str(tmp_path / "play.yml"), "-i", "localhost,", "-vvv", "--diff")
            assert done.returncode == 0, done.stdout
            assert changed in done.stdout
            assert not [value for value in (*values.values(), token) if value in done.stdout]
    assert forward.writes() == []
    assert len(service.writes()) == 2 * len(values)  # only this test's own
    answer = httpx.get(f"{proxy.url}/key/info", headers={"Authorization": f"Bearer {values['notebooks']}"}, timeout=60)
    assert answer.json()["info"]["key_alias"] == "notebooks"
