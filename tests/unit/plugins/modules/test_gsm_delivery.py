# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values out of Secret Manager in the Secrets of a cluster, which is in memory here."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes import cluster as real
from ansible_collections.tollgate.llm.plugins.modules import kubernetes_secret_delivery
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.memory_cluster import MemoryCluster
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import OTHER, VALUE, GsmTask

DELIVER = [{"name": "keys", "namespace": "litellm", "data": {"KEY": {"secret": "provider"}}}]


def delivery(gsm: GsmTask, versions: dict[str, int]) -> dict[str, Any]:
    """One task of kubernetes_secret_delivery."""
    store = {**gsm.options(), "versions": versions}
    with patch_module_args({"store_gsm": store, "deliver": DELIVER, "make_namespace": True}), pytest.raises(SystemExit):
        kubernetes_secret_delivery.main()
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
