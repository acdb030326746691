# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to Kubernetes Secrets, whoever else writes them meanwhile."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.cluster import ClusterError, Forbidden
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.ensure import Report, SecretsRefusedError, ensure
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.fingerprint import fingerprint
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.kubernetes_store import KubernetesStore
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.value import Generate
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.write_once import Mode, State, Wanted
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.memory_cluster import (
    MemoryCluster,
    nothing,
)

STORE, VALUE, OTHER = "litellm-store", "correct-horse-battery", "another-horse-battery"
RECORD, MODE = "tollgate.llm/fingerprint", "tollgate.llm/secret-mode"


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster with the store's namespace."""
    return MemoryCluster(STORE)


def run(cluster: MemoryCluster, *wanted: Wanted, check_mode: bool = False) -> Report:
    """Make these secrets true."""
    return ensure(KubernetesStore(cluster, STORE), wanted, check_mode=check_mode)


def actions(cluster: MemoryCluster, *wanted: Wanted) -> list[str]:
    """The actions of a run that succeeds."""
    report = run(cluster, *wanted)
    assert report.error is None, report.error
    return [outcome.action.value for outcome in report.outcomes]


def refusal(cluster: MemoryCluster, *wanted: Wanted) -> str:
    """The text of a run that refuses, and that wrote nothing."""
    cluster.requests.clear()
    with pytest.raises(SecretsRefusedError) as caught:
        run(cluster, *wanted)
    assert cluster.writes == []
    return str(caught.value)


def value(cluster: MemoryCluster, name: str, key: str = "value") -> str:
    """What lies under a key."""
    return base64.b64decode(cluster.secret(STORE, name)["data"][key]).decode()


def put(cluster: MemoryCluster, name: str, **fields: Any) -> None:
    """A Secret that somebody else made."""
    data = {key: base64.b64encode(each).decode() for key, each in fields.pop("data", {}).items()}
    metadata = {"name": name, "namespace": STORE, **fields.pop("metadata", {})}
    cluster.put({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data, **fields})


def test_a_secret_is_made_once_immutable_and_labelled(cluster: MemoryCluster, salt: Wanted) -> None:
    assert actions(cluster, salt) == ["create"]
    made = cluster.secret(STORE, salt.name)
    assert len(value(cluster, salt.name)) == 64
    assert made["immutable"] is True
    assert made["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "tollgate",
        "app.kubernetes.io/part-of": "tollgate",
    }
    assert made["metadata"]["annotations"] == {
        RECORD: fingerprint(value(cluster, salt.name)),
        MODE: "write_once",
    }


def test_a_second_run_sends_no_write(cluster: MemoryCluster, salt: Wanted) -> None:
    given = Wanted("given", value=VALUE, mode=Mode.VERSIONED)
    actions(cluster, salt, given)
    cluster.requests.clear()
    assert actions(cluster, salt, given) == ["keep", "keep"]
    assert not run(cluster, salt, given).changed
    assert cluster.writes == []


def test_check_mode_predicts_and_writes_nothing(salt: Wanted) -> None:
    cluster = MemoryCluster()
    store = KubernetesStore(cluster, STORE, may_be_missing=True)
    assert ensure(store, [salt], check_mode=True).changed
    assert cluster.writes == []


def test_a_missing_namespace_is_refused_with_the_next_step(salt: Wanted) -> None:
    text = refusal(MemoryCluster(), salt)
    assert f"namespace {STORE} does not exist" in text
    assert f"kubectl create namespace {STORE}" in text


def test_whoever_may_not_read_namespaces_still_uses_the_secrets(cluster: MemoryCluster, salt: Wanted) -> None:
    def refuse(request: str) -> None:
        if request == f"read Namespace {STORE}":
            raise Forbidden("not allowed to get Namespace", final=True)

    cluster.before = refuse
    assert actions(cluster, salt) == ["create"]


@pytest.mark.parametrize("name", ["Salt", "salt_key", "a" * 254])
def test_a_name_that_no_secret_can_have_is_refused(cluster: MemoryCluster, name: str) -> None:
    assert "no Secret can have this name" in refusal(cluster, Wanted(name, generate=Generate()))


def test_what_exists_is_adopted_as_it_is_and_kept_from_now_on(cluster: MemoryCluster, salt: Wanted) -> None:
    put(cluster, salt.name, data={"value": VALUE.encode(), "more": b"x"}, metadata={"labels": {"mine": "yes"}})
    report = run(cluster, salt)
    assert [(outcome.action.value, outcome.value) for outcome in report.outcomes] == [("adopt", VALUE)]
    made = cluster.secret(STORE, salt.name)
    assert (made["immutable"], made["metadata"]["labels"]["mine"]) == (True, "yes")
    assert value(cluster, salt.name, "more") == "x"
    assert actions(cluster, salt) == ["keep"]
    assert "adopt is false" in refusal(cluster_with_foreign(), replace(salt, adopt=False))


def cluster_with_foreign() -> MemoryCluster:
    """A cluster with a salt that somebody else made."""
    cluster = MemoryCluster(STORE)
    put(cluster, "litellm-salt-key", data={"value": VALUE.encode()})
    return cluster


def test_an_empty_secret_is_filled_and_an_emptied_one_is_refused(cluster: MemoryCluster, salt: Wanted) -> None:
    put(cluster, salt.name)
    assert actions(cluster, salt) == ["fill"]
    notes = cluster.secret(STORE, salt.name)["metadata"]["annotations"]
    put(cluster, salt.name, metadata={"annotations": notes})
    assert f"is empty, but held {notes[RECORD]} before" in refusal(cluster, salt)
    put(cluster, salt.name, immutable=True)
    assert "empty and immutable" in refusal(cluster, salt)


