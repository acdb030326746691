# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operator is used, installed, refused or removed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.cnpg_operator import CLOUDNATIVE_PG, Operator
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.operator_release import Refused, Wanted, parsed

IMAGE = "ghcr.io/cloudnative-pg/cloudnative-pg"


def deployment(image: str = f"{IMAGE}:1.30.0", keeper: str = "tollgate", **metadata: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "cloudnative-pg", "app.kubernetes.io/managed-by": keeper}
    named = {"name": "cnpg-controller-manager", "namespace": "cnpg-system"}
    return {
        "metadata": {**named, "labels": labels, **metadata},
        "spec": {"template": {"spec": {"containers": [{"name": "manager", "image": image}]}}},
    }


def ours(image: str = f"{IMAGE}:1.30.0", **metadata: Any) -> Operator:
    return Operator.of(deployment(image, **metadata))


def theirs(image: str = f"{IMAGE}:1.30.0", **metadata: Any) -> Operator:
    return Operator.of(deployment(image, "Helm", **metadata))


def wanted(mode: str = "auto", version: str = "1.30.0", **more: str) -> Wanted:
    return Wanted(mode, version, "cnpg-system", **more)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.30.0", True),
        ("1.31.0", True),
        ("2.0.0", True),
        ("1.29.2", True),
        ("1.29.1", False),
        ("1.28.4", True),
        ("1.28.3", False),
        ("1.27.9", False),
    ],
)
def test_a_version_is_fit_when_its_minor_version_has_the_fixes(version: str, expected: bool) -> None:
    assert CLOUDNATIVE_PG.fit(parsed(version)) is expected


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (f"{IMAGE}:1.30.0", (1, 30, 0)),
        ("registry.example.org:5000/cnpg:v1.29.2@sha256:00", (1, 29, 2)),
        (f"{IMAGE}@sha256:00", None),
        (f"{IMAGE}:latest", None),
    ],
)
def test_the_image_says_the_version(image: str, version: tuple[int, ...] | None) -> None:
    assert ours(image).version == version


def test_a_chart_says_the_version_of_an_image_without_one() -> None:
    labelled = deployment(f"{IMAGE}@sha256:00")
    labelled["metadata"]["labels"]["app.kubernetes.io/version"] = "1.30.0"
    assert Operator.of(labelled).version == (1, 30, 0)


def test_an_empty_cluster_gets_one() -> None:
    for mode in ("auto", "own"):
        decision = CLOUDNATIVE_PG.decide(wanted(mode), [], [])
        assert decision.manage
        assert not decision.current


def test_an_empty_cluster_is_refused_when_one_is_to_be_there() -> None:
    with pytest.raises(Refused, match="cnpg_operator_existing: auto"):
        CLOUDNATIVE_PG.decide(wanted("existing"), [], [])


def test_our_own_is_current_with_its_fingerprint_alone() -> None:
    found = ours(annotations={"tollgate.llm/fingerprint": "sha256:1"})
    assert CLOUDNATIVE_PG.decide(wanted(fingerprint="sha256:1"), [found], []).current
    assert not CLOUDNATIVE_PG.decide(wanted(fingerprint="sha256:2"), [found], []).current
    assert not CLOUDNATIVE_PG.decide(wanted(), [found], []).current


def test_somebody_elses_is_used() -> None:
    decision = CLOUDNATIVE_PG.decide(wanted(), [theirs()], [])
    assert not decision.manage
    assert decision.current
    assert decision.used[0].keeper == "Helm"


def test_somebody_elses_is_refused_beside_one_of_our_own() -> None:
    with pytest.raises(Refused, match="kept by Helm"):
        CLOUDNATIVE_PG.decide(wanted("own"), [theirs()], [])
    with pytest.raises(Refused, match="two operators"):
        CLOUDNATIVE_PG.decide(wanted(), [ours(), theirs()], [])


def test_a_version_with_holes_is_refused_with_their_names() -> None:
    with pytest.raises(Refused, match=r"1\.29\.1.*CVE-2026-55769.*Nothing was changed"):
        CLOUDNATIVE_PG.decide(wanted(), [theirs(f"{IMAGE}:1.29.1")], [])
    with pytest.raises(Refused, match="CVE-2026-55765"):
        CLOUDNATIVE_PG.decide(wanted(version="1.29.0"), [], [])


def test_an_unknown_version_is_used_with_a_warning() -> None:
    decision = CLOUDNATIVE_PG.decide(wanted(), [theirs(f"{IMAGE}:latest")], [])
    assert decision.used
    assert "names no version" in decision.warnings[0]


def test_an_operator_does_not_go_back() -> None:
    with pytest.raises(Refused, match=r"cnpg_operator_version to 1\.31\.0"):
        CLOUDNATIVE_PG.decide(wanted(), [ours(f"{IMAGE}:1.31.0")], [])


def test_an_operator_does_not_move() -> None:
    with pytest.raises(Refused, match="cnpg_operator_namespace to cnpg-system"):
        CLOUDNATIVE_PG.decide(Wanted("auto", "1.30.0", "databases"), [ours()], [])


def test_one_with_databases_is_not_removed() -> None:
    with pytest.raises(Refused, match="shop/orders"):
        CLOUDNATIVE_PG.decide(wanted(state="absent"), [ours()], ["shop/orders"])
    assert CLOUDNATIVE_PG.decide(wanted(state="absent"), [ours()], []).manage


def test_somebody_elses_is_never_removed() -> None:
    assert not CLOUDNATIVE_PG.decide(wanted(state="absent"), [theirs()], []).manage
    assert not CLOUDNATIVE_PG.decide(wanted("existing", state="absent"), [ours()], []).manage
