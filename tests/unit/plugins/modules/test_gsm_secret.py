# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as a task sees it, with Google's own client and a Secret Manager on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tollgate.llm.plugins.doc_fragments import _gsm, _secret
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_connection, gsm_settings
from ansible_collections.tollgate.llm.plugins.modules import gsm_secret
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import OTHER, VALUE, GsmTask

GENERATE = {"format": "hex", "bytes": 32}
KEY = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
LIST: list[dict[str, Any]] = [
    {"name": "litellm-master-key", "generate": {"format": "hex", "bytes": 24, "prefix": "sk-"}},
    {"name": "litellm-salt-key", "generate": GENERATE},
    {"name": "provider", "value": VALUE, "mode": "versioned", "aliases": ["current"], "labels": {"team": "a"}},
]


def test_check_mode_predicts_the_run_and_the_second_run_asks_twice_each(gsm: GsmTask) -> None:
    predicted = gsm(check=True, secrets=LIST)
    assert gsm.service.writes() == []
    first = gsm(secrets=LIST)
    assert predicted["diff"] == first["diff"]
    assert predicted["summary"] == first["summary"] == {**gsm.NOTHING, "created": 3}
    assert [entry["length"] for entry in first["secrets"]] == [51, 64, len(VALUE)]
    assert first["secrets"][1] == {
        "name": "litellm-salt-key",
        "action": "create",
        "fingerprint": first["secrets"][1]["fingerprint"],
        "length": 64,
        "mode": "write_once",
        "resource": "projects/tollgate-test/secrets/litellm-salt-key/versions/1",
        "version": 1,
    }
    second = gsm(secrets=LIST)
    assert not second["changed"]
    assert second["diff"] == {"before": {}, "after": {}}
    assert [each["fingerprint"] for each in second["secrets"]] == [each["fingerprint"] for each in first["secrets"]]
    assert len(gsm.asked) == 2 * len(LIST)
    assert not any(request.writes for request in gsm.asked)


def test_fifty_unchanged_secrets_cost_at_most_two_requests_each(gsm: GsmTask) -> None:
    secrets = [{"name": f"secret-{number}", "generate": GENERATE} for number in range(50)]
    assert gsm(secrets=secrets)["summary"]["created"] == 50
    assert not gsm(secrets=secrets)["changed"]
    assert len(gsm.asked) <= 100


def test_each_kind_of_change_is_predicted(gsm: GsmTask) -> None:
    gsm(secrets=LIST)
    gsm.container("adopted", OTHER)
    gsm.container("empty")
    secrets = [
        {"name": "litellm-master-key", "state": "absent", "allow_loss": True},
        {**LIST[1], "labels": {"team": "b"}},
        {**LIST[2], "value": OTHER},
        {"name": "adopted", "generate": GENERATE},
        {"name": "empty", "generate": {"format": "base64url", "bytes": 33}},
        {"name": "new", "generate": {}},
    ]
    before = len(gsm.service.writes())
    predicted = gsm(check=True, secrets=secrets)
    assert len(gsm.service.writes()) == before
    result = gsm(secrets=secrets)
    assert predicted["diff"] == result["diff"]
    actions = ["remove", "update", "replace", "adopt", "fill", "create"]
    assert [entry["action"] for entry in result["secrets"]] == actions
    assert [entry["action"] for entry in predicted["secrets"]] == actions
    assert result["summary"] == {"created": 2, "adopted": 1, "updated": 2, "deleted": 1, "unchanged": 0}
    assert result["diff"]["after"]["litellm-salt-key"].endswith("write_once, labels.team: b")
    assert gsm.values("adopted") == [OTHER]
    again = gsm(secrets=secrets)
    assert not again["changed"]


def test_a_different_value_is_refused_with_both_fingerprints_and_the_way_out(gsm: GsmTask) -> None:
    gsm(name="salt", value=VALUE)
    before = len(gsm.service.writes())
    message = gsm(name="salt", value=OTHER)["msg"]
    assert "the declared value is sha256:" in message
    assert "projects/tollgate-test/secrets/salt/versions/1 holds sha256:" in message
    assert "allow_loss: true" in message
    assert len(gsm.service.writes()) == before


