# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each measurement: pure figures, a list where something was measured several times. What is wrong ends the bench."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import bare
import rivals
from gateway import Place
from module_run import Run, run
from sizes import Sizes
from subject import CONCURRENCY, OTHERS, Subject

Figures = dict[str, Any]
BUDGETS = [entry["budget"] for entry in OTHERS["budgets"]]
# The gateway file names models, teams and keys; the role passes the other kinds as empty lists.
AS_THE_ROLE = {kind: entries if kind in ("models", "teams") else [] for kind, entries in OTHERS.items()}


def gateway(place: Place, sizes: Sizes) -> Figures:
    """The whole site again, the memory of what runs, and its versions."""
    seconds = [bare.timed(place.play, "site.yml") for _round in range(sizes.slow)]
    with tempfile.NamedTemporaryFile() as verdict:
        place.play("playbooks/status.yml", "-e", f"gateway_status_file={verdict.name}")
        status = json.loads(Path(verdict.name).read_text())
    return {"unchanged": seconds, "memory_mib": status["memory_mib"], "versions": status["versions"]}


def declare_others(subject: Subject) -> None:
    """What keys name has to be there first."""
    run(subject.options([]))


def creation(subject: Subject, sizes: Sizes) -> Figures:
    """New keys: by the module, and by a loop of a bare client. Afterwards there are as many."""
    figures: Figures = {"count": sizes.many, "module": [], "process": [], "bare": []}
    for _round in range(sizes.turns):
        # Half before and half after: a machine that gets slower meanwhile is slower for both.
        halves = [_bare_creation(subject, sizes.many // 2)]
        subject.no_keys()
        subject.new_values(sizes.many)
        done = run(subject.options(subject.keys(sizes.many)))
        _expect(done, created=sizes.many)
        figures["module"].append(done.requesting)
        figures["process"].append(done.seconds)
        figures["requests"] = _counted(done)
        halves.append(_bare_creation(subject, sizes.many - sizes.many // 2))
        figures["bare"].append(sum(halves))
    subject.no_keys()
    subject.new_values(sizes.many)
    _expect(run(subject.options(subject.keys(1))), created=1)
    subject.copies(sizes.many)
    return figures


def _bare_creation(subject: Subject, count: int) -> float:
    subject.no_keys()
    subject.new_values(count)
    with subject.client() as http:
        return bare.timed(bare.create, http, subject.bodies(count), CONCURRENCY)


def unchanged(subject: Subject, sizes: Sizes) -> Figures:
    """All keys again, beside the same reads by a bare client; and how much more memory they take than few."""
    figures = _side_by_side(subject, sizes.many, sizes.rounds)
    few = [run(subject.options(subject.keys(sizes.few))) for _round in range(sizes.rounds)]
    figures["as_the_role"] = _counted(run(subject.options(subject.keys(sizes.many), AS_THE_ROLE)))
    return {**figures, "few": sizes.few, "memory_of_few": [done.memory for done in few]}


def change(subject: Subject, sizes: Sizes) -> Figures:
    """A few of many keys get another limit."""
    figures: Figures = {"count": sizes.changed, "of": sizes.many, "module": []}
    for limit in range(61, 61 + sizes.slow):
        keys = subject.keys(sizes.many)
        changed = [{**key, "rpm_limit": limit} for key in keys[: sizes.changed]]
        done = run(subject.options([*changed, *keys[sizes.changed :]]))
        _expect(done, updated=sizes.changed)
        figures["module"].append(done.requesting)
        figures["requests"] = _counted(done)
    _expect(run(subject.options(subject.keys(sizes.many))), updated=sizes.changed)
    return figures


def whole_run(subject: Subject, sizes: Sizes) -> Figures:
    """What Ansible adds: its start, the storing of values, and a task with many entries."""
    figures: Figures = {"count": sizes.many, "start": [], "store": [], "stored": [], "declare": []}
    for _round in range(sizes.slow):
        figures["start"].append(bare.timed(rivals.nothing_to_do))
        with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as directory:
            for name in ("store", "stored"):
                seconds = bare.timed(rivals.store_values, Path(directory), sizes.many)
                figures[name].append(seconds)
        figures["declare"].append(bare.timed(rivals.by_module, subject, sizes.many))
    return figures


def ways(subject: Subject, sizes: Sizes) -> Figures:
    """What people use now, beside the module: whole runs, each with new keys, and again. They take turns."""
    found = [{"name": way.name, "lacks": way.lacks, "by_ansible": way.by_ansible} for way in rivals.WAYS]
    timed: list[Figures] = [{**figures, "make": [], "again": []} for figures in found]
    for _round in range(sizes.turns):
        for way, figures in zip(rivals.WAYS, timed, strict=True):
            subject.no_keys()
            subject.new_values(sizes.ways)
            figures["make"].append(bare.timed(way.make, subject, sizes.ways))
            figures["again"].append(bare.timed(way.again, subject, sizes.ways))
            # However they were made: they are as declared.
            _expect(run(subject.options(subject.keys(sizes.ways))), unchanged=sizes.ways)
    return {"count": sizes.ways, "parallel": rivals.PARALLEL, "ways": timed}


def curve(subject: Subject, sizes: Sizes) -> Figures:
    """Unchanged keys by their number, and the seconds of each page by its number."""
    subject.no_keys()
    subject.values.clear()
    subject.new_values(max(sizes.curve))
    _expect(run(subject.options(subject.keys(1))), created=1)
    points = []
    pages: dict[str, list[list[float]]] = {}
    for count in sizes.curve:
        subject.copies(count)
        points.append(_side_by_side(subject, count, sizes.slow))
        with subject.client() as http:
            pages[str(count)] = [bare.page_seconds(http) for _round in range(sizes.slow)]
    return {"points": points, "pages": pages}


def _side_by_side(subject: Subject, count: int, rounds: int) -> Figures:
    figures: Figures = {"count": count, "module": [], "process": [], "memory": [], "bare": []}
    options = subject.options(subject.keys(count))
    with subject.client() as http:
        for _round in range(rounds):
            done = run(options)
            _expect(done, unchanged=count)
            figures["module"].append(done.requesting)
            figures["process"].append(done.seconds)
            figures["memory"].append(done.memory)
            figures["requests"] = _counted(done)
            figures["bare"].append(bare.timed(_same_reads, http, done))
    return figures


def _same_reads(http: Any, done: Run) -> None:
    sent = bare.read_everything(http, BUDGETS)
    if sent != done.result["requests"]["read"]:
        raise RuntimeError(f"the bare client sent {sent} reads, the module {done.result['requests']['read']}")


def _counted(done: Run) -> Figures:
    return {name: done.result["requests"][name] for name in ("read", "write")}


def _expect(done: Run, **keys: int) -> None:
    """What the module did to keys. A bench of something else would say nothing."""
    found = Counter(each["action"] for each in done.result["objects"] if each["kind"] == "key")
    written, wanted = ({what: n for what, n in part.items() if what != "unchanged"} for part in (found, keys))
    if written != wanted or any(found[what] != number for what, number in keys.items()):
        raise RuntimeError(f"{keys} keys were expected, and these were {dict(found)}")
