# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a Sealed Secrets controller: a copy of each in a private directory, and the newest certificate.

Whoever loses the keys has lost everything that was sealed; whoever has them can open it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from .._kubernetes.cluster import ClusterError, Overtaken
from .file_directory import Directory, UnsafeFileError
from .sealing import Certificate, CertificateError, fingerprint_of
from .secret_object import Object, data_of, failure, labels_of, where

try:
    import yaml
    from cryptography import x509
except ImportError:
    pass  # the module says which is missing

LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
ACTIVE = "active"
CERTIFICATE = "certificate.pem"
LARGEST = 1 << 20
RESTARTED = "tollgate.llm/restored-keys"


class KeysRefusedError(Exception):
    """The copy and the cluster can't both be right, or one of them can't be used. Nothing was written."""


class Server(Protocol):
    """What is asked of an API server; see `_kubernetes.cluster.Cluster`."""

    def find(
        self, api_version: str, kind: str, namespace: str = "", fields: str = "", labels: str = ""
    ) -> tuple[str, list[Object]]: ...

    def read(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None: ...

    def create(self, wanted: Object) -> Object: ...

    def replace(self, wanted: Object) -> Object: ...


@dataclass(frozen=True)
class Key:
    """One of the controller's key pairs, as the Secret that it is kept in."""

    secret: Object = field(repr=False)
    certificate: x509.Certificate

    @classmethod
    def of(cls, secret: Object, place: str) -> Key:
        """Raises KeysRefusedError when it holds no certificate and key."""
        data = data_of(secret)
        try:
            certificate = x509.load_pem_x509_certificate(data.get("tls.crt", b""))
        except ValueError as error:
            raise KeysRefusedError(f"{place} has the label {LABEL}, and no certificate under tls.crt.") from error
        if b"PRIVATE KEY-----" not in data.get("tls.key", b""):
            raise KeysRefusedError(f"{place} has no private key under tls.key.")
        return cls(secret, certificate)

    @property
    def name(self) -> str:
        """Of its Secret."""
        return str(self.secret["metadata"]["name"])

    @property
    def active(self) -> bool:
        """Whether new values may be sealed with it; one that was compromised only opens."""
        return labels_of(self.secret).get(LABEL) == ACTIVE

    @property
    def since(self) -> datetime:
        """The controller seals with the latest."""
        return self.certificate.not_valid_before_utc

    @property
    def copy(self) -> bytes:
        """The manifest that brings it back."""
        metadata = self.secret["metadata"]
        kept = {"name": metadata["name"], "namespace": metadata["namespace"], "labels": dict(labels_of(self.secret))}
        data = {key: base64.b64encode(value).decode() for key, value in sorted(data_of(self.secret).items())}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": kept, "type": "kubernetes.io/tls", "data": data}
        return yaml.safe_dump(body, sort_keys=False, width=1 << 20).encode()

    def same_as(self, other: Key) -> bool:
        """Whether they are the same pair, whatever their labels say."""
        return data_of(self.secret) == data_of(other.secret)


@dataclass
class Report:
    """The keys with what was done about each; what is put in the place of what."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    certificate: str = ""

    @property
    def changed(self) -> bool:
        """Was anything written, or would be?"""
        return bool(self.saved or self.restored)


def in_cluster(server: Server, namespace: str) -> list[Key]:
    """All keys of a controller, the latest first. Raises KeysRefusedError and ClusterError."""
    found = server.find("v1", "Secret", namespace, labels=LABEL)[1]
    keys = [Key.of(each, where(namespace, each["metadata"]["name"])) for each in found]
    return sorted(keys, key=lambda key: (key.active, key.since), reverse=True)


def keep(
    server: Server,
    found: Sequence[Key],
    path: Path,
    namespace: str,
    deployments: Sequence[tuple[str, str]],
    *,
    restore: bool,
    check_mode: bool,
) -> Report:
    """Copy what is not copied yet; with RESTORE bring back what the cluster lacks. Raises KeysRefusedError first."""
    copies = _copies(path)
    here = {key.name: key for key in found}
    for name, key in here.items():
        if name in copies and not key.same_as(copies[name]):
            raise KeysRefusedError(
                f"{where(namespace, name)} holds another key than its copy {path / name}.yaml. Both may be needed to "
                "open what was sealed: move the copy away, and find out which cluster it came from. Nothing was "
                "changed."
            )
    lost = [key for name, key in copies.items() if name not in here]
    if lost and not restore:
        names = ", ".join(key.name for key in lost)
        raise KeysRefusedError(
            f"the cluster lacks {len(lost)} keys that {path} has copies of ({names}). What was sealed with them can't "
            "be opened there. Set restore: true to bring them back, or move those copies away. Nothing was changed."
        )
    report = Report(saved=[key.name for key in found if key.name not in copies], restored=[key.name for key in lost])
    every = sorted([*found, *lost], key=lambda key: (key.active, key.since), reverse=True)
    report.keys = [_shown(key) for key in every]
    latest = next((key for key in every if key.active), None)
    if latest is None:
        raise KeysRefusedError(f"no active key is in {namespace} (label {LABEL}={ACTIVE}). Nothing was changed.")
    pem = data_of(latest.secret)["tls.crt"]
    place = path / CERTIFICATE
    report.certificate = str(place)
    try:
        Certificate.of(pem, f"of {latest.name}")
    except CertificateError as error:
        raise KeysRefusedError(f"{error} Nothing was changed.") from error
    if not check_mode:
        _bring_back(server, lost, namespace, deployments)
        _save(path, {f"{key.name}.yaml": key.copy for key in found if key.name in report.saved}, pem)
    return report


def _copies(path: Path) -> dict[str, Key]:
    copies: dict[str, Key] = {}
    try:
        with Directory.opened(path) as directory:
            for name in sorted(directory.names()) if directory is not None else ():
                if directory is None or not name.endswith(".yaml") or name.startswith("."):
                    continue
                read = directory.read(name, LARGEST)
                body = yaml.safe_load(read[0]) if read else None
                if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
                    raise KeysRefusedError(f"{path / name} is no copy of a key. Move it away. Nothing was changed.")
                key = Key.of(body, str(path / name))
                copies[key.name] = key
    except (UnsafeFileError, yaml.YAMLError) as error:
        said = str(error) if isinstance(error, UnsafeFileError) else f"a file in {path} is no YAML"
        raise KeysRefusedError(f"{said}. Nothing was changed.") from error
    return copies


def _save(path: Path, files: dict[str, bytes], pem: bytes) -> None:
    with Directory.opened(path, create=True) as directory:
        if directory is None:
            raise KeysRefusedError(f"{path} vanished while it was being used.")
        for name, data in files.items():
            directory.overwrite(name, data)
        held = directory.read(CERTIFICATE, LARGEST)
        if held is None or held[0] != pem:
            directory.overwrite(CERTIFICATE, pem)


def _bring_back(server: Server, lost: Sequence[Key], home: str, deployments: Sequence[tuple[str, str]]) -> None:
    """The controller reads its keys when it starts, and does not look again at what it could not open."""
    for key in lost:
        try:
            body = yaml.safe_load(key.copy)
            body["metadata"]["namespace"] = home
            server.create(body)
        except Overtaken:
            continue
        except ClusterError as error:
            raise ClusterError(failure(error, data_of(key.secret).values()), final=error.final) from None
    for namespace, name in deployments if lost else ():
        found = server.read("apps/v1", "Deployment", name, namespace)
        if found is not None:
            template = found["spec"]["template"].setdefault("metadata", {})
            annotations = template.setdefault("annotations", {}) or {}
            template["annotations"] = {**annotations, RESTARTED: ",".join(sorted(key.name for key in lost))}
            server.replace(found)


def _shown(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "active": key.active,
        "fingerprint": fingerprint_of(key.certificate.public_key()),
        "since": f"{key.since:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{key.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
    }
