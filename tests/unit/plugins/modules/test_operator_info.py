# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that look for operators as tasks see them, with a cluster in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster
from ansible_collections.tollgate.llm.plugins.modules import (
    cnpg_operator_info,
    external_secrets_info,
    sealed_secrets_info,
)

Task = Callable[..., dict[str, Any]]
SEALED = ("app.kubernetes.io/name=sealed-secrets", "name=sealed-secrets-controller")
CNPG, EXTERNAL = "app.kubernetes.io/name=cloudnative-pg", "app.kubernetes.io/name=external-secrets"


def deployment(container: str, tag: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "tollgate"}
    pod = {"serviceAccountName": "its-account", "containers": [{"name": container, "image": f"example.org/it:{tag}"}]}
    return {
        "metadata": {"name": "it", "namespace": "operators", "labels": labels},
        "spec": {"template": {"spec": pod}},
    }


class Lists:
    """A cluster of lists, by label for Deployments and by kind for the rest, of which it knows no others."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = lists

    def find(self, _api_version: str, kind: str, *, labels: str = "") -> tuple[str, list[dict[str, Any]]]:
        if (labels or kind) not in self.lists:
            raise cluster.Unknown(f"no {kind}")
        return "1", self.lists[labels or kind]


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Task:
    """Runs a module on a cluster."""

    def run(module: Any, there: Lists, **options: Any) -> dict[str, Any]:
        monkeypatch.setattr(cluster, "Cluster", lambda *_named: there)
        monkeypatch.setattr(cluster, "KUBERNETES_IMPORT_ERROR", None)
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run


def test_what_serves_is_returned_by_both(task: Task) -> None:
    found = task(
        cnpg_operator_info,
        Lists(**{CNPG: [deployment("manager", "1.30.0")]}),
        version="1.30.0",
        namespace="operators",
    )
    served = {"name": "it", "namespace": "operators", "version": "1.30.0", "ours": True}
    assert found["operators"] == [served]
    found = task(
        external_secrets_info,
        Lists(**{EXTERNAL: [deployment("external-secrets", "v2.9.0")]}),
        version="2.9.0",
        namespace="operators",
    )
    assert found["operators"] == [{**served, "version": "2.9.0", "account": "its-account"}]


def test_without_an_operator_one_is_to_be_installed(task: Task) -> None:
    found = task(cnpg_operator_info, Lists(**{CNPG: []}), version="1.30.0")
    assert (found["manage"], found["current"], found["operators"]) == (True, False, [])


def test_what_would_be_lost_is_named(task: Task) -> None:
    database = {"metadata": {"namespace": "shop", "name": "orders"}}
    there = Lists(**{CNPG: [deployment("manager", "1.30.0")], "Cluster": [database]})
    said = task(cnpg_operator_info, there, version="1.30.0", state="absent")["msg"]
    assert said.startswith("cnpg_operator: these databases would be removed")
    assert ": shop/orders. " in said
    there = Lists(
        **{
            EXTERNAL: [deployment("external-secrets", "v2.9.0")],
            "ExternalSecret": [database],
            "ClusterSecretStore": [{"metadata": {"name": "vault"}}],
        }
    )
    said = task(external_secrets_info, there, version="2.9.0", state="absent")["msg"]
    assert said.startswith("external_secrets: these would be removed")
    assert ": ExternalSecret shop/orders, ClusterSecretStore vault. " in said


def test_a_controller_is_found_under_both_of_its_labels_and_once(task: Task) -> None:
    chart, release = (deployment("controller", tag) for tag in ("0.40.0", "0.36.6"))
    for each in (chart, release):
        each["metadata"]["labels"] = {}
    found = task(sealed_secrets_info, Lists(**{SEALED[0]: [chart], SEALED[1]: [chart]}), version="0.40.0")
    assert [each["version"] for each in found["operators"]] == ["0.40.0"]
    found = task(sealed_secrets_info, Lists(**{SEALED[0]: [], SEALED[1]: [release]}), version="0.40.0")
    assert (found["manage"], found["operators"][0]["ours"]) == (False, False)
    assert "sealed-secrets#2049" in str(found["warnings"])
    release["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/it:0.35.0"
    said = task(sealed_secrets_info, Lists(**{SEALED[0]: [], SEALED[1]: [release]}), version="0.40.0")["msg"]
    assert "at least 0.36.0 is needed" in said
