# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate of a Sealed Secrets controller, and what is sealed with it: only that controller can open it.

As its own Go code does it (bitnami/sealed-secrets, pkg/crypto/crypto.go and sealedsecret_expansion.go).
"""

from __future__ import annotations

import hashlib
import os
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Self

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

ANNOTATION = "sealedsecrets.bitnami.com/"
SESSION_KEY = 32
# Each value has a session key of its own, so the nonce may be the same.
NONCE = bytes(12)
TAG = 16
LEAST_BITS = 2048


def fingerprint_of(key: PublicKeyTypes) -> str:
    """A name for a public key."""
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(encoded).hexdigest()[:32]}"


class CertificateError(Exception):
    """The certificate can't be used; the text says why and what next."""


class Scope(Enum):
    """Where the controller opens what was sealed."""

    STRICT = "strict"  # under its own name, in its own namespace
    NAMESPACE = "namespace"  # under any name in its namespace
    CLUSTER = "cluster"  # anywhere

    def label(self, namespace: str, name: str) -> bytes:
        """What is bound into the sealed value, so that it opens nowhere else."""
        match self:
            case Scope.STRICT:
                return f"{namespace}/{name}".encode()
            case Scope.NAMESPACE:
                return namespace.encode()
            case _:
                return b""

    @property
    def annotations(self) -> dict[str, str]:
        """What tells the controller."""
        return {} if self is Scope.STRICT else {f"{ANNOTATION}{self.value}-wide": "true"}

    @classmethod
    def of(cls, annotations: dict[str, str]) -> Self:
        """As the controller reads it: the wider one wins."""
        wide = (cls("cluster"), cls("namespace"))
        return next((scope for scope in wide if scope.annotations.items() <= annotations.items()), cls("strict"))


@dataclass(frozen=True)
class Certificate:
    """The public half of a controller's key."""

    key: RSAPublicKey
    not_after: datetime

    @classmethod
    def of(cls, data: bytes, place: str, now: datetime | None = None) -> Self:
        """From a PEM file's bytes. Raises CertificateError. PLACE is what messages call it."""
        advice = "Take the controller's: kubeseal --fetch-cert, or the role sealed_secrets"
        if b"PRIVATE KEY-----" in data:
            raise CertificateError(
                f"certificate {place} holds a private key, which must not leave the cluster and its backup. {advice}."
            )
        try:
            found = x509.load_pem_x509_certificate(data)
        except ValueError as error:
            raise CertificateError(f"certificate {place} is not a PEM certificate. {advice}.") from error
        key = found.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise CertificateError(f"certificate {place} has no RSA key, so it is no controller's. {advice}.")
        if key.key_size < LEAST_BITS:
            raise CertificateError(
                f"certificate {place} has a key of {key.key_size} bits; at least {LEAST_BITS} are needed. {advice}."
            )
        moment = now or datetime.now(UTC)
        if moment > found.not_valid_after_utc:
            raise CertificateError(f"certificate {place} expired on {found.not_valid_after_utc:%Y-%m-%d}. {advice}.")
        if moment < found.not_valid_before_utc:
            raise CertificateError(
                f"certificate {place} is not valid before {found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. Look at the "
                f"clocks of this machine and of the cluster."
            )
        return cls(key, found.not_valid_after_utc)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file. Raises CertificateError."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CertificateError(f"certificate {path} can't be read: {error.strerror}.") from error
        return cls.of(data, str(path))

    @property
    def fingerprint(self) -> str:
        """Of the key, which several certificates may have."""
        return fingerprint_of(self.key)

    def seal(self, value: bytes, label: bytes) -> bytes:
        """Length of the encrypted session key in two bytes, that key, and the value encrypted with it."""
        session = os.urandom(SESSION_KEY)
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=label)
        wrapped = self.key.encrypt(session, oaep)
        return len(wrapped).to_bytes(2, "big") + wrapped + AESGCM(session).encrypt(NONCE, value, None)
