# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node from inside: the first process of its namespaces, which prepares them and becomes supervisord.

    python -m tollgate_cluster.node CONFIGURATION

As in a container, the node has its own processes, mounts, network and host name. They end with this process, so that a
node which was killed at any moment leaves no mount, interface, rule or process on the machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from .addresses import CABLE, MACHINE_ADDRESS, NODE, NODE_ADDRESS, SERVICES
from .places import CHECKOUT, STATE, TOLLGATE_CACHE, TOOLS
from .programs import SYSTEM_PATH, log
from .state import NODE_LIB, NODE_LOG

SYSTEM = STATE / "node" / "sys"
RUNTIME = STATE / "node" / "run"

# What the kubelet wants of the kernel. It sees files with these values, and the machine keeps its own.
KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# These belong to the node's network alone.
NETWORK = {"ip_forward": "1", "conf/all/rp_filter": "0", "conf/default/rp_filter": "0"}


def main() -> None:
    """Prepare, say so, wait for the cable, and become supervisord."""
    mounts()
    socket.sethostname(NODE)
    print("ready", flush=True)
    if not sys.stdin.readline():
        sys.exit("`make cluster` has ended before the node was connected")
    network()
    output = os.open(log("node"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    environment = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": "/root"}
    program = str(TOOLS / "supervisord")
    os.execve(program, [program, "--nodaemon", "--configuration", sys.argv[1]], environment)  # noqa: S606 (no shell)


def mounts() -> None:
    """Give the node its own /proc, /sys, /run, /var/lib and /var/log; control groups and devices are the machine's."""
    mount("-t", "proc", "proc", "/proc")
    for name, value in KERNEL.items():
        wanted = STATE / "node" / "kernel" / name
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.write_text(f"{value}\n", encoding="ascii")
        mount("--bind", wanted, f"/proc/sys/{name}")
    for place in (SYSTEM, RUNTIME, NODE_LIB, NODE_LOG):
        place.mkdir(parents=True, exist_ok=True)
    mount("-t", "sysfs", "sysfs", SYSTEM)  # of the node's network
    mount("--move", "/sys/fs/cgroup", SYSTEM / "fs" / "cgroup")
    mount("--move", SYSTEM, "/sys")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", RUNTIME)
    (RUNTIME / "lock").mkdir()
    for own, hidden in ((RUNTIME, "/run"), (NODE_LOG, "/var/log"), (NODE_LIB, "/var/lib")):
        for kept in (STATE, CHECKOUT, TOLLGATE_CACHE):
            if kept.is_relative_to(hidden):
                place = own / kept.relative_to(hidden)
                place.mkdir(parents=True, exist_ok=True)
                mount("--rbind", kept, place)
        mount("--rbind", own, hidden)
    # As systemd does it: pods may ask for mounts that spread. Nothing spreads out of the node.
    mount("--make-rshared", "/")


def mount(*words: str | Path) -> None:
    """mount(8)."""
    run("mount", "--no-mtab", *words)


def network() -> None:
    """Addresses, routes, and one rule: only this machine may send something to the node."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{NODE_ADDRESS}/{CABLE.prefixlen}", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "route", "add", str(SERVICES), "dev", "eth0", "src", str(NODE_ADDRESS))
    # What would leave the machine fails at once instead of after a minute.
    run("ip", "route", "add", "unreachable", "default")
    for name, value in NETWORK.items():
        Path("/proc/sys/net/ipv4", name).write_text(value, encoding="ascii")
    # A machine that forwards packets would let its neighbours in. Before the rules of kube-proxy, which accept.
    source = ("!", "--source", str(MACHINE_ADDRESS))
    run("iptables", "--wait", "--table", "mangle", "-A", "PREROUTING", "-i", "eth0", *source, "-j", "DROP")


def run(*words: str | Path) -> None:
    """Run a program; its complaint is this process's last word."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
