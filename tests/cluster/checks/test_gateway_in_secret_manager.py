# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole gateway by `site.yml` with its secrets in Secret Manager, from nothing to the proof and to nothing.

Secret Manager is the tests' own server, on this machine. All of it is one test: other workers would have a gateway of
their own in the same namespaces.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import platform_run as platform
import pytest
from tollgate_checks.cluster import Cluster
from tollgate_cluster.places import CHECKOUT

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.tests.support.secret_manager.server import running
from ansible_collections.tollgate.llm.tests.support.secret_manager.service import Service
from ansible_collections.tollgate.llm.tests.support.secret_scan import forms

pytestmark = pytest.mark.first
PROXY, MODELS = "managed", "managed-llm"
STORE = f"{PROXY}-store"
PREFIX = "managed-"
SALT = f"{PREFIX}litellm-salt-key"
ACCOUNT = "gateway@tollgate-test.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Managed:
    """The gateway, and the project that has its secrets."""

    cluster: Cluster
    service: Service
    place: Path

    def play(self, *words: str, playbook: str = "site.yml") -> platform.Run:
        """Run a playbook to its end, with all that it can be made to print. No secret may be in that."""
        given = ("-e", f"@{self.place / 'given.json'}", "-vvv", "--diff")
        run = platform.play(self.cluster, *given, *words, playbook=playbook)
        self.search({"the output": run.output})
        return run

    def search(self, places: dict[str, str]) -> None:
        """Fail when a secret, or a token, is in one of these texts, however it is written."""
        for value in (*self.service.payloads(), *self.service.identity.tokens()):
            for form, text in forms(value).items():
                found = [place for place, content in places.items() if text.decode() in content]
                assert found == [], f"a secret {form}"

    def versions(self) -> dict[str, str]:
        """The resource version of every object."""
        found = platform.versions(self.cluster, (PROXY, MODELS, STORE))
        return {name: version for name, version in found.items() if f" {PROXY}" in name}


@pytest.fixture
def managed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    """No gateway before the test, and none after it."""
    place, service = tmp_path_factory.mktemp("managed"), Service()
    with running(service, place, tls=False) as addresses:
        key = place / "account.json"
        key.write_text(json.dumps(service.identity.service_account(ACCOUNT, service.project, addresses.http)))
        given = {
            "gateway_namespace": PROXY,
            "gateway_models_namespace": MODELS,
            "gateway_state_dir": str(place / "state"),
            "gateway_secrets_store": "gsm",
            "gateway_secrets_gsm": {
                "endpoint": addresses.http,
                "service_account_file": str(key),
                "prefix": PREFIX,
                "versions": {"vllm-api-key": 2},
            },
            "gateway_secrets_delivery": "secrets",
            "gateway_general_settings": {"proxy_batch_write_at": 5},
            "inference_gateway_service_name": f"{PROXY}-inference-gateway",
        }
        (place / "given.json").write_text(json.dumps(given))
        gateway = Managed(cluster, service, place)
        # Which of several versions is the one only the gateway file can tell.
        service.bring(f"{PREFIX}vllm-api-key", token_hex(24), token_hex(24))
        yield gateway
        platform.well(gateway.play("-e", f"confirm={PROXY}", playbook="playbooks/teardown.yml"))
        assert [name for _location, name in service.secrets] == [f"{PREFIX}vllm-api-key"]  # somebody else's


def test_a_gateway_has_its_secrets_in_secret_manager(
    managed: Managed, record_property: Callable[[str, object], None]
) -> None:
    nothing_is_written_in_check_mode(managed)
    first = platform.well(managed.play())
    record_property("from nothing to the proof", f"{first.seconds:.0f} s")
    assert "litellm-master-key: 1\n" in first.output  # as the wave secrets hands it on
    again = nothing_changes_again(managed)
    record_property("again, unchanged", f"{again.seconds:.0f} s")
    no_secret_is_where_none_belongs(managed)
    another_salt_in_the_store_stops_it(managed)
    for wave in ("serving", "gateway"):
        another_key_of_the_models_stops_a_wave_that_runs_alone(managed, wave)
    waves_that_run_alone_find_the_versions_themselves(managed)


