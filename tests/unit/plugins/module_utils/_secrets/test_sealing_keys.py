# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the controller's keys: complete, private, never another cluster's, brought back when that is asked for."""

from __future__ import annotations

import base64
import stat
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.cluster import Overtaken
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import sealing_keys
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.sealing_keys import KeysRefusedError
from ansible_collections.tollgate.llm.tests.unit.plugins.module_utils._secrets.sealing_controller import certificate
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOME = "sealed-secrets"
DEPLOYMENT: dict[str, Any] = {"metadata": {"name": "it", "namespace": HOME}, "spec": {"template": {"metadata": {}}}}


def key_secret(name: str, *, days: float, label: str = "active") -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    data = {"tls.crt": certificate(key, since=-days), "tls.key": pem}
    metadata = {"name": name, "namespace": HOME, "labels": {sealing_keys.LABEL: label}}
    encoded = {place: base64.b64encode(text).decode() for place, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": encoded}


class Server:
    """A cluster with the controller's keys and its Deployment."""

    def __init__(self, secrets: Sequence[dict[str, Any]]) -> None:
        self.secrets = {each["metadata"]["name"]: each for each in secrets}
        self.deployment = deepcopy(DEPLOYMENT)
        self.written = 0

    def find(
        self, api_version: str, kind: str, namespace: str = "", fields: str = "", labels: str = ""
    ) -> tuple[str, list[dict[str, Any]]]:
        assert (api_version, kind, namespace, fields, labels) == ("v1", "Secret", HOME, "", sealing_keys.LABEL)
        return "1", list(self.secrets.values())

    def read(self, _version: str, kind: str, _name: str, _namespace: str = "") -> dict[str, Any] | None:
        assert kind == "Deployment"
        return deepcopy(self.deployment)

    def create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted["metadata"]["name"] in self.secrets:
            raise Overtaken("it is there")
        self.secrets[wanted["metadata"]["name"]] = wanted
        self.written += 1
        return wanted

    def replace(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.deployment = wanted
        self.written += 1
        return wanted


@pytest.fixture(scope="module")
def old() -> dict[str, Any]:
    return key_secret("key-old", days=40)


@pytest.fixture(scope="module")
def new() -> dict[str, Any]:
    return key_secret("key-new", days=3)


def kept(server: Server, path: Path, *, restore: bool = False, check_mode: bool = False) -> sealing_keys.Report:
    found = sealing_keys.in_cluster(server, HOME)
    return sealing_keys.keep(server, found, path, HOME, [(HOME, "it")], restore=restore, check_mode=check_mode)


def test_every_key_is_copied_once_for_its_owner_alone(tmp_path: Path, old: Any, new: Any) -> None:
    path, server = tmp_path / "copies", Server([old])
    assert kept(server, path, check_mode=True).saved == ["key-old"]
    assert not path.exists()
    assert kept(server, path).saved == ["key-old"]
    server.secrets["key-new"] = new
    report = kept(server, path)
    assert (report.saved, [key["name"] for key in report.keys]) == (["key-new"], ["key-new", "key-old"])
    assert (path / "certificate.pem").read_bytes() == base64.b64decode(new["data"]["tls.crt"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.iterdir()} == {0o600}
    before = {each: each.stat().st_mtime_ns for each in path.iterdir()}
    assert not kept(server, path).changed
    assert {each: each.stat().st_mtime_ns for each in path.iterdir()} == before
    assert server.written == 0


def test_lost_keys_are_refused_and_brought_back_when_that_is_asked_for(tmp_path: Path, old: Any, new: Any) -> None:
    kept(Server([old]), tmp_path)
    server = Server([new])
    with pytest.raises(KeysRefusedError, match=r"lacks 1 keys .* \(key-old\)"):
        kept(server, tmp_path)
    assert kept(server, tmp_path, restore=True, check_mode=True).restored == ["key-old"]
    assert server.written == 0
    assert kept(server, tmp_path, restore=True).restored == ["key-old"]
    assert server.secrets["key-old"]["data"] == old["data"]
    assert server.secrets["key-old"]["metadata"]["labels"] == old["metadata"]["labels"]
    annotations = server.deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {sealing_keys.RESTARTED: "key-old"}
    assert not kept(server, tmp_path, restore=True).changed


def test_another_clusters_copies_are_refused(tmp_path: Path, old: Any) -> None:
    kept(Server([old]), tmp_path)
    with pytest.raises(KeysRefusedError, match="holds another key than its copy"):
        kept(Server([key_secret("key-old", days=40)]), tmp_path)


def test_a_compromised_key_is_copied_and_not_sealed_with(tmp_path: Path, old: Any) -> None:
    server = Server([old, key_secret("bad", days=1, label="compromised")])
    report = kept(server, tmp_path)
    assert report.saved == ["key-old", "bad"]
    assert (tmp_path / "certificate.pem").read_bytes() == base64.b64decode(old["data"]["tls.crt"])
    with pytest.raises(KeysRefusedError, match="no active key"):
        kept(Server([server.secrets["bad"]]), tmp_path / "other")


def test_what_is_no_copy_or_open_to_others_is_refused(tmp_path: Path, old: Any) -> None:
    kept(Server([old]), tmp_path)
    (tmp_path / "note.yaml").touch(mode=0o600)
    with pytest.raises(KeysRefusedError, match="is no copy of a key"):
        kept(Server([old]), tmp_path)
    (tmp_path / "note.yaml").unlink()
    tmp_path.chmod(0o755)
    with pytest.raises(KeysRefusedError, match="is open to other users"):
        kept(Server([old]), tmp_path)
