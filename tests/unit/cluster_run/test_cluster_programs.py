# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the node's programs: what may listen where, and what nobody may do."""

from __future__ import annotations

import configparser
import ipaddress
import json
import shlex
from pathlib import Path

import pytest
from tollgate_cluster import addresses, containerd, kubernetes
from tollgate_cluster.certificates import Authority
from tollgate_cluster.kubeconfig import kubeconfig, write_file
from tollgate_cluster.programs import Program, Tools, supervisord
from tollgate_cluster.state import BINARIES, CONFIGURATION

TOOLS = Tools(Path("/cache/kubernetes"), Path("/cache/host"), Path("/cache/volume-provisioner"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    authority.make()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes, "AUTHORITY", authority)
        return kubernetes.files()


def command(name: str) -> list[str]:
    return next(list(program.command) for program in kubernetes.programs(TOOLS) if program.name == name)


def test_what_a_program_gets_survives_supervisords_syntax() -> None:
    program = Program("odd", ["/bin/odd", "--say=100% of it", "two words"], {"KEY": "a%b"})
    parser = configparser.RawConfigParser()
    parser.read_string(supervisord([program]))
    found = dict(parser["program:odd"])
    assert shlex.split(found["command"].replace("%%", "%")) == list(program.command)
    assert 'KEY="a%%b"' in found["environment"]


def test_each_component_is_called_by_its_own_name() -> None:
    programs = {program.name: program for program in kubernetes.programs(TOOLS)}
    for name in kubernetes.NAMES:
        assert programs[name].command[0] == str(BINARIES / name)


def test_servers_listen_on_the_node_or_on_loopback() -> None:
    inside = {"127.0.0.1", str(addresses.NODE_ADDRESS)}
    for endpoint in (addresses.API, addresses.ETCD, addresses.ETCD_PEER, addresses.KUBELET, addresses.REGISTRY):
        assert endpoint.host in inside
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        given = next(word for word in command(name) if word.startswith("--bind-address="))
        assert given.partition("=")[2] in inside


def test_the_kubelet_knows_everybody_and_asks_what_they_may(files: dict[Path, str]) -> None:
    settings = json.loads(files[CONFIGURATION / "kubelet.yaml"])
    assert settings["authentication"]["anonymous"] == {"enabled": False}
    assert settings["authentication"]["webhook"] == {"enabled": True}
    assert settings["authorization"] == {"mode": "Webhook"}
    assert settings["tlsCertFile"].endswith("kubelet-server.crt")


def test_no_flag_opens_the_api_server() -> None:
    flags = command("kube-apiserver")
    assert "--anonymous-auth=false" in flags
    assert "--authorization-mode=Node,RBAC" in flags
    assert not [flag for flag in flags if "token-auth-file" in flag or "AlwaysAllow" in flag]


def test_each_client_has_a_kubeconfig_of_its_own(files: dict[Path, str]) -> None:
    users = {name: json.loads(files[CONFIGURATION / f"{name}.kubeconfig"])["users"] for name in kubernetes.CLIENTS}
    data = {found[0]["user"]["client-certificate-data"] for found in users.values()}
    assert len(data) == len(kubernetes.CLIENTS)
    assert not [found for found in users.values() if "token" in found[0]["user"]]


def test_the_networks_do_not_overlap_and_hold_their_addresses() -> None:
    first, second, third = addresses.NETWORKS
    assert not first.overlaps(second)
    assert not second.overlaps(third)
    assert not first.overlaps(third)
    assert {addresses.NODE_ADDRESS, addresses.MACHINE_ADDRESS} <= set(addresses.CABLE.hosts())
    assert next(addresses.SERVICES.hosts()) == addresses.API_SERVICE
    assert addresses.DNS_SERVICE in addresses.SERVICES


def test_pods_get_addresses_of_their_network_and_every_image_comes_from_the_registry() -> None:
    files = containerd.files(TOOLS)
    network = json.loads(files[CONFIGURATION / "cni" / "10-tollgate.conflist"])
    ((wanted,),) = network["plugins"][0]["ipam"]["ranges"]
    assert ipaddress.ip_network(wanted["subnet"]) == addresses.PODS
    hosts = files[CONFIGURATION / "registries" / "_default" / "hosts.toml"]
    assert f'server = "http://{addresses.REGISTRY}"' in hosts
    assert "disable_apparmor = true" in files[CONFIGURATION / "containerd.toml"]


def test_a_kubeconfig_is_for_its_owner_alone_and_not_written_twice(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates")
    authority.make()
    path = tmp_path / "deep" / "kubeconfig"
    write_file(path, kubeconfig(authority, "admin"))
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_mtime_ns, path.stat().st_ino
    write_file(path, kubeconfig(authority, "admin"))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    path.chmod(0o644)
    write_file(path, kubeconfig(authority, "admin"))
    assert path.stat().st_mode & 0o777 == 0o600
