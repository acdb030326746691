# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values out of a store in the Secrets of workloads."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.cluster import ClusterError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.deliver import Report, Rules, deliver, wanted_of
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import SecretsRefusedError, ensure
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.kubernetes_store import KubernetesStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, State, Wanted
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.memory_cluster import (
    MemoryCluster,
    nothing,
)
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.secrets_directory import Secrets

STORE, VALUE, OTHER = "litellm-store", "correct-horse-battery", "another-horse-battery"
KEYS = "tollgate.llm/delivered-keys"
OURS = {"app.kubernetes.io/managed-by": "tollgate", "app.kubernetes.io/part-of": "tollgate"}
LOGIN: dict[str, Any] = {
    "name": "litellm-pg-app",
    "namespace": "litellm",
    "type": "kubernetes.io/basic-auth",
    "labels": {"cnpg.io/reload": "true"},
    "immutable": False,
    "data": {"username": {"value": "litellm"}, "password": {"secret": "litellm-db-password"}},
}
KEYED: dict[str, Any] = {
    "name": "litellm-secrets",
    "namespace": "litellm",
    "type": "Opaque",
    "labels": None,
    "immutable": False,
    "data": {"PROXY_MASTER_KEY": {"secret": "litellm-master-key"}},
}
SALT: dict[str, Any] = {
    "name": "litellm-salt-key",
    "namespace": "litellm",
    "type": "Opaque",
    "labels": None,
    "immutable": True,
    "data": {"LITELLM_SALT_KEY": {"secret": "litellm-salt-key"}},
}
ALL = (LOGIN, KEYED, SALT)
NAMES = ("litellm-db-password", "litellm-master-key", "litellm-salt-key")


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster whose store is filled."""
    cluster = MemoryCluster(STORE, "litellm")
    fill(cluster, *(Wanted(name, value=f"{VALUE}-{name}") for name in NAMES))
    return cluster


def fill(cluster: MemoryCluster, *wanted: Wanted) -> None:
    """Put values into the store."""
    assert ensure(KubernetesStore(cluster, STORE), wanted).error is None
    cluster.requests.clear()


def run(cluster: MemoryCluster, *entries: dict[str, Any], **rules: Any) -> Report:
    """Deliver; no value may be in the result."""
    cluster.requests.clear()
    check = rules.get("check_mode", False)
    store = KubernetesStore(cluster, STORE, may_be_missing=check)
    report = deliver(cluster, store, wanted_of(entries), Rules(**rules))
    shown = json.dumps([report.result(), report.errors, report.warnings]) + repr(report.steps)
    assert VALUE not in shown
    assert OTHER not in shown
    if check:
        assert cluster.writes == []
    return report


def summary(report: Report) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, deleted; of a run that succeeded."""
    assert report.errors == []
    counts = report.result()["summary"]
    return counts["created"], counts["updated"], counts["unchanged"], counts["deleted"]


def refusal(cluster: MemoryCluster, *entries: dict[str, Any], **rules: Any) -> str:
    """The text of a run that refuses, and that wrote nothing."""
    with pytest.raises(SecretsRefusedError) as caught:
        run(cluster, *entries, **rules)
    assert cluster.writes == []
    assert VALUE not in str(caught.value)
    assert OTHER not in str(caught.value)
    return str(caught.value)


def put(cluster: MemoryCluster, name: str, data: dict[str, str], **fields: Any) -> None:
    """A Secret that somebody else made."""
    metadata = {"name": name, "namespace": "litellm", **fields.pop("metadata", {})}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": encoded, **fields}
    cluster.put(secret)


