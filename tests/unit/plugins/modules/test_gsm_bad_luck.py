# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input and bad luck: a message with the exact next step, nothing overwritten, nothing printed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_client
from ansible_collections.tollgate.llm.tests.support.secret_manager import errors
from ansible_collections.tollgate.llm.tests.support.secret_manager.rest import ConnectionLostError
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Request
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import OTHER, VALUE, GsmTask

SALT: dict[str, Any] = {"name": "salt", "generate": {"format": "hex", "bytes": 32}}


class Killed(BaseException):
    """Ends a run on the spot, as a signal would."""


def kill_before(gsm: GsmTask, method: str) -> None:
    """Kill a run as it is about to send this request."""
    asked = gsm_client._ask

    def ask(call: Any, request: Any) -> Any:
        if getattr(call, "__name__", "") == method:
            raise Killed
        return asked(call, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gsm_client, "_ask", ask)
        with pytest.raises(Killed):
            gsm(**SALT)


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("secrets.get", "viewer"),
        ("secrets.create", "admin"),
        ("versions.add", "secretVersionAdder"),
        ("versions.access", "secretAccessor"),
        ("secrets.update", "admin"),
    ],
)
def test_no_permission(gsm: GsmTask, permission: str, role: str) -> None:
    gsm.service.denied.add(permission)
    message = gsm(**SALT)["msg"]
    assert f"lacks the permission secretmanager.{permission}" in message
    assert f"--role=roles/secretmanager.{role}" in message
    gsm.service.denied.clear()
    assert not gsm(**SALT).get("failed")
    assert gsm.states("salt")[0] == "ENABLED"


def test_the_api_is_not_enabled(gsm: GsmTask) -> None:
    gsm.service.enabled = False
    message = gsm(**SALT)["msg"]
    assert "Run: gcloud services enable secretmanager.googleapis.com --project=tollgate-test" in message
    assert message.endswith("Nothing was changed.")


def test_a_wrong_project(gsm: GsmTask) -> None:
    message = gsm(**SALT, project="tollgate-tset")["msg"]
    assert 'there is no project "tollgate-tset"' in message
    assert "gcloud projects list" in message


def test_a_token_that_is_too_old(gsm: GsmTask) -> None:
    message = gsm(**SALT, access_token="ya29.of-yesterday")["msg"]
    assert "gcloud auth application-default login" in message


@pytest.mark.parametrize("error", [errors.quota_exceeded("778899001122"), errors.unavailable()])
def test_a_busy_service_is_waited_for(gsm: GsmTask, error: errors.ApiError) -> None:
    for method in ("GetSecret", "CreateSecret", "AddSecretVersion", "AccessSecretVersion", "UpdateSecret"):
        gsm.service.fail(method, error, times=2)
    assert gsm(**SALT)["secrets"][0]["action"] == "create"
    assert gsm.states("salt") == ["ENABLED"]


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (errors.quota_exceeded("778899001122"), "AccessRequestsPerMinutePerProject: 90000"),
        (errors.unavailable(), "https://status.cloud.google.com"),
    ],
)
def test_a_service_that_stays_busy_is_given_up(gsm: GsmTask, error: errors.ApiError, step: str) -> None:
    gsm.service.fail("*", error, times=100000)
    message = gsm(**SALT, timeout=1)["msg"]
    assert step in message
    assert "longer timeout" in message
    assert gsm.service.secrets == {}


@pytest.mark.parametrize("method", ["CreateSecret", "AddSecretVersion", "UpdateSecret"])
@pytest.mark.parametrize("lost", [errors.unavailable(), ConnectionLostError()])
def test_a_lost_answer_is_recovered(gsm: GsmTask, method: str, lost: Exception) -> None:
    gsm.service.fail(method, lost, after=True)
    result = gsm(**SALT)
    assert result["secrets"][0]["version"] == 1
    assert gsm.states("salt") == ["ENABLED"]
    assert not gsm(**SALT)["changed"]


def test_a_lost_answer_to_a_loser_leaves_no_enabled_version(gsm: GsmTask) -> None:
    def somebody_first(request: Request) -> None:
        if request.method == "AddSecretVersion":
            gsm.service.before = None
            gsm.add("salt", VALUE)
            gsm.service.fail("AddSecretVersion", errors.unavailable(), after=True)

    gsm.service.before = somebody_first
    assert gsm(**SALT)["secrets"][0]["action"] == "adopt"
    assert gsm.states("salt") == ["ENABLED", "DISABLED"]


def test_a_version_that_somebody_disables_while_it_is_read_counts_as_disabled(gsm: GsmTask) -> None:
    def meanwhile(request: Request) -> None:
        if request.method == "AccessSecretVersion" and request.resource.endswith("/versions/2"):
            gsm.service.before = None
            gsm.turn("salt", 2, "DisableSecretVersion")

    gsm.container("salt", VALUE, OTHER)
    gsm.service.before = meanwhile
    entry = gsm(**SALT)["secrets"][0]
    assert gsm.service.before is None
    assert (entry["action"], entry["version"]) == ("adopt", 1)


@pytest.mark.parametrize("method", ["create_secret", "add_secret_version", "access_secret_version", "update_secret"])
def test_a_kill_at_any_step_is_cured_by_the_next_run(gsm: GsmTask, method: str) -> None:
    kill_before(gsm, method)
    assert gsm(**SALT)["changed"]
    assert gsm.states("salt") == ["ENABLED"]
    assert not gsm(**SALT)["changed"]


