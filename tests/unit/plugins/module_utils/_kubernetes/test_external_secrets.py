# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operator of External Secrets is used, installed, refused or removed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.external_secrets import (
    EXTERNAL_SECRETS,
    Operator,
)
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.operator_release import Refused, Wanted

IMAGE = "ghcr.io/external-secrets/external-secrets"


def operator(version: str = "v2.9.0", keeper: str = "tollgate", account: str = "eso", **metadata: Any) -> Operator:
    labels = {"app.kubernetes.io/name": "external-secrets", "app.kubernetes.io/managed-by": keeper}
    named = {"name": "external-secrets", "namespace": "external-secrets"}
    pod = {"serviceAccountName": account, "containers": [{"name": "external-secrets", "image": f"{IMAGE}:{version}"}]}
    return Operator.of({"metadata": {**named, "labels": labels, **metadata}, "spec": {"template": {"spec": pod}}})


def wanted(mode: str = "auto", version: str = "2.9.0", **more: str) -> Wanted:
    return Wanted(mode, version, "external-secrets", **more)


def test_an_empty_cluster_gets_one() -> None:
    for mode in ("auto", "own"):
        decision = EXTERNAL_SECRETS.decide(wanted(mode), [], [])
        assert decision.manage
        assert not decision.current
        assert not decision.warnings


def test_an_empty_cluster_is_refused_when_one_is_to_be_there() -> None:
    with pytest.raises(Refused, match="external_secrets_existing: auto"):
        EXTERNAL_SECRETS.decide(wanted("existing"), [], [])


def test_our_own_is_current_with_its_fingerprint_alone() -> None:
    found = operator(annotations={"tollgate.llm/fingerprint": "sha256:1"})
    assert EXTERNAL_SECRETS.decide(wanted(fingerprint="sha256:1"), [found], []).current
    assert not EXTERNAL_SECRETS.decide(wanted(fingerprint="sha256:2"), [found], []).current
    assert EXTERNAL_SECRETS.decide(wanted("existing"), [found], []).current


def test_somebody_elses_is_used_under_its_account() -> None:
    decision = EXTERNAL_SECRETS.decide(wanted(), [operator(keeper="Helm", account="theirs")], [])
    assert not decision.manage
    assert decision.current
    assert decision.used[0].account == "theirs"
    assert not decision.warnings


def test_two_would_write_the_same_secrets() -> None:
    with pytest.raises(Refused, match="kept by Helm"):
        EXTERNAL_SECRETS.decide(wanted("own"), [operator(keeper="Helm")], [])
    with pytest.raises(Refused, match="two operators"):
        EXTERNAL_SECRETS.decide(wanted(), [operator(), operator(keeper="Helm")], [])
    with pytest.raises(Refused, match="external_secrets_namespace to elsewhere"):
        EXTERNAL_SECRETS.decide(wanted(), [operator(namespace="elsewhere")], [])


@pytest.mark.parametrize("version", ["v0.15.1", "v0.9.0"])
def test_one_without_the_api_is_refused(version: str) -> None:
    with pytest.raises(Refused, match=r"at least 0\.16\.0"):
        EXTERNAL_SECRETS.decide(wanted(), [operator(version, keeper="Helm")], [])
    with pytest.raises(Refused, match="external_secrets_version"):
        EXTERNAL_SECRETS.decide(wanted(version=version), [], [])


def test_a_hole_is_told_of_when_it_is_installed_or_found() -> None:
    assert "GHSA-77v3-r3jw-j2v2" in EXTERNAL_SECRETS.decide(wanted(version="0.20.4"), [], []).warnings[0]
    assert "kept by Helm" in EXTERNAL_SECRETS.decide(wanted(), [operator("v1.1.0", keeper="Helm")], []).warnings[0]
    ours = operator("v0.20.4", annotations={"tollgate.llm/fingerprint": "sha256:1"})
    assert not EXTERNAL_SECRETS.decide(wanted(version="0.20.4", fingerprint="sha256:1"), [ours], []).warnings


def test_an_unknown_version_is_used_with_a_warning() -> None:
    assert "names no version" in EXTERNAL_SECRETS.decide(wanted(), [operator("latest", keeper="Helm")], []).warnings[0]


def test_an_operator_does_not_go_back() -> None:
    with pytest.raises(Refused, match=r"external_secrets_version to 2\.10\.0"):
        EXTERNAL_SECRETS.decide(wanted(), [operator("v2.10.0")], [])


def test_it_is_removed_when_nothing_depends_on_it() -> None:
    assert EXTERNAL_SECRETS.decide(wanted(state="absent"), [operator()], []).manage
    assert not EXTERNAL_SECRETS.decide(wanted(state="absent"), [], []).manage
    assert not EXTERNAL_SECRETS.decide(wanted(state="absent"), [operator(keeper="Helm")], []).manage
    assert not EXTERNAL_SECRETS.decide(wanted("existing", state="absent"), [operator()], []).manage
    with pytest.raises(Refused, match="ExternalSecret litellm/litellm-pg-app"):
        EXTERNAL_SECRETS.decide(wanted(state="absent"), [operator()], ["ExternalSecret litellm/litellm-pg-app"])