def test_an_adopted_container_pins_its_oldest_enabled_version(gsm: GsmTask) -> None:
    gsm.container("salt", OTHER, VALUE, VALUE)
    gsm.turn("salt", 1, "DisableSecretVersion")
    entry = gsm(name="salt")["secrets"][0]
    assert (entry["action"], entry["version"]) == ("adopt", 2)
    assert gsm(name="salt")["secrets"][0]["version"] == 2
    assert gsm.states("salt") == ["DISABLED", "ENABLED", "ENABLED"]


def test_several_enabled_versions_with_different_values_are_refused_until_one_is_named(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE, OTHER)
    message = gsm(name="salt", generate=GENERATE)["msg"]
    assert "several enabled versions with different values (1 sha256:" in message
    assert "version: NUMBER" in message
    assert gsm(name="salt", generate=GENERATE, version=2)["secrets"][0]["version"] == 2
    assert not gsm(name="salt", generate=GENERATE)["changed"]
    assert gsm.states("salt") == ["ENABLED", "ENABLED"]


def test_a_new_version_replaces_the_old_one_which_is_disabled_after_its_grace(gsm: GsmTask) -> None:
    provider: dict[str, Any] = {"name": "provider", "mode": "versioned", "aliases": ["current"]}
    gsm(**provider, value=VALUE)
    result = gsm(**provider, value=OTHER)
    assert result["secrets"][0]["version"] == 2
    assert result["summary"]["updated"] == 1
    assert dict(gsm.secret("provider").version_aliases) == {"current": 2}
    assert gsm.states("provider") == ["ENABLED", "ENABLED"]
    assert not gsm(**provider, value=OTHER)["changed"]
    predicted = gsm(check=True, **provider, value=OTHER, grace=0)
    assert predicted["secrets"][0]["action"] == "update"
    assert gsm.states("provider") == ["ENABLED", "ENABLED"]
    ended = gsm(**provider, value=OTHER, grace=0)
    assert ended["diff"] == predicted["diff"]
    assert gsm.states("provider") == ["DISABLED", "ENABLED"]
    assert not gsm(**provider, value=OTHER, grace=0)["changed"]


def test_an_old_version_is_destroyed_only_when_told_twice(gsm: GsmTask) -> None:
    provider: dict[str, Any] = {"name": "provider", "mode": "versioned", "grace": 0, "retired": "destroy"}
    assert "allow_loss: true" in gsm(**provider, value=VALUE)["msg"]
    gsm(**provider, value=VALUE, allow_loss=True)
    gsm(**provider, value=OTHER, allow_loss=True)
    assert gsm.states("provider") == ["DESTROYED", "ENABLED"]


def test_a_former_version_is_taken_again_by_its_number(gsm: GsmTask) -> None:
    provider: dict[str, Any] = {"name": "provider", "mode": "versioned", "aliases": ["current"]}
    gsm(**provider, value=VALUE)
    gsm(**provider, value=OTHER)
    back = gsm(**provider, version=1)
    assert (back["secrets"][0]["action"], back["secrets"][0]["version"]) == ("update", 1)
    assert dict(gsm.secret("provider").version_aliases) == {"current": 1}
    assert gsm.values("provider") == [VALUE, OTHER]


def test_every_change_names_the_etag_and_every_payload_its_checksum(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE)
    gsm.container("empty")
    gsm(secrets=[{"name": "salt"}, {"name": "empty", "generate": GENERATE}])
    provider: dict[str, Any] = {"name": "provider", "mode": "versioned", "grace": 0, "allow_loss": True}
    for value, retired in ((VALUE, "disable"), (OTHER, "disable"), (f"{OTHER}-again", "destroy")):
        gsm(**provider, value=value, retired=retired)
    assert gsm.states("provider") == ["DISABLED", "DESTROYED", "ENABLED"]
    for name in ("provider", "empty"):
        ours = gsm.service.secrets["", name].versions
        assert all(version.message.client_specified_payload_checksum for version in ours)
    gsm(**provider, state="absent")
    changes = [request for request in gsm.service.writes() if request.principal.startswith("tester")]
    methods = {"UpdateSecret", "DisableSecretVersion", "DestroySecretVersion", "DeleteSecret"}
    assert methods <= {request.method for request in changes}
    assert all(request.etag for request in changes if request.method in methods)


