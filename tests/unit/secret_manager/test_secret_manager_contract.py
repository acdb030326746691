# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Google's own client sees of Secret Manager: of the tests' server, and of a real project when one is named in
TOLLGATE_GSM_PROJECT (by the application's default credentials; what is made there is removed again)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import google.auth
import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.crc32c import crc32c
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_errors import Refusal
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import Addresses, running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Service
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.cloud import secretmanager_v1
from google.oauth2.credentials import Credentials

REAL = os.environ.get("TOLLGATE_GSM_PROJECT", "")
VALUE = b"correct-horse-battery"
State = secretmanager_v1.SecretVersion.State


@dataclass
class Project:
    """A project as the client sees it, where names are free."""

    client: Any
    id: str
    made: list[str] = field(default_factory=list)

    def secret(self, *values: bytes, **fields: Any) -> Any:
        """A new secret with these versions."""
        name = f"tollgate-contract-{secrets.token_hex(6)}"
        wanted = {"replication": {"automatic": {}}, "labels": {"made-by": "contract"}, **fields}
        made = self.client.create_secret(request={"parent": f"projects/{self.id}", "secret_id": name, "secret": wanted})
        self.made.append(made.name)
        for value in values:
            self.add(made.name, value)
        return made

    def add(self, name: str, value: bytes, checksum: int | None = None) -> Any:
        """A new version."""
        payload = {"data": value, "data_crc32c": crc32c(value) if checksum is None else checksum}
        return self.client.add_secret_version(request={"parent": name, "payload": payload})

    def access(self, name: str, version: int | str) -> Any:
        """A version's payload."""
        return self.client.access_secret_version(request={"name": f"{name}/versions/{version}"}, retry=None).payload


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Addresses]]:
    """The tests' own server, for all tests of this file: each makes what it needs under a name of its own."""
    service = Service(page=2)
    with running(service, tmp_path_factory.mktemp("server")) as addresses:
        yield service, addresses


