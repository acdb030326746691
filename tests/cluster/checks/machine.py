# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine around the cluster: what it looks like, and how `make` is run on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from tollgate_cluster.places import CACHE, CHECKOUT, STATE

# They change by themselves, or count what any process does.
VOLATILE = re.compile(
    r"^(kernel\.(random|ns_last_pid|pty\.nr|sched|perf|hung_task)|fs\.(dentry-state|inode|file-nr|aio-nr|quota)"
    r"|net\.netfilter\.nf_conntrack_(count|buckets)|net\.ipv[46]\.(neigh|conf|tcp_mem|udp_mem)\b.*tollgate0|debug\.)"
)
# Where other container runtimes and kubelets have their things. The node has its own in place of some ...
REPLACED = (
    *("/run/containerd", "/run/netns", "/run/docker", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni"),
    *("/var/log/pods", "/var/log/containers"),
)
# ... and does not use the others.
UNUSED = ("/etc/cni", "/etc/kubernetes", "/opt/cni", "/opt/containerd", "/usr/libexec/kubernetes")


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in the checkout; its output is in `stdout`."""
    process = begin(*words, **environment)
    output, _errors = process.communicate(timeout=1800)
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def begin(*words: str, **environment: str) -> subprocess.Popen[str]:
    """Start make, as the leader of a group of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.Popen(
        ["make", "--no-print-directory", *words],
        cwd=CHECKOUT,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def snapshot() -> dict[str, set[str]]:
    """What a cluster could leave behind, by kind."""
    return {kind: set(look()) for kind, look in LOOKS.items()}


def difference(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[str]:
    """What came and what went."""
    came = [f"{kind}: + {line}" for kind in before for line in sorted(after[kind] - before[kind])]
    return came + [f"{kind}: - {line}" for kind in before for line in sorted(before[kind] - after[kind])]


def _output(*words: str) -> Iterator[str]:
    if shutil.which(words[0]):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        yield from done.stdout.splitlines()


def _rules() -> Iterator[str]:
    for program in ("iptables-save", "ip6tables-save", "iptables-legacy-save"):
        for line in _output(program):
            if not line.startswith("#"):
                yield f"{program} {re.sub(r'[[][0-9:]+[]]', '', line)}"


def _routes() -> Iterator[str]:
    for family in ("-4", "-6"):
        for what in (("rule",), ("route", "show", "table", "all"), ("address",)):
            for line in _output("ip", "-oneline", family, *what):
                yield re.sub(r"(valid_lft|preferred_lft|expires) \S+", "", line)


def _sysctls() -> Iterator[str]:
    return (line for line in _output("sysctl", "--all") if not VOLATILE.match(line))


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        yield f"{fields[4]} {' '.join(fields[fields.index('-') + 1 :][:2])}"


def _groups() -> Iterator[str]:
    return (str(path) for path in Path("/sys/fs/cgroup").rglob("tollgate*"))


def _processes() -> Iterator[str]:
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if any(part in line for part in (str(STATE), str(CACHE), "tollgate_cluster.node")):
            yield f"{process.info['pid']} {line[:200]}"


def _files() -> Iterator[str]:
    for root in map(Path, (*UNUSED, *REPLACED, str(STATE))):
        if root.exists():
            yield str(root)
            yield from (str(path) for path in root.rglob("*") if str(root) in UNUSED)


def shared(pid: int) -> list[str]:
    """The directories of other container runtimes that a process has in common with this machine."""
    inside = {name: Path(f"/proc/{pid}/root{name}") for name in REPLACED if Path(name).exists()}
    return [name for name, path in inside.items() if path.exists() and path.samefile(name)]


LOOKS: dict[str, Callable[[], Iterator[str]]] = {
    "processes": _processes,
    "mounts": _mounts,
    "interfaces": lambda: (path.name for path in Path("/sys/class/net").iterdir()),
    "addresses and routes": _routes,
    "packet filter": _rules,
    "sysctls": _sysctls,
    "control groups": _groups,
    "loop devices": lambda: (line for line in _output("losetup", "--list") if str(STATE) in line),
    "files": _files,
}
