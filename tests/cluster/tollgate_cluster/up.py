# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the cluster run: builds what is missing, starts what does not run, leaves alone what does."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import (
    addons,
    api,
    cgroups,
    containerd,
    down,
    kernel,
    kubernetes,
    namespaces,
    preflight,
    pulled,
    registry,
    supervision,
    upstream,
)
from .addresses import REGISTRY
from .build import built, built_all, find, image_names
from .command import run
from .failure import ClusterError
from .kubeconfig import kubeconfig, write_file
from .owner import claim, owner, refuse_foreign, turn
from .places import CHECKOUT, CHECKOUT_STATE, KUBECONFIG, LOGS, UPSTREAM
from .programs import Program, Tools, log, supervisord
from .progress import Progress, last_lines
from .state import BINARIES, CONFIGURATION, ETCD_DATA, FINGERPRINT, RUN, SCRATCH, SUPERVISORD, VOLUMES

TOOLS = ("kubernetes", "host", "volume-provisioner")
MANIFESTS = "manifests"
SYSTEM_IMAGES = ("pause", "coredns", "metrics-server")
PATIENCE = 120  # seconds for a new node
MENDING = 40  # seconds for one that runs and is asked why it is not ready


def up(images: Sequence[str] | None, progress: Progress) -> None:
    """Ends with a Ready node whose name service, storage and metrics work."""
    preflight.check_kind()  # a lock needs Linux
    with turn(progress):
        refuse_foreign()
        runs = namespaces.node() is not None
        wanted = images if images is None else list(dict.fromkeys([*SYSTEM_IMAGES, *images]))
        preflight.check(runs, _complete(registry.default_images() if wanted is None else wanted))
        _install(progress)
        if not runs:
            kernel.probe()
        built_all((*TOOLS, MANIFESTS), progress)
        tools = Tools(*(built(name, progress) for name in TOOLS))
        served = registry.fill(wanted, progress)
        node(tools, progress)
        upstream.lay_out(built(MANIFESTS, progress), UPSTREAM)
        for image in pulled.forget_old(tools, served):
            progress.note(f"{image}: made anew, so the next pod pulls it")
        with progress.step("name service, storage, metrics"):
            addons.apply()
            addons.wait(lambda: supervision.check(supervision.members()))


def _complete(images: Sequence[str]) -> bool:
    return all(find(name) for name in (*TOOLS, MANIFESTS, *(name for row in images for name in image_names(row))))


def node(tools: Tools, progress: Progress) -> None:
    """Bring the node to Ready. One that was started otherwise is started anew, with its data."""
    if owner() not in (None, CHECKOUT):
        # It does not run, or its checkout is gone: nobody could use it.
        progress.note(f"what the last cluster left is removed (it was made by {owner()})")
        namespaces.end()
        down.clear()
    claim()
    programs = configure(tools)
    if namespaces.node() is not None and (_started_with() != _fingerprint(programs) or not supervision.members()):
        progress.note("the node runs with another configuration, so it is started anew")
        namespaces.end()
    if namespaces.node() is not None:
        try:
            _start(programs, progress, MENDING)
            return
        except ClusterError as error:
            progress.note(f"{error.what} So it is started anew, with its data.")
            namespaces.end()
    try:
        _start(programs, progress, PATIENCE)
    except ClusterError as error:
        # What a machine that lost its power left of etcd's files may be of no use.
        if not (ETCD_DATA.exists() and supervision.gave_up("etcd")):
            raise
        progress.note(f"{error.what} {last_lines(log('etcd'), 1)[:200]}")
        progress.note("the data of the last cluster is damaged, so a new one is made")
        namespaces.end()
        down.clear()
        claim()
        _start(configure(tools), progress, PATIENCE)


