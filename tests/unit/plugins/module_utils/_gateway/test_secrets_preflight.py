# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflight says of the store of secrets that a gateway file names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._gateway import preflight, secrets_preflight
from ansible_collections.tollgate.llm.plugins.module_utils._gateway.error import GatewayError

GOOD: dict[str, Any] = {
    "gateway_target": "kubernetes",
    "gateway_secrets_store": "gsm",
    "gateway_secrets_gsm": {"project": "p", "versions": {"vllm-api-key": 3}},
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"gateway_secrets_gsm": {}},
        {"gateway_secrets_delivery": "external_secrets", "external_secrets_gsm": {"key": {"name": "n"}}},
        {"gateway_secrets_store": "kubernetes", "gateway_secrets_gsm": {}},
        {"gateway_target": "local", "gateway_secrets_gsm": {"service_account_file": "/of/the/cluster's/controller"}},
    ],
)
def test_what_can_work_passes(change: dict[str, Any]) -> None:
    preflight.check_variables({**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gateway_secrets_store": "vault"}, 'gateway_secrets_store: there is no store "vault": kubernetes or gsm.'),
        ({"gateway_secrets_store": "kubernetes"}, "how Secret Manager is reached, but gateway_secrets_store is kubern"),
        (
            {"gateway_secrets_gsm": {"projct": "p"}},
            '"gateway_secrets_gsm.projct": did you mean "gateway_secrets_gsm.project"',
        ),
        ({"gateway_secrets_gsm": ["p"]}, "gateway_secrets_gsm: .*dict"),
        ({"gateway_secrets_gsm": {"transport": "soap"}}, "value of transport must be one of: rest, grpc, got: soap"),
        ({"gateway_secrets_gsm": {"versions": {"a": "latest"}}}, "versions.a is 'latest', and must be the number"),
        ({"gateway_secrets_gsm": {"endpoint": "http://x"}}, "gateway_secrets_gsm: endpoint http://x has no TLS"),
        ({"gateway_secrets_gsm": {"service_account_file": "/none"}}, "service_account_file: /none can't be read."),
        ({"gateway_secrets_delivery": "external_secrets"}, "external_secrets_gsm: .* nothing says how it reads there"),
        (
            {
                "gateway_secrets_delivery": "external_secrets",
                "external_secrets_gsm": {"key": 1, "workload_identity": 2},
            },
            "one of the two",
        ),
    ],
)
def test_what_can_not_work_is_refused_before_anything_is_written(change: dict[str, Any], said: str) -> None:
    with pytest.raises(GatewayError, match=said) as refusal:
        preflight.check_variables({**GOOD, **change})
    assert str(refusal.value).endswith("Nothing was changed.")


def test_a_machine_without_googles_client_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("google.no_such_module", "no_such_package.module"):
        monkeypatch.setattr(secrets_preflight, "CLIENT", name)
        with pytest.raises(GatewayError, match="Run: pip install google-cloud-secret-manager"):
            preflight.check_variables(GOOD)
