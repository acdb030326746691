# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules kubernetes_secret and kubernetes_secret_delivery as tasks see them, with a cluster in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.doc_fragments import _delivery
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster as real
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.delivery import ENTRY
from ansible_collections.tollgate.llm.plugins.modules import kubernetes_secret, kubernetes_secret_delivery
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.memory_cluster import MemoryCluster

STORE, VALUE = "litellm-store", "correct-horse-battery"
SECRETS: list[dict[str, Any]] = [
    {"name": "litellm-salt-key", "generate": {}},
    {"name": "provider", "value": VALUE, "mode": "versioned"},
]
DELIVER: list[dict[str, Any]] = [
    {"name": "salt", "namespace": "litellm", "immutable": True, "data": {"SALT": {"secret": "litellm-salt-key"}}},
    {"name": "keys", "namespace": "litellm", "data": {"KEY": {"secret": "provider"}, "user": {"value": "litellm"}}},
]
Task = Callable[..., dict[str, Any]]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MemoryCluster:
    """An empty cluster, which every module is connected with."""
    made = MemoryCluster()
    monkeypatch.setattr(real, "Cluster", lambda *_named: made)
    monkeypatch.setattr(real, "KUBERNETES_IMPORT_ERROR", None)
    return made


@pytest.fixture
def task(capsys: pytest.CaptureFixture[str]) -> Task:
    """Runs a module; the known value may not be in its output."""

    def run(module: Any, *, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 3}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        assert VALUE not in output
        result: dict[str, Any] = json.loads(output)
        return result

    return run


def test_from_nothing_to_delivered_and_a_second_run_without_a_write(cluster: MemoryCluster, task: Task) -> None:
    store = {"namespace": STORE, "make_namespace": True, "secrets": SECRETS}
    delivery = {"store_namespace": STORE, "make_namespace": True, "deliver": DELIVER}
    predicted = task(kubernetes_secret, check=True, **store), task(kubernetes_secret_delivery, check=True, **delivery)
    assert cluster.writes == []
    first = task(kubernetes_secret, **store), task(kubernetes_secret_delivery, **delivery)
    assert [each["summary"] for each in first] == [each["summary"] for each in predicted]
    assert first[0]["diff"] == predicted[0]["diff"]
    assert first[0]["secrets"][0]["resource"] == f"Secret {STORE}/litellm-salt-key"
    assert first[1]["namespaces"] == ["litellm"]
    assert first[1]["summary"] == {"created": 2, "updated": 0, "unchanged": 0, "deleted": 0}
    labels = cluster.objects["Namespace", "", STORE]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    cluster.requests.clear()
    second = task(kubernetes_secret, **store), task(kubernetes_secret_delivery, **delivery)
    assert [each["changed"] for each in second] == [False, False]
    assert cluster.writes == []


def test_a_missing_namespace_is_refused_unless_in_check_mode(cluster: MemoryCluster, task: Task) -> None:
    refused = task(kubernetes_secret, namespace=STORE, secrets=SECRETS)
    assert refused["msg"].splitlines() == [
        f"namespace {STORE} does not exist. Make it (kubectl create namespace {STORE}), or set make_namespace: true.",
        "Nothing was changed.",
    ]
    assert task(kubernetes_secret, check=True, namespace=STORE, secrets=SECRETS)["changed"]
    assert cluster.writes == []


def test_removal_needs_no_store(cluster: MemoryCluster, task: Task) -> None:
    task(kubernetes_secret, namespace=STORE, make_namespace=True, secrets=SECRETS)
    task(kubernetes_secret_delivery, store_namespace=STORE, make_namespace=True, deliver=DELIVER)
    gone = task(kubernetes_secret_delivery, deliver=DELIVER, state="absent")
    assert gone["summary"]["deleted"] == 2
    assert not task(kubernetes_secret_delivery, deliver=DELIVER, state="absent")["changed"]


def test_it_must_be_said_where_the_values_come_from(cluster: MemoryCluster, task: Task) -> None:
    assert "store_namespace" in task(kubernetes_secret_delivery, deliver=DELIVER)["msg"]


def test_a_kubeconfig_that_is_not_there_is_named(task: Task, tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing")
    for module, options in (
        (kubernetes_secret, {"namespace": STORE, "secrets": SECRETS}),
        (kubernetes_secret_delivery, {"store_namespace": STORE, "deliver": DELIVER}),
    ):
        message = task(module, kubeconfig=missing, **options)["msg"]
        assert missing in message
        assert message.endswith("Nothing was changed.")


def test_the_documentation_of_the_delivery_has_the_options_of_its_entries() -> None:
    options = yaml.safe_load(_delivery.ModuleDocFragment.DOCUMENTATION)["options"]["deliver"]["suboptions"]
    assert options.keys() == ENTRY.keys()
    for name, option in ENTRY.items():
        assert {key: options[name].get(key) for key in ("type", "default", "required")} == {
            key: option.get(key) for key in ("type", "default", "required")
        }