def configure(tools: Tools) -> list[Program]:
    """Write all configuration; returns the programs that use it."""
    for place in (CONFIGURATION, RUN, BINARIES, SCRATCH, VOLUMES, LOGS):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    kubernetes.AUTHORITY.make()
    for name in (*kubernetes.NAMES, "kubectl"):
        link = BINARIES / name
        if not link.is_symlink() or link.readlink() != tools.kubernetes / "kubernetes":
            link.unlink(missing_ok=True)
            link.symlink_to(tools.kubernetes / "kubernetes")
    serving = registry.serve_command(tools.host, CONFIGURATION / "registry.yaml", str(REGISTRY))
    programs = [Program("registry", serving), containerd.program(tools), *kubernetes.programs(tools)]
    for path, text in {**containerd.files(tools), **kubernetes.files(), SUPERVISORD: supervisord(programs)}.items():
        write_file(path, text)
    write_file(KUBECONFIG, kubeconfig(kubernetes.AUTHORITY, "admin"))
    kubectl = CHECKOUT_STATE / "kubectl"
    script = f'#!/bin/sh\nKUBECONFIG="${{KUBECONFIG:-{KUBECONFIG}}}" exec "{BINARIES}/kubectl" "$@"\n'
    write_file(kubectl, script, 0o755)
    return programs


def _fingerprint(programs: Sequence[Program]) -> str:
    """Of all that the programs read when they start."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    certificates = sorted(kubernetes.AUTHORITY.directory.iterdir())
    for path in (*certificates, *sorted(CONFIGURATION.rglob("*")), here / "node.py", here / "addresses.py"):
        if path.is_file():
            digest.update(f"{path}\0".encode() + path.read_bytes())
    digest.update(repr([program.command for program in programs]).encode())
    return digest.hexdigest()


def _started_with() -> str:
    return FINGERPRINT.read_text(encoding="ascii") if FINGERPRINT.exists() else ""


def _start(programs: Sequence[Program], progress: Progress, patience: float) -> None:
    """Start the node if there is none, and what does not run in it; wait until it is Ready."""
    began = time.monotonic()
    since = dt.datetime.now(dt.UTC).replace(microsecond=0)
    new = namespaces.node() is None
    if new:
        cgroups.remove()  # a killed node's: the kubelet would look for each of its pods for seconds
        cgroups.make()
        FINGERPRINT.write_text(_fingerprint(programs), encoding="ascii")
        namespaces.start()
    supervision.wait()
    stopped = supervision.stopped()
    if stopped and not new:
        progress.note(f"not running, so started: {', '.join(stopped)}")
    first, second = ([program.name for program in programs if program.wave == wave] for wave in (1, 2))
    supervision.start(first)
    _until(api.ready, "The API server does not answer", first, patience)
    supervision.start(second)
    _until(lambda: api.node_ready(since if new else None), "The node is not ready", [*first, *second], patience)
    progress.note(f"node Ready after {time.monotonic() - began:.1f} s" if new else "the node runs and is Ready")


def _until(done: Callable[[], bool], what: str, programs: Sequence[str], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not done():
        supervision.check(programs)
        if time.monotonic() > deadline:
            ailing = next((name for name in programs if not supervision.runs(name)), programs[-1])
            why = f"The end of the log of {ailing}:\n{last_lines(log(ailing))}"
            raise ClusterError(f"{what} after {patience} s.", why, f"All logs are in {LOGS}.")
        time.sleep(0.1)


def _install(progress: Progress) -> None:
    """Debian packages whose programs are missing. They stay installed."""
    if missing := preflight.missing_packages():
        output = LOGS / "install.log"
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        with progress.step(f"install {', '.join(missing)} (apt-get)"):
            run("apt-get update", ["apt-get", "-qq", "update"], output, environment=environment)
            words = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *missing]
            run("apt-get install", words, output, environment=environment)


def summary() -> str:
    """What a user wants to know at the end."""
    lines = [f"The cluster runs. kubeconfig: {KUBECONFIG}", f"  {CHECKOUT_STATE}/kubectl get pods -A"]
    return "\n".join([*lines, "  Checks: make test-cluster    Remove it: make cluster-down"])
