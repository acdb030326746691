# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way to authenticate that Google's libraries know, by those libraries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.tests.unit.plugins.modules.gsm_task import GsmTask, write

# That one is for credentials that strangers send in.
pytestmark = pytest.mark.filterwarnings("ignore:The load_credentials_from_file method:DeprecationWarning")
SALT: dict[str, Any] = {"name": "salt", "generate": {}, "access_token": None}
ACCOUNT, OTHER = "one@tollgate-test.iam.gserviceaccount.com", "two@tollgate-test.iam.gserviceaccount.com"


@pytest.fixture
def key_file(gsm: GsmTask, tmp_path: Path) -> Path:
    """A service account's key."""
    account = gsm.service.identity.service_account(ACCOUNT, gsm.service.project, gsm.addresses.http)
    return write(tmp_path / "key.json", account)


def callers(gsm: GsmTask) -> set[str]:
    """In whose name the last task asked."""
    return {request.principal for request in gsm.asked}


def test_a_service_account_file(gsm: GsmTask, key_file: Path) -> None:
    assert gsm(**SALT, service_account_file=str(key_file), project=None)["changed"]
    assert callers(gsm) == {ACCOUNT}


def test_application_default_credentials(gsm: GsmTask, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    assert gsm(**SALT, project=None)["changed"]
    assert callers(gsm) == {ACCOUNT}


def test_workload_identity_of_a_machine_or_a_pod(gsm: GsmTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    host = gsm.addresses.http.partition("//")[2]
    for name in ("GCE_METADATA_HOST", "GCE_METADATA_IP"):
        monkeypatch.setenv(name, host)
    # Google's library reads both when it is imported.
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_DEFAULT_MDS_IP", host)
    result = gsm(**SALT, project=None)
    assert result.get("changed"), result
    assert callers(gsm) == {"machine@tollgate-test.iam.gserviceaccount.com"}


@pytest.mark.parametrize("impersonated", ["", OTHER])
def test_workload_identity_federation(
    gsm: GsmTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impersonated: str
) -> None:
    # Google's library asks there for the project.
    monkeypatch.setattr("google.auth.external_account._CLOUD_RESOURCE_MANAGER", f"{gsm.addresses.http}/v1/projects/")
    identity = gsm.service.identity
    document = identity.federation(gsm.addresses.http, str(tmp_path / "token"), impersonated)
    identity.impersonators.update(identity.subjects.values())
    path = write(tmp_path / "federation.json", document)
    result = gsm(**SALT, service_account_file=str(path))
    assert result.get("changed"), result
    assert callers(gsm) == ({OTHER} if impersonated else set(identity.subjects.values()))


def test_impersonation(gsm: GsmTask, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "google.auth.iam._IAM_ENDPOINT",
        gsm.addresses.http + "/v1/projects/-/serviceAccounts/{}:generateAccessToken",
    )
    options = {**SALT, "service_account_file": str(key_file), "impersonate_service_account": OTHER}
    refused = gsm(**options)["msg"]
    assert "roles/iam.serviceAccountTokenCreator" in refused
    gsm.service.identity.impersonators.add(ACCOUNT)
    assert gsm(**options)["changed"]
    assert callers(gsm) == {OTHER}


def test_a_key_that_was_removed(gsm: GsmTask, key_file: Path, tmp_path: Path) -> None:
    document = json.loads(key_file.read_text())
    gsm.service.identity.service_account(ACCOUNT, gsm.service.project, gsm.addresses.http)  # a new key, the old is gone
    path = write(tmp_path / "old.json", document)
    message = gsm(**SALT, service_account_file=str(path))["msg"]
    assert "Invalid JWT Signature" in message
    assert document["private_key"].splitlines()[1] not in message


def test_a_file_that_holds_no_credentials(gsm: GsmTask, tmp_path: Path) -> None:
    path = tmp_path / "nothing.json"
    path.write_text("not JSON")
    assert str(path) in gsm(**SALT, service_account_file=str(path))["msg"]
    assert str(tmp_path / "missing") in gsm(**SALT, service_account_file=str(tmp_path / "missing"))["msg"]


def test_credentials_without_a_project_need_the_option(gsm: GsmTask) -> None:
    assert "Set the option project" in gsm(name="salt", generate={}, project=None)["msg"]