@pytest.fixture(params=["rest", "grpc"])
def project(
    request: pytest.FixtureRequest, server: tuple[Service, Addresses], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A project behind the official client, over each of its transports."""
    options, name = {}, REAL
    if REAL:
        credentials, _own = google.auth.default()
    else:
        service, addresses = server
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(addresses.certificate))
        monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(addresses.certificate))
        address = addresses.grpc if request.param == "grpc" else addresses.https
        options = {"client_options": ClientOptions(api_endpoint=address.partition("//")[2])}
        credentials, name = Credentials(service.identity.token("contract")), service.project
    client = secretmanager_v1.SecretManagerServiceClient(transport=request.param, credentials=credentials, **options)
    found = Project(client, name)
    yield found
    for each in found.made:
        client.delete_secret(request={"name": each})
    client.transport.close()


def refusal(call: Callable[..., Any], **options: Any) -> Refusal:
    """What the client says when the service does not do as asked."""
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        call(**options)
    return Refusal.of(caught.value)


def test_a_version_has_a_number_a_state_an_etag_and_a_checked_payload(project: Project) -> None:
    secret = project.secret()
    assert secret.name.startswith("projects/")
    assert secret.etag.startswith('"')
    assert secret.create_time
    first, second = project.add(secret.name, VALUE), project.add(secret.name, b"another")
    assert [first.name, second.name] == [f"{secret.name}/versions/{number}" for number in (1, 2)]
    assert (first.state, first.client_specified_payload_checksum) == (State.ENABLED, True)
    payload = project.access(secret.name, 1)
    assert (payload.data, payload.data_crc32c) == (VALUE, crc32c(VALUE))
    assert project.access(secret.name, "latest").data == b"another"


def test_a_payload_that_does_not_fit_its_checksum_is_refused(project: Project) -> None:
    secret = project.secret()
    assert refusal(project.add, name=secret.name, value=VALUE, checksum=1).code in (
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
    )
    assert refusal(project.access, name=secret.name, version=1).code == "NOT_FOUND"


def test_a_second_creation_is_refused(project: Project) -> None:
    name = project.secret().name.rpartition("/")[2]
    wanted = {"parent": f"projects/{project.id}", "secret_id": name, "secret": {"replication": {"automatic": {}}}}
    assert refusal(project.client.create_secret, request=wanted).code == "ALREADY_EXISTS"


def test_only_an_enabled_version_can_be_read(project: Project) -> None:
    secret = project.secret(VALUE)
    name = f"{secret.name}/versions/1"
    for _time in range(2):
        assert project.client.disable_secret_version(request={"name": name}).state == State.DISABLED
    found = refusal(project.access, name=secret.name, version=1)
    assert (found.code, "DISABLED" in found.message) == ("FAILED_PRECONDITION", True)
    assert project.client.enable_secret_version(request={"name": name}).state == State.ENABLED
    assert project.access(secret.name, 1).data == VALUE
    assert project.client.destroy_secret_version(request={"name": name}).state == State.DESTROYED
    found = refusal(project.access, name=secret.name, version=1)
    assert (found.code, "DESTROYED" in found.message) == ("FAILED_PRECONDITION", True)
    assert refusal(project.client.enable_secret_version, request={"name": name}).code == "FAILED_PRECONDITION"


def test_a_delayed_destruction_can_be_undone(project: Project) -> None:
    secret = project.secret(VALUE, version_destroy_ttl={"seconds": 86400})
    name = f"{secret.name}/versions/1"
    destroyed = project.client.destroy_secret_version(request={"name": name})
    assert destroyed.state == State.DISABLED
    assert "scheduled_destroy_time" in destroyed
    project.client.enable_secret_version(request={"name": name})
    assert project.access(secret.name, 1).data == VALUE


def test_a_change_with_an_old_etag_is_refused(project: Project) -> None:
    secret = project.secret(VALUE)
    version = project.client.get_secret_version(request={"name": f"{secret.name}/versions/1"})
    changed = secretmanager_v1.Secret(secret)
    changed.annotations["some.key"] = "one"
    mask = {"paths": ["annotations"]}
    fresh = project.client.update_secret(request={"secret": changed, "update_mask": mask})
    assert (fresh.annotations["some.key"], fresh.labels["made-by"]) == ("one", "contract")
    assert fresh.etag != secret.etag
    late = refusal(project.client.update_secret, request={"secret": changed, "update_mask": mask})
    assert late.overtaken
    project.client.disable_secret_version(request={"name": version.name, "etag": version.etag})
    late = refusal(project.client.enable_secret_version, request={"name": version.name, "etag": version.etag})
    assert late.overtaken
    assert refusal(project.client.delete_secret, request={"name": secret.name, "etag": secret.etag}).overtaken


def test_lists_come_in_pages_newest_first_and_filtered(project: Project) -> None:
    secret = project.secret(b"one", b"two", b"three")
    project.client.disable_secret_version(request={"name": f"{secret.name}/versions/2"})
    asked: dict[str, Any] = {"parent": secret.name, "page_size": 2}
    listed = [version.name.rpartition("/")[2] for version in project.client.list_secret_versions(request=asked)]
    assert listed == ["3", "2", "1"]
    enabled = project.client.list_secret_versions(request={**asked, "filter": "state:ENABLED"})
    assert [version.name.rpartition("/")[2] for version in enabled] == ["3", "1"]
    name = secret.name.rpartition("/")[2]
    found = project.client.list_secrets(request={"parent": f"projects/{project.id}", "filter": f"name:{name}"})
    assert [each.name for each in found] == [secret.name]


def test_an_alias_stands_for_a_version_that_exists(project: Project) -> None:
    secret = project.secret(b"one", b"two")
    changed = secretmanager_v1.Secret(name=secret.name, version_aliases={"current": 1})
    mask = {"paths": ["version_aliases"]}
    project.client.update_secret(request={"secret": changed, "update_mask": mask})
    assert project.access(secret.name, "current").data == b"one"
    changed.version_aliases["other"] = 7
    assert refusal(project.client.update_secret, request={"secret": changed, "update_mask": mask}).code in (
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "NOT_FOUND",
    )


def test_a_field_that_the_mask_names_and_the_secret_lacks_is_cleared(project: Project) -> None:
    secret = project.secret(ttl={"seconds": 86400})
    assert "expire_time" in secret
    bare = secretmanager_v1.Secret(name=secret.name)
    cleared = project.client.update_secret(request={"secret": bare, "update_mask": {"paths": ["expire_time"]}})
    assert "expire_time" not in cleared
    assert cleared.labels["made-by"] == "contract"


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": {"Upper": "x"}},
        {"version_destroy_ttl": {"seconds": 60}},
        {"topics": [{"name": "no-topic"}]},
        {"annotations": {"-bad-": "x"}},
        {"replication": {}},
    ],
)
def test_what_does_not_fit_is_refused(project: Project, fields: dict[str, Any]) -> None:
    assert refusal(project.secret, **fields).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("value", [b"", b"x" * 65537])
def test_a_payload_has_1_to_65536_bytes(project: Project, value: bytes) -> None:
    secret = project.secret()
    assert refusal(project.add, name=secret.name, value=value).code == "INVALID_ARGUMENT"


def test_a_project_that_is_not_ours_is_denied(project: Project) -> None:
    name = "projects/no-such-project-4711/secrets/x"
    assert refusal(project.client.get_secret, request={"name": name}).code == "PERMISSION_DENIED"


@pytest.mark.skipif(bool(REAL), reason="no real project is to be disabled, exhausted or robbed of its rights")
def test_errors_carry_what_a_program_can_read(project: Project, server: tuple[Service, Addresses]) -> None:
    service, secret = server[0], project.secret(VALUE)
    get: dict[str, Any] = {"request": {"name": secret.name}}
    service.denied = {"secrets.get"}
    denied = refusal(project.client.get_secret, **get)
    service.denied = set()
    assert (denied.reason, denied.metadata["permission"]) == ("IAM_PERMISSION_DENIED", "secretmanager.secrets.get")
    service.enabled = False
    disabled = refusal(project.client.get_secret, **get)
    service.enabled = True
    assert (disabled.reason, disabled.metadata["service"]) == ("SERVICE_DISABLED", "secretmanager.googleapis.com")