def nothing_is_written_in_check_mode(managed: Managed) -> None:
    """Of what a first run would do."""
    before, written = managed.versions(), len(managed.service.writes())
    assert platform.well(managed.play("--check")).counts["changed"] > 5
    assert len(managed.service.writes()) == written
    assert managed.versions() == before


def nothing_changes_again(managed: Managed) -> platform.Run:
    """Proven, with each secret in the store, and done."""
    proof = json.loads((managed.place / "state" / "verdicts" / "proof.json").read_text())
    assert proof["ok"], proof
    kept = {name.removeprefix(PREFIX) for _location, name in managed.service.secrets}
    made = {"litellm-master-key", "litellm-salt-key", "litellm-db-password", "low", "high", "default"}
    assert kept == {*made, "vllm-api-key"}
    before, written = managed.versions(), len(managed.service.writes())
    again = platform.well(managed.play())
    assert again.counts["changed"] == 0, again.output[-6000:]
    assert managed.versions() == before
    assert len(managed.service.writes()) == written
    return again


def no_secret_is_where_none_belongs(managed: Managed) -> None:
    """Nor is there a store in the cluster."""
    assert STORE not in {each["metadata"]["name"] for each in managed.cluster.all("v1", "Namespace")}
    objects = platform.ours(managed.cluster, (PROXY, MODELS, STORE))
    delivered = {each["metadata"]["name"] for each in objects if each["kind"] == "Secret"}
    assert {"litellm-secrets", "litellm-pg-app", "litellm-salt-key", "vllm-api-key"} <= delivered
    managed.search(
        {
            **{
                f"{each['kind']} {each['metadata']['name']}": json.dumps(each, default=str)
                for each in objects
                if each["kind"] != "Secret"
            },
            **{
                str(path): path.read_text(encoding="utf-8", errors="replace")
                for path in managed.place.rglob("*")
                if path.is_file()
            },
        }
    )


def another_salt_in_the_store_stops_it(managed: Managed) -> None:
    """Before anything is written."""
    kept, before = managed.service.secrets.pop(("", SALT)), managed.versions()
    managed.service.bring(SALT, "0" * 64)
    try:
        run = managed.play(playbook="playbooks/gateway.yml")
    finally:
        managed.service.secrets["", SALT] = kept
    assert run.code != 0
    place = f"projects/{managed.service.project}/secrets/{SALT}/versions/1"
    assert f"salt key: {place} (sha256:" in run.message
    assert "is not the database's: its canary was encrypted with sha256:" in run.message
    assert managed.versions() == before


def another_key_of_the_models_stops_a_wave_that_runs_alone(managed: Managed, wave: str) -> None:
    """In the Secret of the models or of the proxy."""
    place, name, key = {
        "serving": (MODELS, "vllm-api-key", "api-key"),
        "gateway": (PROXY, "litellm-secrets", "CA_VLLM_LOCAL_API_KEY"),
    }[wave]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": place, "name": name}}
    found = managed.cluster.get(secret)
    assert found
    managed.cluster.patch(secret, {"stringData": {key: "another"}})
    try:
        before = managed.versions()
        run = managed.play(playbook=f"playbooks/{wave}.yml")
        assert managed.versions() == before
    finally:
        managed.cluster.patch(secret, {"data": {key: found["data"][key]}})
    assert run.code != 0
    assert f"Secret {place}/{name} has no {key} as the store has it. Run the wave secrets" in run.message


def waves_that_run_alone_find_the_versions_themselves(managed: Managed) -> None:
    """And change nothing."""
    for wave in ("serving", "gateway", "tenants", "drift"):
        run = platform.well(managed.play(playbook=f"playbooks/{wave}.yml"))
        assert run.counts["changed"] == 0, run.output[-6000:]