def test_what_a_killed_loser_wrote_is_disabled_by_the_run_that_notes_the_first_version(gsm: GsmTask) -> None:
    kill_before(gsm, "update_secret")
    gsm.add("salt", VALUE)
    entry = gsm(**SALT)["secrets"][0]
    assert (entry["action"], entry["version"]) == ("adopt", 1)
    assert gsm.states("salt") == ["ENABLED", "DISABLED"]
    assert not gsm(**SALT)["changed"]


def test_a_kill_between_a_new_version_and_its_note_makes_no_second_one(gsm: GsmTask) -> None:
    provider: dict[str, Any] = {"name": "provider", "mode": "versioned"}
    gsm(**provider, value=VALUE)
    gsm.add("provider", OTHER)
    assert gsm(**provider, value=OTHER)["secrets"][0]["version"] == 2
    assert gsm.values("provider") == [VALUE, OTHER]


def test_slow_replicas_are_waited_for(gsm: GsmTask) -> None:
    gsm.service.lag = 3
    assert gsm(**SALT)["secrets"][0]["action"] == "create"
    gsm.service.lag = 0
    assert gsm.states("salt") == ["ENABLED"]
    gsm(**SALT)
    assert not gsm(**SALT)["changed"]


def test_a_list_that_is_behind_does_not_make_a_second_version(gsm: GsmTask) -> None:
    gsm.container("salt")
    gsm.service.lag = 2
    gsm.add("salt", VALUE)
    gsm.service.lag = 0
    assert gsm(**SALT)["secrets"][0]["action"] == "adopt"
    assert gsm.values("salt") == [VALUE]


@pytest.mark.parametrize(
    ("method", "state", "step"),
    [
        ("DisableSecretVersion", "disabled", "gcloud secrets versions enable 1"),
        ("DestroySecretVersion", "destroyed, for good", "gcloud secrets versions add salt"),
    ],
)
def test_a_pinned_version_that_is_gone(gsm: GsmTask, method: str, state: str, step: str) -> None:
    gsm(**SALT)
    gsm.turn("salt", 1, method)
    before = len(gsm.service.writes())
    message = gsm(**SALT)["msg"]
    assert f"salt/versions/1 is {state}" in message
    assert step in message
    assert "--project=tollgate-test" in message
    assert len(gsm.service.writes()) == before


def test_a_container_without_an_enabled_version(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE, OTHER)
    gsm.turn("salt", 1, "DisableSecretVersion")
    gsm.turn("salt", 2, "DestroySecretVersion")
    before = len(gsm.service.writes())
    message = gsm(**SALT)["msg"]
    assert "has no enabled version (1 disabled, 2 destroyed)" in message
    assert "gcloud secrets versions enable 1 --project=tollgate-test --secret=salt" in message
    assert len(gsm.service.writes()) == before


def test_a_named_version_that_is_not_there(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE)
    assert "versions/7 does not exist" in gsm(**SALT, version=7)["msg"]


def test_a_binary_payload(gsm: GsmTask) -> None:
    gsm.container("salt", b"\xff\xfe\x00binary")
    assert "is not UTF-8 text: store binary values encoded" in gsm(**SALT)["msg"]


def test_a_trailing_newline_is_kept_and_warned_about(gsm: GsmTask) -> None:
    gsm.container("salt", f"{VALUE}\n")
    result = gsm(**SALT)
    assert "ends with a blank or a line break, which is part of it" in str(result["warnings"])
    assert gsm.values("salt") == [f"{VALUE}\n"]


def test_too_short_a_value(gsm: GsmTask) -> None:
    assert "at least 8 are needed" in gsm(name="salt", value="1234")["msg"]
    gsm.container("short", "1234567")
    assert "has only 7 characters" in str(gsm(name="short")["warnings"])


def test_a_secret_of_another_tool_is_used_only_as_it_is(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE, labels={"managed-by": "somebody"})
    before = len(gsm.service.writes())
    message = gsm(**SALT)["msg"]
    assert "belongs to another tool (label managed-by=somebody)" in message
    assert "--remove-labels=managed-by" in message
    entry = gsm(**SALT, version=1)["secrets"][0]
    assert (entry["action"], entry["version"]) == ("keep", 1)
    assert len(gsm.service.writes()) == before


def test_a_payload_that_is_damaged_on_its_way(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE)
    gsm.service.corrupt = True
    assert "its CRC32C differs" in gsm(**SALT)["msg"]


def test_notes_that_somebody_damaged(gsm: GsmTask) -> None:
    gsm(**SALT)
    del gsm.secret("salt").annotations["tollgate-fingerprint"]
    assert "--remove-annotations=tollgate-version,tollgate-fingerprint" in gsm(**SALT)["msg"]


def test_a_change_in_between_is_looked_at_again(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE)

    def change(request: Request) -> None:
        if request.method == "UpdateSecret":
            gsm.service.before = None
            gsm.secret("salt").labels["team"] = "a"
            gsm.secret("salt").etag = '"changed"'

    gsm.service.before = change
    assert gsm(**SALT)["secrets"][0]["action"] == "adopt"
    assert dict(gsm.secret("salt").labels) == {"managed-by": "tollgate", "team": "a"}


def test_an_expiry_that_somebody_set_is_warned_about(gsm: GsmTask) -> None:
    gsm.container("salt", VALUE, ttl="999999s")
    assert "set expire_time: never to keep it" in str(gsm(**SALT)["warnings"])
    assert gsm(**SALT, expire_time="never")["changed"]
    assert "expire_time" not in gsm.secret("salt")


def test_no_credentials(gsm: GsmTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    message = gsm(**SALT, access_token=None)["msg"]
    assert "/nowhere/key.json" in message
    assert "gcloud auth application-default login" in message
