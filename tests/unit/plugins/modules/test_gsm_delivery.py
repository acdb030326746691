# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values out of Secret Manager in the Secrets of a cluster, which is in memory here."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster as real
from ansible_collections.tollgate.llm.plugins.modules import kubernetes_secret_delivery, sealed_secret_delivery
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.memory_cluster import MemoryCluster
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.sealing_controller import Controller
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import OTHER, VALUE, GsmTask

DELIVER = [{"name": "keys", "namespace": "litellm", "data": {"KEY": {"secret": "provider"}}}]


def delivery(gsm: GsmTask, versions: dict[str, int]) -> dict[str, Any]:
    """One task of kubernetes_secret_delivery."""
    return ran(gsm, kubernetes_secret_delivery, versions, make_namespace=True)


def ran(gsm: GsmTask, module: Any, versions: dict[str, int], **more: Any) -> dict[str, Any]:
    """One task of a module that delivers."""
    store = {**gsm.options(), "versions": versions}
    with patch_module_args({"store_gsm": store, "deliver": DELIVER, **more}), pytest.raises(SystemExit):
        module.main()
    output = gsm.capsys.readouterr().out
    assert not any(value in output for value in (VALUE, OTHER, *gsm.service.identity.tokens()))
    result: dict[str, Any] = json.loads(output)
    return result


def test_the_pinned_version_is_delivered_and_no_other(gsm: GsmTask, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = MemoryCluster()
    monkeypatch.setattr(real, "Cluster", lambda *_named: cluster)
    monkeypatch.setattr(real, "KUBERNETES_IMPORT_ERROR", None)
    gsm(name="provider", value=VALUE, mode="versioned")
    gsm.add("provider", OTHER)
    assert "versions has no number for provider" in delivery(gsm, {})["msg"]
    before = len(gsm.service.writes())
    assert delivery(gsm, {"provider": 1})["summary"]["created"] == 1
    data = cluster.objects["Secret", "litellm", "keys"]["data"]
    assert base64.b64decode(data["KEY"]).decode() == VALUE
    assert not delivery(gsm, {"provider": 1})["changed"]
    assert len(gsm.service.writes()) == before
    gsm.turn("provider", 1, "DisableSecretVersion")
    assert "gcloud secrets versions enable 1" in delivery(gsm, {"provider": 1})["msg"]


def test_the_pinned_version_is_sealed_and_kept_byte_for_byte(gsm: GsmTask, tmp_path: Path) -> None:
    controller = Controller.made(tmp_path / "cert.pem")
    options = {"directory": str(tmp_path / "sealed"), "certificate": str(controller.certificate)}
    gsm(name="provider", value=VALUE, mode="versioned")
    gsm.add("provider", OTHER)
    assert ran(gsm, sealed_secret_delivery, {"provider": 1}, **options)["summary"]["created"] == 1
    path = tmp_path / "sealed" / "litellm.keys.yaml"
    assert controller.opened(path) == {"KEY": VALUE}
    before = path.read_bytes()
    assert not ran(gsm, sealed_secret_delivery, {"provider": 1}, **options)["changed"]
    assert path.read_bytes() == before
    assert ran(gsm, sealed_secret_delivery, {"provider": 2}, **options)["summary"]["updated"] == 1
    assert controller.opened(path) == {"KEY": OTHER}