def held(cluster: MemoryCluster, name: str) -> dict[str, str]:
    """What a delivered Secret holds."""
    data = cluster.secret("litellm", name)["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def test_values_arrive_under_their_names_with_type_and_labels(cluster: MemoryCluster) -> None:
    predicted = run(cluster, *ALL, check_mode=True)
    report = run(cluster, *ALL)
    assert summary(report) == summary(predicted) == (3, 0, 0, 0)
    assert report.result() == predicted.result()
    login = cluster.secret("litellm", "litellm-pg-app")
    assert login["type"] == "kubernetes.io/basic-auth"
    assert login["metadata"]["labels"] == {**OURS, "cnpg.io/reload": "true"}
    assert held(cluster, "litellm-pg-app") == {"username": "litellm", "password": f"{VALUE}-litellm-db-password"}
    assert "immutable" not in login
    assert cluster.secret("litellm", "litellm-salt-key")["immutable"] is True


def test_a_second_run_sends_no_write(cluster: MemoryCluster) -> None:
    run(cluster, *ALL)
    report = run(cluster, *ALL)
    assert summary(report) == (0, 0, 3, 0)
    assert not report.result()["changed"]
    assert report.result()["diff"] == {"before": {}, "after": {}}
    assert cluster.writes == []
    reads = [f"read Secret litellm/{entry['name']}" for entry in ALL] + [
        f"read Secret {STORE}/{name}" for name in NAMES
    ]
    assert sorted(cluster.requests) == sorted([*reads, f"read Namespace {STORE}"])


def test_keys_of_others_are_kept(cluster: MemoryCluster) -> None:
    put(cluster, "litellm-secrets", {"OPENAI_API_KEY": OTHER}, metadata={"labels": {"mine": "yes"}})
    report = run(cluster, KEYED)
    assert summary(report) == (0, 1, 0, 0)
    assert held(cluster, "litellm-secrets") == {
        "OPENAI_API_KEY": OTHER,
        "PROXY_MASTER_KEY": f"{VALUE}-litellm-master-key",
    }
    assert cluster.secret("litellm", "litellm-secrets")["metadata"]["labels"] == {**OURS, "mine": "yes"}
    assert summary(run(cluster, KEYED)) == (0, 0, 1, 0)


def test_a_value_that_somebody_else_put_there_is_not_overwritten(cluster: MemoryCluster) -> None:
    put(cluster, "litellm-secrets", {"PROXY_MASTER_KEY": OTHER})
    text = refusal(cluster, KEYED)
    for said in (
        f"Secret litellm/litellm-secrets holds {fingerprint(OTHER)} under PROXY_MASTER_KEY",
        f'secret "litellm-master-key" of the store is {fingerprint(f"{VALUE}-litellm-master-key")}',
        "declare it once with value_file",
        "kubectl -n litellm patch secret litellm-secrets --type=json",
    ):
        assert said in text
    put(cluster, "litellm-secrets", {"PROXY_MASTER_KEY": ""})
    assert summary(run(cluster, KEYED)) == (0, 1, 0, 0)


def test_what_was_delivered_and_changed_is_delivered_again(cluster: MemoryCluster) -> None:
    run(cluster, KEYED)
    secret = cluster.secret("litellm", "litellm-secrets")
    secret["data"]["PROXY_MASTER_KEY"] = base64.b64encode(OTHER.encode()).decode()
    predicted = run(cluster, KEYED, check_mode=True)
    report = run(cluster, KEYED)
    assert report.result() == predicted.result()
    assert report.result()["objects"][0]["fields"] == ["data.PROXY_MASTER_KEY"]
    assert held(cluster, "litellm-secrets") == {"PROXY_MASTER_KEY": f"{VALUE}-litellm-master-key"}


def test_a_key_that_is_not_declared_any_more_is_removed(cluster: MemoryCluster) -> None:
    run(cluster, KEYED)
    cluster.secret("litellm", "litellm-secrets")["data"]["OPENAI_API_KEY"] = "eA=="
    renamed = {**KEYED, "data": {"LITELLM_MASTER_KEY": KEYED["data"]["PROXY_MASTER_KEY"]}}
    assert summary(run(cluster, renamed)) == (0, 1, 0, 0)
    assert held(cluster, "litellm-secrets").keys() == {"LITELLM_MASTER_KEY", "OPENAI_API_KEY"}


def test_a_changed_salt_is_refused_with_both_fingerprints_and_the_ways_out(cluster: MemoryCluster) -> None:
    run(cluster, *ALL)
    fill(cluster, Wanted("litellm-salt-key", state=State.ABSENT, allow_loss=True))
    fill(cluster, Wanted("litellm-salt-key", value=OTHER))
    text = refusal(cluster, *ALL)
    for said in (
        "Secret litellm/litellm-salt-key is immutable",
        fingerprint(OTHER),
        fingerprint(f"{VALUE}-litellm-salt-key"),
        "To keep the delivered value, put it into the store",
        "kubectl -n litellm delete secret litellm-salt-key",
    ):
        assert said in text
    assert len(text.splitlines()) == 1


def test_an_immutable_secret_of_others_with_the_right_value_is_taken_over(cluster: MemoryCluster) -> None:
    put(cluster, "litellm-salt-key", {"LITELLM_SALT_KEY": f"{VALUE}-litellm-salt-key", "more": "x"}, immutable=True)
    assert summary(run(cluster, {**SALT, "immutable": False})) == (0, 1, 0, 0)
    assert held(cluster, "litellm-salt-key").keys() == {"LITELLM_SALT_KEY", "more"}
    assert summary(run(cluster, SALT)) == (0, 0, 1, 0)


def test_a_mutable_secret_becomes_immutable(cluster: MemoryCluster) -> None:
    run(cluster, {**SALT, "immutable": False})
    report = run(cluster, SALT)
    assert report.result()["objects"][0]["fields"] == ["immutable"]
    assert summary(run(cluster, SALT)) == (0, 0, 1, 0)


def test_another_type_is_refused(cluster: MemoryCluster) -> None:
    put(cluster, "litellm-pg-app", {"username": "litellm"})
    assert "is of type Opaque, not kubernetes.io/basic-auth" in refusal(cluster, LOGIN)


def test_check_mode_predicts_before_anything_exists() -> None:
    cluster = MemoryCluster()
    report = run(cluster, *ALL, check_mode=True, make_namespaces=True)
    assert summary(report) == (3, 0, 0, 0)
    assert report.namespaces == ["litellm"]
    assert report.result()["diff"]["after"]["Secret litellm/litellm-salt-key"]["LITELLM_SALT_KEY"] == "not made yet"


def test_check_mode_warns_when_the_store_lost_what_is_delivered_for_ever(cluster: MemoryCluster) -> None:
    run(cluster, *ALL)
    fill(cluster, Wanted("litellm-salt-key", state=State.ABSENT, allow_loss=True))
    report = run(cluster, *ALL, check_mode=True)
    assert "unless the store is given that very value" in report.warnings[0]
    assert 'secret "litellm-salt-key" is not in the store' in refusal(cluster, *ALL)


def test_namespaces_are_made_restricted_or_missed(cluster: MemoryCluster) -> None:
    del cluster.objects["Namespace", "", "litellm"]
    assert "namespace litellm does not exist" in refusal(cluster, *ALL)
    report = run(cluster, *ALL, make_namespaces=True)
    assert report.namespaces == ["litellm"]
    labels = cluster.objects["Namespace", "", "litellm"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert cluster.writes[0] == "create Namespace litellm"
    assert run(cluster, *ALL, make_namespaces=True).namespaces == []


def test_a_store_that_somebody_changed_is_not_delivered(cluster: MemoryCluster) -> None:
    secret = cluster.secret(STORE, "litellm-master-key")
    secret["data"]["value"] = base64.b64encode(OTHER.encode()).decode()
    assert "somebody changed a write-once secret" in refusal(cluster, *ALL)


def test_absent_removes_what_was_delivered_and_nothing_else(cluster: MemoryCluster) -> None:
    run(cluster, *ALL)
    cluster.secret("litellm", "litellm-secrets")["data"]["OPENAI_API_KEY"] = "eA=="
    put(cluster, "foreign", {"a": OTHER})
    foreign = {**KEYED, "name": "foreign"}
    predicted = run(cluster, *ALL, foreign, state=State.ABSENT, check_mode=True)
    report = run(cluster, *ALL, foreign, state=State.ABSENT)
    assert summary(report) == summary(predicted) == (0, 1, 1, 2)
    assert "was not delivered from here" in report.warnings[0]
    assert held(cluster, "litellm-secrets").keys() == {"OPENAI_API_KEY"}
    again = run(cluster, *ALL, state=State.ABSENT)
    assert summary(again) == (0, 0, 3, 0)
    assert cluster.writes == []
    assert all((("Secret", STORE, name) in cluster.objects) for name in NAMES)


def test_whoever_writes_at_the_same_time_is_looked_at_again(cluster: MemoryCluster) -> None:
    def overtake(request: str) -> None:
        if request.startswith("create"):
            cluster.before = nothing
            put(cluster, "litellm-secrets", {"OPENAI_API_KEY": OTHER})

    cluster.before = overtake
    assert summary(run(cluster, KEYED)) == (0, 1, 0, 0)
    assert held(cluster, "litellm-secrets").keys() == {"OPENAI_API_KEY", "PROXY_MASTER_KEY"}


def test_a_failure_says_what_was_not_done(cluster: MemoryCluster) -> None:
    def refuse(request: str) -> None:
        if request == "create Secret litellm/litellm-secrets":
            raise ClusterError(f"could not create it: webhook got {VALUE}-litellm-master-key (500)")

    cluster.before = refuse
    report = run(cluster, *ALL)
    assert report.pending == ["Secret litellm/litellm-secrets"]
    assert "webhook got ********" in report.errors[0]
    assert report.result()["summary"]["created"] == 2
    cluster.before = nothing
    assert summary(run(cluster, *ALL)) == (1, 0, 2, 0)


def test_a_directory_of_secrets_is_a_store_too(cluster: MemoryCluster, secrets: Secrets) -> None:
    secrets.actions(Wanted("litellm-master-key", value=OTHER))
    report = deliver(cluster, secrets.store, wanted_of([KEYED]), Rules())
    assert summary(report) == (1, 0, 0, 0)
    assert held(cluster, "litellm-secrets") == {"PROXY_MASTER_KEY": OTHER}


def test_a_new_version_is_delivered(cluster: MemoryCluster) -> None:
    entry = {**KEYED, "data": {"OPENAI_API_KEY": {"secret": "openai"}}}
    for value in (VALUE, OTHER):
        fill(cluster, Wanted("openai", value=value, mode=Mode.VERSIONED))
        run(cluster, entry)
        assert held(cluster, "litellm-secrets") == {"OPENAI_API_KEY": value}


def test_what_others_deliver_is_compared_and_not_written(cluster: MemoryCluster) -> None:
    report = run(cluster, *ALL, write=False)
    assert summary(report) == (3, 0, 0, 0)
    assert not report.result()["changed"]
    assert cluster.writes == []
    run(cluster, *ALL)
    fill(cluster, Wanted("litellm-master-key", value=OTHER, mode=Mode.VERSIONED))
    fields = {each["name"]: each["fields"] for each in run(cluster, *ALL, write=False).result()["objects"]}
    assert fields == {
        "Secret litellm/litellm-pg-app": [],
        "Secret litellm/litellm-secrets": ["data.PROXY_MASTER_KEY"],
        "Secret litellm/litellm-salt-key": [],
    }
    assert cluster.writes == []


def test_what_others_deliver_is_refused_as_what_is_delivered_here(cluster: MemoryCluster) -> None:
    put(cluster, "litellm-salt-key", {"LITELLM_SALT_KEY": OTHER}, immutable=True)
    said = refusal(cluster, SALT, write=False)
    assert fingerprint(OTHER) in said
    assert fingerprint(f"{VALUE}-litellm-salt-key") in said
    unknown = {**KEYED, "data": {"KEY": {"secret": "litellm-slat-key"}}}
    assert 'secret "litellm-slat-key" is not in the store' in refusal(cluster, unknown, write=False)


def test_what_external_secrets_noted_is_said_kept_and_taken_off_when_asked(cluster: MemoryCluster) -> None:
    run(cluster, KEYED, SALT)
    label, note = "reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/data-hash"
    for name in ("litellm-secrets", "litellm-salt-key"):
        found = cluster.secret("litellm", name)
        found["metadata"]["labels"][label] = "true"
        found["metadata"]["annotations"][note] = "d89d"
        cluster.put(found)
    report = run(cluster, KEYED, SALT)
    assert report.external == ["Secret litellm/litellm-secrets", "Secret litellm/litellm-salt-key"]
    assert summary(report) == (0, 0, 2, 0)
    before = {name: held(cluster, name) for name in ("litellm-secrets", "litellm-salt-key")}
    assert summary(run(cluster, KEYED, SALT, reclaim=True)) == (0, 2, 0, 0)
    assert {name: held(cluster, name) for name in before} == before
    for name in before:
        metadata = cluster.secret("litellm", name)["metadata"]
        assert metadata["labels"] == OURS
        assert list(metadata["annotations"]) == [KEYS]
    assert run(cluster, KEYED, SALT, reclaim=True).result()["changed"] is False


def test_secrets_are_handed_over_to_sealed_secrets_and_taken_back_without_a_changed_value(
    cluster: MemoryCluster,
) -> None:
    names = ("litellm-secrets", "litellm-salt-key")
    run(cluster, KEYED, SALT)
    before = {name: held(cluster, name) for name in names}
    assert summary(run(cluster, KEYED, SALT, hand_over=True)) == (0, 2, 0, 0)
    for name in names:
        notes = cluster.secret("litellm", name)["metadata"]["annotations"]
        assert {text for mark, text in notes.items() if mark.startswith("sealedsecrets.bitnami.com/")} == {"true"}
        assert "sealedsecrets.bitnami.com/skip-set-owner-references" in notes
    again = run(cluster, KEYED, SALT, hand_over=True)
    assert summary(again) == (0, 0, 2, 0)
    assert again.sealed == ["Secret litellm/litellm-secrets", "Secret litellm/litellm-salt-key"]
    assert summary(run(cluster, KEYED, SALT, reclaim=True)) == (0, 2, 0, 0)
    assert run(cluster, KEYED, SALT).sealed == []
    assert {name: held(cluster, name) for name in names} == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Upper"}, "no Secret can have this name"),
        ({"namespace": "a.b"}, "no namespace can have the name"),
        ({"data": {"a/b": {"value": "x"}}}, "no key can have the name"),
        ({"data": {"a": {}}}, "either secret"),
        ({"data": {"a": {"value": "x", "secret": "y"}}}, "either secret"),
        ({"data": {"a": "text"}}, "either secret"),
        ({"data": {"a": {"value": None}}}, "must be a text"),
    ],
)
def test_what_can_not_be_meant_is_refused_at_once(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SecretsRefusedError) as caught:
        wanted_of([{**KEYED, **change}, SALT, SALT])
    assert said in caught.value.problems[0]
    assert "Secret litellm/litellm-salt-key is declared twice." in caught.value.problems
