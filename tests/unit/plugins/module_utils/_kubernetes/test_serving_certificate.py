# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from ansible_collections.tollgate.llm.plugins.module_utils._kubernetes.serving_certificate import (
    decoded,
    encoded,
    fault,
    fingerprint,
    made,
)

HOSTS = ["webhook.system.svc", "webhook.system.svc.cluster.local"]


@pytest.fixture(scope="module")
def pair() -> dict[str, bytes]:
    return made(HOSTS, 3650)


@pytest.mark.parametrize("host", HOSTS)
def test_a_client_that_knows_the_authority_trusts_the_server(tmp_path: Path, pair: dict[str, bytes], host: str) -> None:
    for name, content in pair.items():
        (tmp_path / name).write_bytes(content)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=lambda: server.wrap_socket(theirs, server_side=True))
    serving.start()
    with client.wrap_socket(ours, server_hostname=host) as trusted:
        assert trusted.version() == "TLSv1.3"
    serving.join()
    theirs.close()


def test_it_can_go_on(pair: dict[str, bytes]) -> None:
    assert fault(pair, HOSTS) == ""
    assert fault(pair, HOSTS[:1]) == ""


def test_one_of_another_name_can_not(pair: dict[str, bytes]) -> None:
    assert fault(pair, ["other.system.svc"]) == "it is not for other.system.svc"


def test_one_that_ends_soon_can_not() -> None:
    assert fault(made(HOSTS, 29), HOSTS).startswith("it ends on ")


def test_one_that_has_ended_can_not() -> None:
    assert fault(made(HOSTS, 0), HOSTS).startswith("it ended on ")


def test_one_with_the_key_of_another_can_not(pair: dict[str, bytes]) -> None:
    assert fault({**pair, "tls.key": made(HOSTS, 3650)["tls.key"]}, HOSTS) == "its key is not the certificate's"


@pytest.mark.parametrize("part", ["tls.crt", "tls.key", "ca.crt"])
def test_damaged_ones_can_not(pair: dict[str, bytes], part: str) -> None:
    assert fault({**pair, part: b""}, HOSTS) == f"it has no {part}"
    assert fault({**pair, part: b"nothing"}, HOSTS) == "what it holds is no certificate with its key and authority"


def test_a_secret_holds_it_as_it_is(pair: dict[str, bytes]) -> None:
    assert decoded(encoded(pair)) == pair


def test_the_fingerprint_is_of_what_everybody_may_see(pair: dict[str, bytes]) -> None:
    assert fingerprint(pair) == fingerprint({**pair, "tls.key": b""})
    assert fingerprint(pair) != fingerprint(made(HOSTS, 3650))
