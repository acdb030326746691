# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller of Sealed Secrets as far as sealing meets it: its key, its certificate, and how it opens a manifest."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding

WIDE = "sealedsecrets.bitnami.com/"


def certificate(key: Any, *, days: float = 365, since: float = -1) -> bytes:
    """As the controller signs its own (pkg/crypto/keys.go)."""
    now = datetime.now(UTC)
    name = x509.Name([])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now + timedelta(days=since)).not_valid_after(now + timedelta(days=days))
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def elliptic() -> bytes:
    """A certificate that no controller has."""
    return certificate(ec.generate_private_key(ec.SECP256R1()))


@dataclass
class Controller:
    """One key."""

    key: rsa.RSAPrivateKey
    certificate: Path

    @classmethod
    def made(cls, path: Path) -> Controller:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(certificate(key))
        return cls(key, path)

    def opened(self, manifest: Path) -> dict[str, str]:
        """The values of a manifest. As pkg/crypto/crypto.go, HybridDecrypt, does it; raises when it would not open."""
        found = yaml.safe_load(manifest.read_text())
        assert (found["apiVersion"], found["kind"]) == ("bitnami.com/v1alpha1", "SealedSecret")
        metadata = found["metadata"]
        annotations = metadata.get("annotations", {})
        label = f"{metadata['namespace']}/{metadata['name']}"
        if annotations.get(f"{WIDE}namespace-wide") == "true":
            label = metadata["namespace"]
        if annotations.get(f"{WIDE}cluster-wide") == "true":
            label = ""
        return {key: self._open(text, label.encode()) for key, text in found["spec"]["encryptedData"].items()}

    def _open(self, text: str, label: bytes) -> str:
        data = base64.b64decode(text)
        size = int.from_bytes(data[:2], "big")
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=label)
        session = self.key.decrypt(data[2 : 2 + size], oaep)
        return AESGCM(session).decrypt(bytes(12), data[2 + size :], None).decode()
