# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of the cluster: started twice, killed in parts and as a whole, interrupted, damaged, removed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from _pytest.mark import ParameterSet
from machine import begin, difference, make, shared, snapshot
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import Object, claim, container, mounted, pod, volume_of
from tollgate_checks.plugin import connect
from tollgate_checks.watching import eventually
from tollgate_cluster import addresses, api, dns, namespaces, pulled, supervision
from tollgate_cluster.build import built
from tollgate_cluster.containerd import PAUSE
from tollgate_cluster.places import KUBECONFIG, STATE
from tollgate_cluster.programs import Tools
from tollgate_cluster.progress import Progress
from tollgate_cluster.state import ETCD_DATA, OWNER, SUPERVISORD
from tollgate_cluster.status import status
from tollgate_cluster.up import TOOLS

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(bool(os.environ.get("TOLLGATE_KUBECONFIG")), reason="it is about the cluster of `make cluster`"),
    pytest.mark.skipif(os.geteuid() != 0, reason="make cluster needs root"),
]
Record = Callable[[str, object], None]
DEBIAN = "docker.io/library/debian:trixie-slim"
GOOD = 120  # seconds until all is well again
SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")


def up(**environment: str) -> str:
    """`make cluster`; what it said."""
    done = make("cluster", **environment)
    assert done.returncode == 0, done.stdout
    assert status()["ok"]
    return str(done.stdout)


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    """Each test begins and ends with a cluster."""
    up()
    yield
    up()


@pytest.fixture
def here(running: None) -> Iterator[Cluster]:
    """The cluster as it is now."""
    cluster = connect()
    yield cluster
    cluster.close()


def first() -> int:
    """The pid of the node's first process."""
    pid = namespaces.node()
    assert pid is not None
    return pid


def process(name: str) -> psutil.Process:
    """The process of a component."""
    for found in namespaces.members(first()):
        if found.cmdline() and Path(found.cmdline()[0]).name == name:
            return found
    raise AssertionError(f"{name} does not run")


def user(name: str = "life") -> list[Object]:
    """A claim and a pod that keeps what it once wrote."""
    script = "test -e /data/file || echo kept >/data/file; exec sleep 3600"
    main = container("sh", "-c", script, **mounted("/data"))
    return [
        claim("default", name),
        pod("default", name, main, volumes=[volume_of(name)], terminationGracePeriodSeconds=0),
    ]


def test_a_second_time_nothing_is_started(record_property: Record) -> None:
    before = {name: row.pid for name, row in supervision.members().items()}
    files = {path: path.read_bytes() for path in STATE.glob("etc/*") if path.is_file()}
    began = time.monotonic()
    up()
    record_property("seconds", round(time.monotonic() - began, 1))
    assert {name: row.pid for name, row in supervision.members().items()} == before
    assert {path: path.read_bytes() for path in STATE.glob("etc/*") if path.is_file()} == files


def some(*names: str) -> list[str | ParameterSet]:
    """The first two for every day, all for the long checks."""
    return [*names[:2], *(pytest.param(name, marks=pytest.mark.soak) for name in names[2:])]


@pytest.mark.parametrize("name", some("kubelet", "containerd", *SERVERS[:-1], "docker-registry", "volume-provisioner"))
def test_a_killed_component_comes_back_by_itself_and_pods_go_on(here: Cluster, name: str) -> None:
    _claim, wanted = [here.apply(each) for each in user()]
    before = here.wait(wanted, ready, GOOD)["status"]["containerStatuses"][0]["containerID"]
    victim = process(name)
    victim.kill()
    victim.wait()
    eventually(lambda: process(name).pid != victim.pid, GOOD, f"another {name}", AssertionError)
    eventually(lambda: status()["ok"], GOOD, "all well")
    after = here.wait(wanted, ready, GOOD)["status"]["containerStatuses"][0]
    assert (after["containerID"], after["restartCount"]) == (before, 0)
    for each in reversed(user()):
        here.delete(each)
        here.wait_gone(each, GOOD)


def test_a_killed_node_leaves_nothing_and_comes_back_with_what_it_had(here: Cluster) -> None:
    _claim, wanted = [here.apply(each) for each in user()]
    here.wait(wanted, ready, GOOD)
    everyone = list(namespaces.members(first()))
    os.kill(first(), signal.SIGKILL)
    psutil.wait_procs(everyone, 30)
    assert not [each for each in everyone if each.is_running()]
    eventually(lambda: not namespaces.connected(), 10, "no interface")
    up()
    again = here.wait(wanted, ready, GOOD)
    assert here.output(again, "cat", "/data/file") == "kept\n"
    for each in reversed(user()):
        here.delete(each)
        here.wait_gone(each, GOOD)


def there(path: Path) -> Callable[[], bool]:
    """Whether a file is there."""
    return path.exists


MOMENTS: dict[str, Callable[[], bool]] = {
    "born": lambda: namespaces.node() is not None,
    "answering": lambda: KUBECONFIG.exists() and (STATE / "certificates" / "admin.crt").exists() and api.ready(),
    "claimed": there(OWNER),
    "certified": there(STATE / "certificates" / "cluster-ca.crt"),
    "configured": there(SUPERVISORD),
    "connected": namespaces.connected,
    "started": lambda: "etcd" in supervision.members() and supervision.runs("etcd"),
    "scheduling": lambda: supervision.runs("kubelet"),
}


