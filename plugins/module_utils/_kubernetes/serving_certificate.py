# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for servers inside a cluster, each of an authority of its own whose key is thrown away."""

from __future__ import annotations

import base64
import datetime
import hashlib
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    CRYPTOGRAPHY_IMPORT_ERROR = None

CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"
MARGIN = datetime.timedelta(days=30)  # before its end, a new one is made
SKEW = datetime.timedelta(hours=1)  # by which the clocks of nodes may differ


def made(hosts: Sequence[str], days: int) -> dict[str, bytes]:
    """A certificate for these names, its key and its authority, as PEM, by their names in a Secret."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    issuer = _name(f"Authority of {hosts[0]}"[:64])

    def signed(subject: Any, public: Any, *extensions: tuple[Any, bool]) -> Any:
        builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(now - SKEW).not_valid_after(now + datetime.timedelta(days=days))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(authority_key, hashes.SHA256())

    authority = signed(
        issuer, authority_key.public_key(), (x509.BasicConstraints(ca=True, path_length=0), True), (_usage(True), True)
    )
    certificate = signed(
        _name(hosts[0][:64]),
        key.public_key(),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False),
    )
    pem = serialization.Encoding.PEM
    return {
        CERTIFICATE: certificate.public_bytes(pem),
        KEY: key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        AUTHORITY: authority.public_bytes(pem),
    }


def _name(text: str) -> Any:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(authority: bool) -> Any:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def fault(data: Mapping[str, bytes], hosts: Sequence[str]) -> str:
    """Why a pair can't go on serving these names; empty when it can."""
    missing = [name for name in (CERTIFICATE, KEY, AUTHORITY) if not data.get(name)]
    if missing:
        return f"it has no {' and no '.join(missing)}"
    try:
        certificate = x509.load_pem_x509_certificate(data[CERTIFICATE])
        authority = x509.load_pem_x509_certificate(data[AUTHORITY])
        key: Any = serialization.load_pem_private_key(data[KEY], None)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return "what it holds is no certificate with its key and authority"
    if key.public_key() != certificate.public_key():
        return "its key is not the certificate's"
    now = datetime.datetime.now(datetime.UTC)
    ends = min(certificate.not_valid_after_utc, authority.not_valid_after_utc)
    if ends - now < MARGIN:
        return f"it {'ended' if ends < now else 'ends'} on {ends:%Y-%m-%d}"
    lacking = sorted(set(hosts) - set(names.get_values_for_type(x509.DNSName)))
    return f"it is not for {', '.join(lacking)}" if lacking else ""


def fingerprint(data: Mapping[str, bytes]) -> str:
    """SHA-256 of the certificate and its authority: it changes when they do, and says nothing of the key."""
    return hashlib.sha256(data[CERTIFICATE] + data[AUTHORITY]).hexdigest()


def decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    """The data of a Secret. Raises ValueError when it is not base64."""
    return {name: base64.b64decode(value, validate=True) for name, value in data.items()}


def encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    """As a Secret has it."""
    return {name: base64.b64encode(value).decode() for name, value in data.items()}