def test_what_can_not_be_read_can_be_removed(gsm: GsmTask) -> None:
    gsm(name="salt", value=VALUE)
    gsm.turn("salt", 1, "DestroySecretVersion")
    assert "allow_loss" in gsm(name="salt", state="absent")["msg"]
    result = gsm(name="salt", state="absent", allow_loss=True)
    assert result["secrets"][0]["version"] is None
    assert gsm(name="salt", value=OTHER)["secrets"][0]["action"] == "create"


def test_what_lies_around_a_value_is_made_and_kept_as_declared(gsm: GsmTask) -> None:
    around: dict[str, Any] = {
        "name": "salt",
        "generate": GENERATE,
        "replication": {"regions": ["europe-west1"], "kms_keys": [KEY]},
        "labels": {"team": "a"},
        "annotations": {"contact.name": "somebody"},
        "topics": ["projects/p/topics/t"],
        "expire_time": "2131-01-31T12:00:00Z",
        "version_destroy_ttl": 86400,
        "aliases": ["current"],
        "allow_loss": True,
    }
    assert gsm(**around)["secrets"][0]["action"] == "create"
    assert not gsm(**around)["changed"]
    secret = gsm.secret("salt")
    replica = secret.replication.user_managed.replicas[0]
    assert (replica.location, replica.customer_managed_encryption.kms_key_name) == ("europe-west1", KEY)
    assert (dict(secret.labels), secret.annotations["contact.name"]) == (
        {"managed-by": "tollgate", "team": "a"},
        "somebody",
    )
    assert [topic.name for topic in secret.topics] == ["projects/p/topics/t"]
    changed = {
        **around,
        "replication": {"regions": ["europe-west1"], "kms_keys": [f"{KEY}2"]},
        "labels": {"team": "b"},
        "annotations": {"contact.name": "another"},
        "topics": [],
        "expire_time": "never",
        "version_destroy_ttl": 0,
        "aliases": ["current", "other"],
    }
    predicted, result = gsm(check=True, **changed), gsm(**changed)
    assert predicted["diff"] == result["diff"]
    for text in (
        "annotations.contact.name: another", "expire_time: never", "labels.team: b", "topics: none",
        "version_aliases.other: 1", "version_destroy_ttl: none", f"replication: {KEY}2",
    ):  # fmt: skip
        assert text in result["diff"]["after"]["salt"]
    secret = gsm.secret("salt")
    assert "expire_time" not in secret
    assert "version_destroy_ttl" not in secret
    assert not secret.topics
    assert not gsm(**changed)["changed"]


def test_the_regions_of_a_secret_are_never_changed(gsm: GsmTask) -> None:
    gsm(name="salt", generate=GENERATE, replication={"regions": ["europe-west1"]})
    message = gsm(name="salt", generate=GENERATE, replication={"regions": ["us-east1"]})["msg"]
    assert "declared as us-east1, but the secret lies in europe-west1" in message


def test_regional_secrets_lie_in_their_location(gsm: GsmTask) -> None:
    entry = gsm(name="salt", generate=GENERATE, location="europe-west3", replication={"kms_keys": [KEY]})["secrets"][0]
    assert entry["resource"] == "projects/tollgate-test/locations/europe-west3/secrets/salt/versions/1"
    assert gsm.service.secrets["europe-west3", "salt"].secret.customer_managed_encryption.kms_key_name == KEY
    assert gsm(name="salt", generate=GENERATE)["secrets"][0]["action"] == "create"


def test_removal_must_be_told_twice_and_then_the_name_is_free(gsm: GsmTask) -> None:
    gsm(name="salt", value=VALUE)
    assert "allow_loss" in gsm(name="salt", state="absent")["msg"]
    assert gsm(name="salt", state="absent", allow_loss=True)["changed"]
    assert not gsm(name="salt", state="absent", allow_loss=True)["changed"]
    assert gsm(name="salt", value=OTHER)["secrets"][0]["action"] == "create"