@pytest.mark.parametrize("moment", some(*MOMENTS))
def test_a_start_that_was_killed_at_any_moment_is_finished_by_the_next(moment: str) -> None:
    assert make("cluster-down").returncode == 0
    starting = begin("cluster")
    eventually(lambda: MOMENTS[moment]() or starting.poll() is not None, 60, moment)
    assert starting.poll() is None, starting.communicate()[0]
    os.killpg(starting.pid, signal.SIGKILL)
    starting.communicate()
    up()


@pytest.mark.soak
def test_whatever_is_killed_and_whenever_it_comes_back(soak_rounds: int, chance: random.Random) -> None:
    for _round in range(soak_rounds):
        for victim in chance.sample([*SERVERS, "containerd", "docker-registry"], k=chance.randint(1, 4)):
            with contextlib.suppress(psutil.Error, AssertionError):  # it died with another one, or is just starting
                process(victim).kill()
        if chance.random() < 0.5:
            namespaces.end()
        starting = begin("cluster")
        with contextlib.suppress(subprocess.TimeoutExpired):
            starting.wait(chance.uniform(0.2, 15))
        if starting.poll() is None:
            os.killpg(starting.pid, signal.SIGKILL)
        starting.communicate()
        up()


def test_an_image_that_was_made_anew_is_pulled_anew(here: Cluster) -> None:
    tools = Tools(*(built(name, Progress()) for name in TOOLS))
    here.apply(asked := pod("default", "pulled", container("sleep", "600", image=DEBIAN)))
    here.wait(asked, ready, GOOD)
    right = pulled.pulled(tools)[DEBIAN]
    here.delete(asked)
    here.wait_gone(asked, GOOD)
    # As if the tag had meant something else when it was pulled.
    pulled.tag(tools, PAUSE, DEBIAN)
    assert pulled.pulled(tools)[DEBIAN] != right
    assert f"{DEBIAN}: made anew" in up()
    here.apply(asked)
    here.wait(asked, ready, GOOD)
    assert pulled.pulled(tools)[DEBIAN] == right
    here.delete(asked)


def test_a_component_that_hangs_is_noticed(here: Cluster) -> None:
    process("kube-apiserver").send_signal(signal.SIGSTOP)
    assert "started anew" in up()


def test_damaged_data_ends_in_a_new_cluster(here: Cluster) -> None:
    here.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lost"}})
    namespaces.end()
    for path in ETCD_DATA.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\xff" * 4096)
    assert "a new one is made" in up()
    assert not [row for row in api.read("/api/v1/namespaces")["items"] if row["metadata"]["name"] == "lost"]


def test_nothing_of_it_can_be_reached_from_other_machines() -> None:
    for member in namespaces.members(first()):
        assert not _shares_network(member.pid), f"{member.name()} is in this machine's network"
    inside = {"127.0.0.1", str(addresses.NODE_ADDRESS)}
    for line in Path(f"/proc/{first()}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        if state == "0A":  # listening
            assert socket.inet_ntoa(bytes.fromhex(address.partition(":")[0])[::-1]) in inside
    assert len(Path(f"/proc/{first()}/net/tcp6").read_text(encoding="ascii").splitlines()) == 1

    def reached(source: str) -> bool:
        try:
            with socket.create_connection((addresses.API.host, addresses.API.port), 2, (source, 0)):
                return True
        except TimeoutError:
            return False

    # A neighbour, as the node sees it: this machine would only pass its packets on.
    neighbour = "10.87.0.77"
    namespaces.ip("address", "add", f"{neighbour}/32", "dev", addresses.INTERFACE)
    try:
        assert reached(str(addresses.MACHINE_ADDRESS))
        assert not reached(neighbour)
    finally:
        namespaces.ip("address", "delete", f"{neighbour}/32", "dev", addresses.INTERFACE)


def _shares_network(pid: int) -> bool:
    return os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net")  # noqa: PTH115 (no path)


def test_it_touches_nothing_of_other_container_runtimes_and_leaves_nothing(
    record_property: Record,
) -> None:
    assert make("cluster-down").returncode == 0
    assert not KUBECONFIG.exists()
    before = snapshot()
    up()
    fresh = connect()
    for each in user():
        fresh.apply(each)
    fresh.wait(user()[1], ready, GOOD)
    fresh.close()
    assert dns.address(f"kubernetes.default.svc.{addresses.DOMAIN}") == str(addresses.API_SERVICE)
    assert not shared(first())
    ours = (str(STATE), addresses.INTERFACE)
    changed = [line for line in difference(before, snapshot()) if not any(name in line for name in ours)]
    assert {line.partition(":")[0] for line in changed} <= {"processes", "control groups"}, changed
    began = time.monotonic()
    assert make("cluster-down").returncode == 0
    record_property("seconds of cluster-down", round(time.monotonic() - began, 1))
    eventually(lambda: not difference(before, snapshot()), 20, f"as before: {difference(before, snapshot())}")
    assert "There was no cluster" in make("cluster-down").stdout


def test_an_idle_cluster_takes_less_than_two_gibibytes(record_property: Record) -> None:
    used = status()["memory_mib"]["total"]
    record_property("MiB", used)
    assert used < 2048
