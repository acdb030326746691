# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup, module and role in real runs of ansible-playbook: the task that asks for a value shows nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import Addresses, running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Service

ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
CHECKOUT = Path(__file__).parents[4]
SECRETS = [{"name": "litellm-salt-key", "generate": {}}, {"name": "litellm-master-key", "generate": {"prefix": "sk-"}}]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[Service, Addresses, Path]]:
    """A Secret Manager, and a service account's key."""
    service = Service()
    with running(service, tmp_path) as addresses:
        account = "gateway@tollgate-test.iam.gserviceaccount.com"
        key = tmp_path / "key.json"
        key.write_text(json.dumps(service.identity.service_account(account, service.project, addresses.http)))
        yield service, addresses, key


def play(project: tuple[Service, Addresses, Path], tasks: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """One play, as loud as it can be."""
    _service, addresses, key = project
    path = key.with_name("play.json")
    path.write_text(json.dumps([{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return subprocess.run(
        [str(ANSIBLE), "-i", "localhost,", "-c", "local", "-vvv", "--diff", str(path)],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key),
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(addresses.certificate),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_keeps_gives_and_never_shows(project: tuple[Service, Addresses, Path]) -> None:
    service, addresses, key = project
    target = key.with_name("target")

    def value(names: str = "'litellm-salt-key'", version: str = "1", filters: str = "") -> str:
        return (
            f"{{{{ query('tollgate.llm.gsm_secret', {names}, version={version}, "
            f"prefix='one-', endpoint='{addresses.http}'){filters or ' | first'} }}}}"
        )

    def shown(message: str) -> dict[str, Any]:
        return {"ansible.builtin.debug": {"msg": message}, "ignore_errors": True}

    reached = {"endpoint": addresses.http, "prefix": "one-"}
    role = {"secrets_store": "gsm", "secrets_gsm": reached, "secrets_declared": SECRETS}
    again = {"endpoint": addresses.grpc, "prefix": "one-", "transport": "grpc", "secrets": SECRETS}
    ran = play(
        project,
        [
            {"name": "Make", "ansible.builtin.include_role": {"name": "tollgate.llm.secrets"}, "vars": role},
            {"name": "Again", "tollgate.llm.gsm_secret": again},
            {"name": "Write", "ansible.builtin.copy": {"content": value(), "dest": str(target), "mode": "0600"}},
            {
                "name": "Loop",
                **shown("{{ item }}"),
                "loop": value("'litellm-salt-key', 'litellm-master-key'", filters=" "),
            },
            {"name": "Break", **shown(value(filters=" | first | int + {}"))},
            {"name": "Variable", **shown("{{ salt }}"), "vars": {"salt": value()}},
            {"name": f"Name {value()}", **shown("harmless")},
            {"name": "Missing", **shown(value(version="9"))},
        ],
    )
    output = ran.stdout + ran.stderr
    assert ran.returncode == 0, output
    assert target.read_text() == service.secrets["", "one-litellm-salt-key"].versions[0].payload.decode()
    assert len(service.payloads()) == 2
    for secret in [*service.payloads(), *service.identity.tokens()]:
        assert secret not in output
    assert output.count("the output has been hidden") >= 5
    assert "a secret is only given to the options of a task" in output
    assert "versions/9: Secret Manager answered NOT_FOUND" in output
    # Made over REST, found again over gRPC: both in Ansible's worker.
    asked = [request.method for request in service.requests if request.writes]
    assert asked.count("AddSecretVersion") == 2