def test_all_problems_come_together_and_nothing_is_asked(gsm: GsmTask) -> None:
    result = gsm(
        secrets=[
            {"name": "short", "value": "1234"},
            {"name": "label", "generate": {}, "labels": {"Team": "A"}},
            {"name": "lost", "generate": {}, "ttl": 60},
            {"name": "late", "generate": {}, "expire_time": "2001-01-01T00:00:00Z", "allow_loss": True},
            {"name": "keys", "generate": {}, "replication": {"regions": ["a", "b"], "kms_keys": [KEY]}},
            {"name": "alias", "generate": {}, "aliases": ["latest"]},
            {"name": "both", "value": VALUE, "version": 2, "mode": "versioned"},
            {"name": "topic", "generate": {}, "topics": ["t"], "version_destroy_ttl": 60},
            {"name": "notes", "generate": {}, "annotations": {"tollgate-version": "2"}, "grace": -1, "version": 0},
        ]
    )
    lines = result["msg"].splitlines()
    assert lines[-1] == "Nothing was changed."
    names = ("short", "label", "lost", "late", "keys", "alias", "both", "topic", "notes")
    assert all(f'secret "{name}": ' in result["msg"] for name in names)
    assert gsm.asked == []


def test_the_documentation_has_every_option(tmp_path: Path) -> None:
    documented = yaml.safe_load(gsm_secret.DOCUMENTATION)["options"]
    shared = yaml.safe_load(_secret.ModuleDocFragment.DOCUMENTATION)["options"]["secrets"]["suboptions"]
    entries = documented.pop("secrets")["suboptions"]
    assert {name: entries.pop(name) for name in shared} == shared
    reached = yaml.safe_load(_gsm.ModuleDocFragment.DOCUMENTATION)["options"]
    for options, arguments in (
        (documented, gsm_settings.ARGUMENTS),
        (reached, gsm_connection.ARGUMENTS),
        (entries, {name: {**each, "default": None} for name, each in gsm_settings.ARGUMENTS.items()}),
    ):
        assert options.keys() == arguments.keys()
        for name, argument in arguments.items():
            for key in ("type", "elements", "choices", "default"):
                assert options[name].get(key) == argument.get(key), (name, key)


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_an_address_without_tls_is_refused_unless_it_is_this_machine(gsm: GsmTask, transport: str) -> None:
    message = gsm(name="salt", generate={}, endpoint="http://secrets.example", transport=transport)["msg"]
    assert "has no TLS" in message
    assert "insecure: true" in message
    if transport == "grpc":
        assert "transport: rest" in gsm(name="salt", generate={}, transport=transport)["msg"]


def test_gateways_with_a_prefix_each_share_a_project(gsm: GsmTask) -> None:
    for prefix in ("europe-", "america-", ""):
        made = gsm(prefix=prefix, secrets=[{"name": "litellm-salt-key", "generate": {}}])["secrets"][0]
        assert made["name"] == "litellm-salt-key"
        assert made["resource"].endswith(f"/secrets/{prefix}litellm-salt-key/versions/1")
        assert not gsm(prefix=prefix, secrets=[{"name": "litellm-salt-key", "generate": {}}])["changed"]
    assert len({gsm.values(f"{prefix}litellm-salt-key")[0] for prefix in ("europe-", "america-", "")}) == 3
    gsm(prefix="europe-", name="litellm-salt-key", state="absent", allow_loss=True)
    assert {name for _location, name in gsm.service.secrets} == {"america-litellm-salt-key", "litellm-salt-key"}
    said = gsm(prefix="america-", name="litellm-salt-key", value=OTHER)["msg"]
    assert 'secret "litellm-salt-key": the declared value is' in said
    assert "secrets/america-litellm-salt-key/versions/1 holds" in said
    assert "prefix 'a b' must begin with a letter" in gsm(prefix="a b", name="litellm-salt-key")["msg"]
