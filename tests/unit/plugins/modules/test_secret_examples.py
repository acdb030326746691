# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented examples of stores that need no cluster are run by Ansible, and print no secret."""

from __future__ import annotations

from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from ansible_collections.tollgate.llm.tests.support import examples
from ansible_collections.tollgate.llm.tests.support.checkout import ran
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.sealing_controller import Controller
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import VALUE, GsmTask

PROVIDER = f"sk-ant-{token_urlsafe(24)}"


def played(path: Path, tasks: list[dict[str, Any]], *known: str) -> str:
    """All that Ansible prints at its wordiest; no secret is in it."""
    path.write_text(examples.play(tasks))
    done = ran("ansible-playbook", str(path), "-i", "localhost,", "-vvv", "--diff")
    assert done.returncode == 0, done.stdout[-3000:]
    assert not [value for value in (PROVIDER, VALUE, *known) if value in done.stdout]
    return done.stdout


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", PROVIDER)


def test_examples_of_files_and_of_sealed_manifests_run(tmp_path: Path) -> None:
    places = {root: str(tmp_path / root.rpartition("/")[2]) for root in ("/var/lib/gateway", "/srv/platform")}
    places["/var/backups"] = str(tmp_path)
    for name in ("gateway", "platform"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "salt-of-the-old-gateway").write_text(VALUE)
    here, there = (Controller.made(tmp_path / "platform" / name) for name in ("sealed-secrets.pem", "new-cluster.pem"))
    keep, take_over, remove = examples.tasks("modules.file_secret", places)
    sealed = examples.tasks("modules.sealed_secret", places) + examples.tasks("modules.sealed_secret_delivery", places)
    # A salt in use is taken over before anything is made; the last example removes it.
    output = played(tmp_path / "play.yml", [take_over, keep, *sealed, remove])
    store = tmp_path / "gateway" / "secrets"
    assert (store / "litellm-provider-anthropic").read_text() == PROVIDER
    assert not (store / "litellm-salt-key").exists()
    delivered = tmp_path / "platform" / "manifests"
    assert here.opened(delivered / "litellm.litellm-salt-key.yaml") == {"LITELLM_SALT_KEY": VALUE}
    assert there.opened(tmp_path / "platform" / "secrets" / "litellm-provider-anthropic.yaml") == {"value": PROVIDER}
    master = (store / "litellm-master-key").read_text()
    assert master not in output
    assert here.opened(delivered / "litellm.litellm-secrets.yaml") == {"PROXY_MASTER_KEY": master}


def test_examples_of_secret_manager_run(gsm: GsmTask, tmp_path: Path) -> None:
    gsm.container("vllm-api-key", VALUE)
    gsm.service.project = "my-project"
    # Who is asked, in the place of Google; that another account is acted as has its own test.
    reached = {name: gsm.options()[name] for name in ("endpoint", "access_token")}
    arguments = ", ".join(f"{name}='{value}'" for name, value in reached.items())
    tasks = examples.tasks("modules.gsm_secret", {})
    for task in tasks:
        options = task.get("tollgate.llm.gsm_secret", {})
        options |= reached if options else {}
        options.pop("impersonate_service_account", None)
    places = {"project='my-project'": f"project='my-project', {arguments}", "/etc/gateway": str(tmp_path)}
    tasks += examples.tasks("lookup.gsm_secret", places)
    output = played(tmp_path / "play.yml", tasks, reached["access_token"])
    assert not [value for value in gsm.service.payloads() if value in output]
    assert (tmp_path / "master-key").read_text() == gsm.values("litellm-master-key")[0]
    assert gsm.service.secrets.keys() == {
        ("", "litellm-master-key"), ("", "vllm-api-key"), ("", "litellm-provider-anthropic"),
        ("europe-west3", "litellm-db-password"),
    }  # fmt: skip
