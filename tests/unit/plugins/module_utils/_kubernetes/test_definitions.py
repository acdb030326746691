# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.definitions import Refused, Release, decide

GATEWAY_API = Release("Gateway API", "gateway.example", "v1.5.1", "standard", ("gateways", "routes"))
OURS = {"app.kubernetes.io/managed-by": "tollgate"}


def there(version: str = "v1.5.1", channel: str = "standard", **labels: Any) -> dict[str, Any]:
    found = {"gateway.example/bundle-version": version, "gateway.example/channel": channel}
    return {"annotations": {key: value for key, value in found.items() if value}, **labels}


def cluster(**definitions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"name": name, **metadata} for name, metadata in definitions.items()}


def both(*args: str, **labels: Any) -> dict[str, dict[str, Any]]:
    return cluster(gateways=there(*args, **labels), routes=there(*args, **labels))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({}, id="nothing there"),
        pytest.param(cluster(others={}), id="only others there"),
        pytest.param(both("v1.5.0", labels=OURS), id="ours, older"),
        pytest.param(cluster(gateways=there(labels=OURS)), id="ours, not all of them"),
        pytest.param(both(labels=OURS), id="ours, which is applied again where an earlier run ended too soon"),
    ],
)
def test_is_installed(found: dict[str, Any]) -> None:
    assert decide(GATEWAY_API, found, manage=True).install


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(both(), id="the same version of somebody else"),
        pytest.param(both("v1.6.1"), id="a later one"),
        pytest.param(both("v1.6.1", labels=OURS), id="a later one of ours"),
        pytest.param(both("v1.10.0", "experimental"), id="a later one of another channel"),
        pytest.param(both(labels={"addonmanager.kubernetes.io/mode": "Reconcile"}), id="the platform's"),
    ],
)
def test_is_kept(found: dict[str, Any]) -> None:
    assert not decide(GATEWAY_API, found, manage=True).install


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(both("v1.4.1"), "kept by somebody else", id="an older one of somebody else"),
        pytest.param(
            both("v1.4.1", labels={"addonmanager.kubernetes.io/mode": "Reconcile"}),
            "kept by the platform",
            id="an older one of the platform",
        ),
        pytest.param(
            both("v1.4.1", labels={"app.kubernetes.io/managed-by": "Helm"}), "kept by Helm", id="an older one of helm"
        ),
        pytest.param(cluster(gateways=there()), "in part", id="a part of somebody else"),
        pytest.param(cluster(gateways=there("v1.6.1", labels=OURS)), "without routes", id="a part of a later one"),
        pytest.param(
            both("v1.4.1", "experimental", labels=OURS), "another channel", id="an older one of another channel"
        ),
        pytest.param(both("", ""), "of no known version", id="without a version"),
    ],
)
def test_is_refused(found: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        decide(GATEWAY_API, found, manage=True)
    assert str(refused.value).endswith("inference_gateway_crds: existing. Nothing was changed.")


def test_what_is_there_is_used_whatever_it_is() -> None:
    assert not decide(GATEWAY_API, both("v1.3.0", "experimental"), manage=False).install


def test_what_is_to_be_used_has_to_be_there() -> None:
    with pytest.raises(Refused, match="lacks routes"):
        decide(GATEWAY_API, cluster(gateways=there()), manage=False)
