# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealed Secrets: opened by the real controller, its keys copied and brought back, what fails explained."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
import yaml
from role_run import Run, play_role, play_tasks
from test_secrets import DECLARED, OTHER, Place
from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object
from tollgate_checks.watching import eventually
from tollgate_cluster.lock import alone
from tollgate_cluster.places import CHECKOUT, CHECKOUT_STATE
from tollgate_cluster.table.operators import SEALED_SECRETS

sys.path.append(str(CHECKOUT / ".venv" / "collections"))
from ansible_collections.tollgate.llm.tests.support import examples

API, KIND = "bitnami.com/v1alpha1", "SealedSecret"
SYSTEM = "sealed-secrets"
LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
NAMES = ("litellm-pg-app", "litellm-salt-key", "litellm-secrets")


class Sealed(Place):
    """A namespace and a store, with sealed manifests between them."""

    @property
    def manifests(self) -> Path:
        return self.directory / "manifests"

    @property
    def copies(self) -> Path:
        return self.directory / "copies"

    def run(self, *words: str, kubeconfig: Path | None = None, **variables: Any) -> Run:
        """The role secrets, which seals unless it is told otherwise."""
        given = {
            "secrets_delivery": "sealed_secrets",
            "secrets_declared": DECLARED[:4],
            "sealed_secrets_directory": str(self.manifests),
            "sealed_secrets_keys_directory": str(self.copies),
        }
        return super().run(*words, kubeconfig=kubeconfig, **{**given, **variables})

    def sealed(self) -> list[Object]:
        """The objects in the cluster."""
        return self.cluster.all(API, KIND, self.name)

    def sealing_keys(self) -> list[Object]:
        """The controller's keys."""
        return [
            each for each in self.cluster.all("v1", "Secret", SYSTEM) if LABEL in each["metadata"].get("labels", {})
        ]

    def delivered(self) -> None:
        """All that the store has is where it is to be."""
        for entry in self.deliver:
            held = self.held(self.name, entry["name"])
            for key, source in entry["data"].items():
                kept = source.get("value") or self.held(self.store, source["secret"])["value"]
                assert held[key] == kept, f"{entry['name']}: {key} differs"

    def state(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Which Secrets there are, and what they hold."""
        secrets = {name: self.secret(self.name, name) for name in NAMES}
        return {
            name: (each["metadata"]["uid"], self.held(self.name, name))
            for name, each in secrets.items()
            if each is not None
        }

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Every manifest and copy."""
        found = [*self.manifests.iterdir(), *self.copies.iterdir()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found if path.is_file()}


def operators(cluster: Cluster, place: Path, *words: str, **variables: Any) -> Run:
    """The wave of the operators, with the version that the cluster has an image of."""
    pinned = {"sealed_secrets_version": SEALED_SECRETS}
    given = {**(pinned if cluster.made_here else {}), **variables}
    return play_role(cluster, place, "sealed_secrets", given, *words, entry="operators")


@pytest.fixture
def place(cluster: Cluster, namespace: str, namespaces: list[Object], tmp_path: Path) -> Iterator[Sealed]:
    """A controller, which stays; a namespace, and a name for the store's. One check at a time, for its keys."""
    with alone(CHECKOUT_STATE / "sealed-secrets.lock"):
        run = operators(cluster, tmp_path)
        assert run.code == 0, run.output[-6000:]
        made = Sealed(cluster, namespace, f"{namespace}-store", tmp_path)
        yield made
        made.leave(namespaces)


@pytest.mark.first
def test_all_is_opened_by_the_controller_and_a_second_run_changes_nothing(cluster: Cluster, place: Sealed) -> None:
    assert operators(cluster, place.directory).changed == 0
    assert place.run("--check").changed > 0
    assert place.namespace() is None
    assert place.run().changed > 0
    assert sorted(each["metadata"]["name"] for each in place.sealed()) == list(NAMES)
    for each in place.sealed():
        assert {row["type"]: row["status"] for row in each["status"]["conditions"]}["Synced"] == "True"
    place.delivered()
    salt = place.secret(place.name, "litellm-salt-key")
    assert salt is not None
    assert salt["immutable"] is True
    assert "ownerReferences" not in salt["metadata"]
    assert stat.S_IMODE(place.copies.stat().st_mode) == 0o700
    for key in place.sealing_keys():
        copy = place.copies / f"{key['metadata']['name']}.yaml"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert yaml.safe_load(copy.read_text())["data"] == key["data"]
    before, versions = place.files(), place.versions()
    again = place.run()
    assert again.changed == 0
    assert (place.files(), place.versions()) == (before, versions)
    place.nothing_is_seen()


def test_secrets_change_hands_without_a_changed_value_and_keep_other_keys(place: Sealed) -> None:
    assert place.run(secrets_delivery="secrets").changed > 0
    held = place.secret(place.name, "litellm-secrets")
    assert held is not None
    place.cluster.apply(
        {
            **held,
            "metadata": {"name": "litellm-secrets", "namespace": place.name},
            "data": {"OPENAI_API_KEY": "b3BlbmFpLWtleQ=="},
        }
    )
    before = place.state()
    assert place.run().changed > 0
    assert place.state() == before
    assert place.run().changed == 0
    place.removed_by_hand(place.name, "litellm-pg-app")
    eventually(lambda: place.secret(place.name, "litellm-pg-app"), 120, "the controller makes it again")
    assert place.state()["litellm-pg-app"][1] == before["litellm-pg-app"][1]
    assert place.run(secrets_delivery="secrets").changed > 0
    assert place.sealed() == []
    assert {name: held for name, (_uid, held) in place.state().items()} == {
        name: held for name, (_uid, held) in before.items()
    }
    place.printed.clear()
    assert place.run(secrets_delivery="existing").changed == 0
    place.nothing_is_seen()


def test_lost_keys_are_refused_and_brought_back_from_their_copies(place: Sealed) -> None:
    assert place.run().changed > 0
    before = place.state()
    lost = place.sealing_keys()
    for key in lost:
        place.cluster.delete(key)
    pods = place.cluster.all("v1", "Pod", SYSTEM)
    for each in pods:
        place.cluster.delete(each)
    eventually(place.sealing_keys, 180, "the controller makes another key")
    refused = place.run().refusal
    assert f"the cluster lacks {len(lost)} keys" in refused
    assert "restore: true" in refused
    assert place.run(sealed_secrets_restore=True).changed > 0
    assert {key["metadata"]["name"] for key in lost} < {key["metadata"]["name"] for key in place.sealing_keys()}
    assert place.state() == before
    place.removed_by_hand(place.name, "litellm-salt-key")
    eventually(lambda: place.secret(place.name, "litellm-salt-key"), 120, "the controller opens it with the old key")
    assert place.state()["litellm-salt-key"][1] == before["litellm-salt-key"][1]


def test_what_can_not_be_opened_is_explained_and_another_value_refused(place: Sealed) -> None:
    assert place.run().changed > 0
    path = place.manifests / f"{place.name}.litellm-secrets.yaml"
    found = yaml.safe_load(path.read_text())
    other = yaml.safe_load((place.manifests / f"{place.name}.litellm-pg-app.yaml").read_text())
    # A ciphertext that was moved from another Secret, as a strict scope forbids.
    found["spec"]["encryptedData"]["PROXY_MASTER_KEY"] = other["spec"]["encryptedData"]["password"]
    path.write_text(yaml.safe_dump(found))
    refused = place.run(sealed_secrets_timeout=20).refusal
    assert "it was sealed for another controller, namespace or name" in refused
    path.unlink()
    assert place.run().changed > 0
    place.delivered()
    store = place.secret(place.store, "litellm-salt-key")
    assert store is not None
    place.cluster.delete(store)
    place.put(place.store, "litellm-salt-key", {"value": OTHER * 3})
    refused = place.run().refusal
    assert "is immutable and holds" in refused


def test_examples_of_the_modules_run_and_print_no_secret(
    place: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, salt = f"sk-ant-{token_urlsafe(24)}", token_urlsafe(32)
    monkeypatch.setenv("ANTHROPIC_API_KEY", provider)
    (tmp_path / "salt-of-the-old-gateway").write_text(salt, encoding="utf-8")
    # The longer names first: one is the beginning of the other.
    places = {"litellm-store": place.store, "namespace: litellm\n": f"namespace: {place.name}\n"}
    places |= {"/var/backups/sealed-secrets-keys": str(place.copies), "/var/backups": str(tmp_path)}
    keep, take_over, remove = examples.tasks("modules.kubernetes_secret", places)
    keep["tollgate.llm.kubernetes_secret"]["secrets"].append({"name": "litellm-db-password", "generate": {}})
    take_over["tollgate.llm.kubernetes_secret"]["make_namespace"] = True
    rest = [
        task
        for name in (
            "kubernetes_secret_delivery",
            "sealed_secrets_info",
            "sealed_secrets_keys",
            "external_secrets_info",
        )
        for task in examples.tasks(f"modules.{name}", places)
    ]
    # A salt in use is taken over before anything is made; the last example removes it.
    run = play_tasks(place.cluster, tmp_path, [take_over, keep, *rest, remove], {})
    assert run.changed > 0
    assert not [value for value in (provider, salt, *place.values()) if value in run.output]
    assert place.held(place.name, "litellm-salt-key") == {"LITELLM_SALT_KEY": salt}
    assert place.held(place.store, "litellm-provider-anthropic")["value"] == provider
    assert place.secret(place.store, "litellm-salt-key") is None
    assert len(list(place.copies.glob("*.yaml"))) == len(place.sealing_keys())