def test_a_different_declared_value_is_refused_with_both_fingerprints(cluster: MemoryCluster) -> None:
    actions(cluster, Wanted("key", value=VALUE))
    text = refusal(cluster, Wanted("key", value=OTHER))
    assert fingerprint(VALUE) in text
    assert fingerprint(OTHER) in text
    assert f"Secret {STORE}/key" in text


def test_a_value_that_was_changed_behind_our_back_is_refused(cluster: MemoryCluster, salt: Wanted) -> None:
    actions(cluster, replace(salt, generate=None, value=VALUE))
    notes = cluster.secret(STORE, salt.name)["metadata"]["annotations"]
    put(cluster, salt.name, data={"value": OTHER.encode()}, metadata={"annotations": notes})
    text = refusal(cluster, salt)
    assert fingerprint(VALUE) in text
    assert fingerprint(OTHER) in text
    assert f"kubectl -n {STORE} annotate secret {salt.name} {RECORD}-" in text
    put(cluster, salt.name, data={"value": OTHER.encode()}, metadata={"annotations": {MODE: "write_once"}})
    assert actions(cluster, salt) == ["adopt"]


def test_a_restored_secret_becomes_immutable_again(cluster: MemoryCluster, salt: Wanted) -> None:
    actions(cluster, salt)
    kept = cluster.secret(STORE, salt.name)
    del kept["immutable"]
    assert actions(cluster, replace(salt, adopt=False)) == ["adopt"]
    assert cluster.secret(STORE, salt.name)["immutable"] is True


def test_a_damaged_note_is_said(cluster: MemoryCluster, salt: Wanted) -> None:
    actions(cluster, salt)
    cluster.secret(STORE, salt.name)["metadata"]["annotations"][RECORD] = "sha256:"
    assert "is damaged" in refusal(cluster, salt)


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"password": b"x"}},
        {"data": {"value": b"\xff\xfe12345678"}},
        {"data": {"value": b"x" * 70000}},
        {"data": {"value": b"0123456789"}, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
)
def test_what_is_no_secret_of_a_store_is_refused(cluster: MemoryCluster, salt: Wanted, fields: dict[str, Any]) -> None:
    put(cluster, salt.name, **fields)
    assert f"Secret {STORE}/{salt.name}" in refusal(cluster, salt)


def test_a_versioned_secret_keeps_the_value_before(cluster: MemoryCluster) -> None:
    first, second = (Wanted("key", value=each, mode=Mode.VERSIONED) for each in (VALUE, OTHER))
    assert actions(cluster, first) == ["create"]
    assert "immutable" not in cluster.secret(STORE, "key")
    assert actions(cluster, second) == ["replace"]
    assert (value(cluster, "key"), value(cluster, "key", "previous")) == (OTHER, VALUE)
    assert actions(cluster, second) == ["keep"]
    assert actions(cluster, replace(second, mode=Mode.WRITE_ONCE)) == ["adopt"]
    assert cluster.secret(STORE, "key")["immutable"] is True
    assert actions(cluster, first) == ["replace"]
    assert (value(cluster, "key"), value(cluster, "key", "previous")) == (VALUE, OTHER)


def test_absent_needs_a_second_word_for_what_is_written_once(cluster: MemoryCluster, salt: Wanted) -> None:
    actions(cluster, salt)
    gone = Wanted(salt.name, state=State.ABSENT)
    assert "allow_loss" in refusal(cluster, gone)
    assert actions(cluster, replace(gone, allow_loss=True)) == ["remove"]
    assert actions(cluster, gone) == ["keep"]


def test_the_loser_of_a_race_takes_the_winners_value(cluster: MemoryCluster, salt: Wanted) -> None:
    def overtake(request: str) -> None:
        if request.startswith("create"):
            cluster.before = nothing
            actions(cluster, replace(salt, generate=None, value=VALUE))

    cluster.before = overtake
    report = run(cluster, salt)
    assert [(outcome.action.value, outcome.value) for outcome in report.outcomes] == [("keep", VALUE)]
    assert not report.changed


def test_a_secret_that_is_changed_meanwhile_is_looked_at_again(cluster: MemoryCluster, salt: Wanted) -> None:
    put(cluster, salt.name)

    def fill(request: str) -> None:
        if request.startswith("replace"):
            cluster.before = nothing
            put(cluster, salt.name, data={"value": VALUE.encode()})

    cluster.before = fill
    assert actions(cluster, salt) == ["adopt"]
    assert value(cluster, salt.name) == VALUE


def test_a_failure_says_what_was_done_and_what_not_without_a_value(cluster: MemoryCluster) -> None:
    def refuse(request: str) -> None:
        if request == f"create Secret {STORE}/bad":
            sent = base64.b64encode(OTHER.encode()).decode()
            raise ClusterError(f"could not create Secret {STORE}/bad: webhook says no to {sent} and {OTHER} (500)")

    good = [Wanted(f"good-{number}", value=VALUE) for number in range(5)]
    actions(cluster, *good)
    cluster.before = refuse
    report = run(cluster, *good, Wanted("bad", value=OTHER))
    text = str(report.error)
    assert (
        'secret "bad": could not create Secret litellm-store/bad: webhook says no to ******** and ******** (500)'
        in text
    )
    assert "run again" in text
    assert report.pending == ["bad"]
    assert not report.changed


def test_hundreds_of_secrets_are_made_side_by_side(cluster: MemoryCluster) -> None:
    many = [Wanted(f"key-{number}", generate=Generate()) for number in range(200)]
    assert actions(cluster, *many) == ["create"] * 200
    assert list(KubernetesStore(cluster, STORE).observe([each.name for each in many])) == [each.name for each in many]
    assert actions(cluster, *many) == ["keep"] * 200
