# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's certificates: three authorities, and one certificate for each component and purpose."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .addresses import API_SERVICE, DOMAIN, NODE, NODE_ADDRESS

CLUSTER, ETCD, FRONT = "cluster-ca", "etcd-ca", "front-proxy-ca"
AUTHORITIES = (CLUSTER, ETCD, FRONT)
AUTHORITY_DAYS = 3650
DAYS = 365
RENEWED = 30  # days before its end a certificate is made anew
SKEW = dt.timedelta(minutes=5)

USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)

SERVICE_ACCOUNTS = "service-accounts"  # a pair of keys, without a certificate


@dataclass(frozen=True)
class Certificate:
    """One row: whose it is, who signs it and what it is good for."""

    name: str
    user: str  # common name: what Kubernetes takes for the user
    groups: tuple[str, ...] = ()
    authority: str = CLUSTER
    hosts: tuple[str, ...] = ()  # a server's names and addresses; none: for a client alone
    client: bool = True


def _services(name: str, namespace: str) -> tuple[str, ...]:
    full = f"{name}.{namespace}.svc"
    return (name, f"{name}.{namespace}", full, f"{full}.{DOMAIN}")


LOCAL = ("localhost", "127.0.0.1")
API_HOSTS = (*_services("kubernetes", "default"), str(API_SERVICE), str(NODE_ADDRESS), NODE, *LOCAL)

CERTIFICATES = (
    Certificate("etcd", "etcd", authority=ETCD, hosts=LOCAL),
    Certificate("kube-apiserver", "kube-apiserver", hosts=API_HOSTS, client=False),
    Certificate("kube-apiserver-etcd", "kube-apiserver-etcd-client", authority=ETCD),
    Certificate("kube-apiserver-kubelet", "kube-apiserver-kubelet-client"),
    Certificate("front-proxy", "front-proxy-client", authority=FRONT),
    Certificate("kube-controller-manager", "system:kube-controller-manager", hosts=LOCAL),
    Certificate("kube-scheduler", "system:kube-scheduler", hosts=LOCAL),
    Certificate("kube-proxy", "system:kube-proxy"),
    Certificate("kubelet", f"system:node:{NODE}", ("system:nodes",)),
    Certificate("kubelet-server", f"system:node:{NODE}", ("system:nodes",), hosts=(NODE, str(NODE_ADDRESS))),
    Certificate("volume-provisioner", "tollgate:volume-provisioner"),
    Certificate("metrics-server", "metrics-server", hosts=_services("metrics-server", "kube-system"), client=False),
    Certificate("admin", "tollgate-admin", ("system:masters",)),
)


class Authority:
    """The directory of all certificates. Files: NAME.crt, and NAME.key for root alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def certificate(self, name: str) -> Path:
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.directory / f"{name}.key"

    def make(self, wanted: Sequence[Certificate] = CERTIFICATES) -> list[str]:
        """Make what is missing, ends soon or is for other names. Returns the names of what was made."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = [name for name in AUTHORITIES if self._made_authority(name)]
        for row in wanted:
            if row.authority in made or not self._good(row):
                self._make(row)
                made.append(row.name)
        if not self.key(SERVICE_ACCOUNTS).exists() or not (self.directory / f"{SERVICE_ACCOUNTS}.pub").exists():
            self._make_pair(SERVICE_ACCOUNTS)
            made.append(SERVICE_ACCOUNTS)
        return made

    def _made_authority(self, name: str) -> bool:
        found = self._read(name)
        if found and found.not_valid_after_utc > _now() + dt.timedelta(days=DAYS):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tollgate {name}")])
        usage = _usage(key_cert_sign=True, crl_sign=True, digital_signature=True)
        builder = _builder(subject, subject, key.public_key(), AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        self._write(name, builder.sign(key, hashes.SHA256()), key)
        return True

    def _make(self, row: Certificate) -> None:
        authority = x509.load_pem_x509_certificate(self.certificate(row.authority).read_bytes())
        signer = serialization.load_pem_private_key(self.key(row.authority).read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_subject(row), authority.subject, key.public_key(), DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(_purposes(row)), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False)
        if row.hosts:
            builder = builder.add_extension(_names(row), critical=False)
        self._write(row.name, builder.sign(signer, hashes.SHA256()), key)

    def _make_pair(self, name: str) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        (self.directory / f"{name}.pub").write_bytes(key.public_key().public_bytes(encoding, kind))
        _write_secret(self.key(name), key)

    def _good(self, row: Certificate) -> bool:
        found = self._read(row.name)
        if not found or found.not_valid_after_utc < _now() + dt.timedelta(days=RENEWED):
            return False
        purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        try:
            names: x509.GeneralNames | list[x509.GeneralName]
            names = list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except x509.ExtensionNotFound:
            names = []
        wanted = list(_names(row)) if row.hosts else []
        return found.subject == _subject(row) and list(purposes) == _purposes(row) and names == wanted

    def _read(self, name: str) -> x509.Certificate | None:
        """The certificate, if it is whole and its key belongs to it."""
        try:
            found = x509.load_pem_x509_certificate(self.certificate(name).read_bytes())
            key = serialization.load_pem_private_key(self.key(name).read_bytes(), None)
        except (OSError, ValueError):
            return None
        return found if key.public_key() == found.public_key() else None

    def _write(self, name: str, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        _write_secret(self.key(name), key)
        self.certificate(name).write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _write_secret(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.unlink(missing_ok=True)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(pem)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(_now() - SKEW).not_valid_after(_now() + dt.timedelta(days=days))


def _subject(row: Certificate) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in row.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, row.user)])


def _names(row: Certificate) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_name(host) for host in row.hosts])


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _purposes(row: Certificate) -> list[x509.ObjectIdentifier]:
    server = [ExtendedKeyUsageOID.SERVER_AUTH] if row.hosts else []
    return [*server, *([ExtendedKeyUsageOID.CLIENT_AUTH] if row.client else [])]


def _usage(**meant: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: meant.get(name, False) for name in USAGES})


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
