# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as a page and a plot: pure, but for write(). What the page says of speed comes from the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from chart import Line, Panel, svg

PAGE, PLOT, FIGURES = "benchmarks.md", "benchmarks.svg", "benchmarks.json"
TEMPLATE = Path(__file__).with_name("benchmarks.md.in")
MIB = 2**20
UNCHANGED_GOAL, CREATION_GOAL, MEMORY_GOAL = 1.5, 1.3, 64  # times, times, MiB
PAGE_OF_KEYS = 100
OTHER_KINDS = 6
ENGINES = {"wasm": "WebAssembly"}
BUSY = (
    " **Others were at work on the machine: compare what stands side by side, not seconds with those of another run.**"
)
BENT = 1.25  # a page that takes so many times as long as another was not slower by chance

Figures = Mapping[str, Any]


def write(figures: Figures, directory: Path) -> None:
    """Three files."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (directory / PLOT).write_text(plot(figures), encoding="utf-8")
    (directory / PAGE).write_text(text(figures), encoding="utf-8")


def text(figures: Figures) -> str:
    """The page."""
    machine, gateway, unchanged = figures["machine"], figures["gateway"], figures["unchanged"]
    before, after = figures["load"]
    words = {
        "date": figures["date"],
        "minutes": figures["minutes"],
        **{name: machine[name] for name in ("processor", "cores", "memory_gib", "python", "httpx")},
        "ansible": machine["ansible-core"],
        "turns": figures["times"][0],
        "rounds": figures["times"][1],
        "litellm": gateway["versions"]["litellm"],
        "postgresql": figures["postgresql"],
        "engine": ENGINES.get(gateway["versions"]["prisma_engine"], gateway["versions"]["prisma_engine"]),
        "load_before": f"{before:.1f}",
        "load_after": f"{after:.1f}",
        "loaded": BUSY if before > machine["cores"] / 2 else "",
        "goals": _goals(figures),
        "reads": unchanged["requests"]["read"],
        "pages": _pages(unchanged["count"]),
        "others": OTHER_KINDS,
        "reads_of_role": unchanged["as_the_role"]["read"],
        "reads_of_creation": figures["creation"]["requests"]["read"],
        "ansible_adds": _ansible(figures),
        "gateway_memory": f"{gateway['memory_mib']:.0f}",
        "ways_count": figures["ways"]["count"],
        "start": _seconds(figures["whole_run"]["start"]),
        "ways": _ways(figures),
        "lacks": "\n".join(f"- {way['name']}: {way['lacks']}" for way in figures["ways"]["ways"] if way["lacks"]),
        "curve": _curve(figures),
        "bend": _bend(figures),
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(words)


def plot(figures: Figures) -> str:
    """The curve, and the seconds of each page."""
    points = figures["curve"]["points"]
    times = [
        Line(name, [(point["count"], median(point[side])) for point in points])
        for side, name in (("module", "litellm_tenants"), ("bare", "bare httpx"))
    ]
    memory = Line("litellm_tenants", [(point["count"], median(point["memory"]) / MIB) for point in points])
    most = str(points[-1]["count"])
    pages = [(number, 1000 * each) for number, each in enumerate(_page_times(figures, most), 1)]
    return svg(
        (
            Panel("Seconds from first to last request", "unchanged keys", times),
            Panel("Peak memory in MiB", "unchanged keys", [memory]),
            Panel(f"Milliseconds a page, {int(most):,} keys", "number of the page", [Line("bare httpx", pages)]),
        )
    )


def _goals(figures: Figures) -> str:
    unchanged, creation, change = figures["unchanged"], figures["creation"], figures["change"]
    allowed = _pages(unchanged["count"]) + OTHER_KINDS + 2
    more = (max(unchanged["memory"]) - min(unchanged["memory_of_few"])) / MIB
    rows = [
        (
            f"{unchanged['count']:,} keys, nothing to change: requests",
            f"{unchanged['requests']['read']} reads, {unchanged['requests']['write']} writes",
            f"{allowed} at most, no write",
            unchanged["requests"]["read"] <= allowed and not unchanged["requests"]["write"],
        ),
        (
            "the same: time",
            _against(unchanged),
            f"{UNCHANGED_GOAL} times at most",
            _ratio(unchanged) <= UNCHANGED_GOAL,
        ),
        (
            f"the same: peak memory beside that for {unchanged['few']} keys",
            f"{more:.1f} MiB more ({median(unchanged['memory']) / MIB:.0f} MiB)",
            f"less than {MEMORY_GOAL} MiB more",
            more < MEMORY_GOAL,
        ),
        (
            f"{creation['count']:,} keys created, 8 at a time",
            _against(creation),
            f"{CREATION_GOAL} times at most",
            _ratio(creation) <= CREATION_GOAL,
        ),
        (
            f"{change['count']} of {change['of']:,} keys changed",
            f"{change['requests']['read']} reads, {change['requests']['write']} writes, {_seconds(change['module'])}",
            f"reads and {change['count']} writes",
            change["requests"]["write"] == change["count"] and change["requests"]["read"] <= allowed,
        ),
    ]
    return _table(("what", "measured", "goal", ""), [(*row[:3], "met" if row[3] else "**missed**") for row in rows])


def _ansible(figures: Figures) -> str:
    whole, unchanged, gateway = figures["whole_run"], figures["unchanged"], figures["gateway"]
    start = median(whole["start"])

    def apart(seconds: Sequence[float]) -> str:
        return f"{median(seconds) - start:.1f} s"

    rows = [
        ("Ansible's start: a playbook whose tasks are all left out", _seconds(whole["start"])),
        (f"`file_secret`: {whole['count']:,} new values made and stored, beside the start", apart(whole["store"])),
        ("`file_secret`: the same values again, beside the start", apart(whole["stored"])),
        (
            f"`litellm_tenants`: {whole['count']:,} unchanged keys, the whole task beside the start",
            apart(whole["declare"]),
        ),
        ("of that, from the first to the last request", _seconds(unchanged["module"])),
        ("the module in a process of its own, with Python's start", _seconds(unchanged["process"])),
        ("`make up` again: all waves, nothing changed", _seconds(gateway["unchanged"])),
    ]
    return _table(("what", "time"), rows)


def _ways(figures: Figures) -> str:
    found, start = figures["ways"], median(figures["whole_run"]["start"])
    count = found["count"]
    rows = []
    for way in found["ways"]:
        apart = start if way["by_ansible"] else 0
        each = [_each(median(way[part]) - apart, count) for part in ("make", "again")]
        rows.append((way["name"], _seconds(way["make"]), each[0], _seconds(way["again"]), each[1]))
    head = (f"way, {count} keys", "create", "per key", "again, unchanged", "per key")
    return _table(head, rows)


def _curve(figures: Figures) -> str:
    points = figures["curve"]["points"]
    rows = [
        (
            f"{point['count']:,}",
            str(point["requests"]["read"]),
            _seconds(point["module"]),
            _seconds(point["bare"]),
            f"{_ratio(point):.2f}",
            _seconds(point["process"]),
            f"{median(point['memory']) / MIB:.0f} MiB",
        )
        for point in points
    ]
    head = ("unchanged keys", "reads", "module", "bare httpx", "ratio", "whole process", "peak memory")
    return _table(head, rows)


def _bend(figures: Figures) -> str:
    most = figures["curve"]["points"][-1]["count"]
    seconds = _page_times(figures, str(most))
    tenth = max(len(seconds) // 10, 1)
    first, last = 1000 * median(seconds[:tenth]), 1000 * median(seconds[-tenth:])
    fewest = figures["curve"]["points"][0]
    alone = 1000 * median(_page_times(figures, str(fewest["count"])))
    said = (
        f"Of {most:,} keys, one of the first {tenth} pages took a bare client {first:.0f} ms and one of the last "
        f"{tenth} {last:.0f} ms; of {fewest['count']:,} keys a page took {alone:.0f} ms."
    )
    if last > BENT * first:
        return (
            f"{said} There LiteLLM's own paging bends the curve upwards: for each page it counts all keys and skips "
            "those of the pages before."
        )
    if first > BENT * alone:
        return f"{said} So each page costs more when there are more keys: LiteLLM counts them all for each page."
    return f"{said} So LiteLLM's paging does not bend the curve at this size: time grows with the number of pages."


def _page_times(figures: Figures, count: str) -> list[float]:
    return [median(times) for times in zip(*figures["curve"]["pages"][count], strict=True)]


def _pages(count: int) -> int:
    return -(-count // PAGE_OF_KEYS)


def _ratio(sides: Figures) -> float:
    return float(median(sides["module"]) / median(sides["bare"]))


def _each(seconds: float, count: int) -> str:
    """The share of one of many, if it is more than nothing: the start that was left out varies too."""
    return f"{1000 * seconds / count:.1f} ms" if seconds > 0 else "too little to tell"


def _against(sides: Figures) -> str:
    return f"{_ratio(sides):.2f} times a bare client ({_seconds(sides['module'])}, {_seconds(sides['bare'])})"


def _seconds(each: Sequence[float]) -> str:
    found = median(each)
    return f"{found:.2f} s" if found < 10 else f"{found:.1f} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
