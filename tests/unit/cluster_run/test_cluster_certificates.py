# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate for each component, signed by its own authority, made once and renewed in time."""

from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tollgate_cluster import certificates
from tollgate_cluster.certificates import AUTHORITIES, CERTIFICATES, CLUSTER, ETCD, FRONT, Authority, Certificate


@pytest.fixture
def made(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "certificates")
    authority.make()
    return authority


def loaded(authority: Authority, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate(name).read_bytes())


@pytest.mark.parametrize("row", CERTIFICATES, ids=lambda row: row.name)
def test_each_is_signed_by_its_authority_for_its_user(made: Authority, row: Certificate) -> None:
    found = loaded(made, row.name)
    found.verify_directly_issued_by(loaded(made, row.authority))
    assert [name.value for name in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [row.user]
    groups = found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert tuple(name.value for name in groups) == row.groups


def test_no_two_components_share_a_certificate_or_a_key(made: Authority) -> None:
    names = [row.name for row in CERTIFICATES]
    assert len(set(names)) == len(names)
    assert len({made.key(name).read_bytes() for name in names}) == len(names)


def test_only_the_administrator_may_do_everything() -> None:
    assert [row.name for row in CERTIFICATES if "system:masters" in row.groups] == ["admin"]


def test_neither_the_front_proxy_nor_etcd_takes_the_clusters_certificates() -> None:
    assert {row.name for row in CERTIFICATES if row.authority == FRONT} == {"front-proxy"}
    assert {row.name for row in CERTIFICATES if row.authority == ETCD} == {"etcd", "kube-apiserver-etcd"}


def test_keys_are_for_their_owner_alone(made: Authority) -> None:
    assert stat.S_IMODE(made.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.directory.glob("*.key")} == {0o600}


@pytest.mark.parametrize("name", [*AUTHORITIES, *(row.name for row in CERTIFICATES)])
def test_strict_clients_find_the_key_identifiers(made: Authority, name: str) -> None:
    wanted = x509.SubjectKeyIdentifier if name in AUTHORITIES else x509.AuthorityKeyIdentifier
    assert loaded(made, name).extensions.get_extension_for_class(wanted)


def test_a_second_time_nothing_is_made(made: Authority) -> None:
    assert made.make() == []


def test_what_was_cut_off_is_made_again(made: Authority) -> None:
    made.certificate("kubelet").write_bytes(made.certificate("kubelet").read_bytes()[:100])
    made.key("admin").unlink()
    assert set(made.make()) == {"kubelet", "admin"}
    assert made.make() == []


def test_a_key_of_another_certificate_is_noticed(made: Authority) -> None:
    made.key("kubelet").write_bytes(made.key("admin").read_bytes())
    assert made.make() == ["kubelet"]


def test_a_certificate_for_other_names_is_made_again(made: Authority) -> None:
    changed = [Certificate("etcd", "etcd", authority=ETCD, hosts=("localhost", "127.0.0.2"))]
    assert made.make(changed) == ["etcd"]


def test_certificates_are_renewed_before_they_end(made: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=certificates.DAYS - certificates.RENEWED + 1)
    monkeypatch.setattr(certificates, "_now", lambda: later)
    assert set(made.make()) == {row.name for row in CERTIFICATES}


def test_a_new_authority_signs_all_its_certificates_anew(made: Authority) -> None:
    made.key(CLUSTER).unlink()
    assert set(made.make()) == {CLUSTER, *(row.name for row in CERTIFICATES if row.authority == CLUSTER)}
    assert isinstance(loaded(made, "admin").public_key(), ec.EllipticCurvePublicKey)
