"""Where a sweep has been: faults, outcomes, errors and state changes, and what of each never occurred."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

from hive.errors import CATALOGUE
from simulation.sim.scenario_models import Kind
from simulation.sim.sweep import Sweep

GROUPS: Final = {
    "faults": "fault ",
    "submissions": "submit ",
    "reads": "read ",
    "tasks": "task ",
    "nodes": "node ",
    "conductors": "core ",
}
"""What a report tells apart, by how its counters begin."""
_TITLES: Final = {
    "faults": "Faults",
    "submissions": "What submissions came to",
    "reads": "What reads came to",
    "tasks": "State changes of tasks",
    "nodes": "State changes of nodes",
    "conductors": "What conductors counted",
}


def grouped(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return the counters of each group, the largest first."""
    found = {}
    for group, start in GROUPS.items():
        mine = {name[len(start) :]: number for name, number in counts.items() if name.startswith(start)}
        found[group] = dict(sorted(mine.items(), key=lambda item: (-item[1], item[0])))
    return found


def missing(counts: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the kinds of faults and the codes of errors that never occurred."""
    words = {name.partition(" ")[2] for name in counts if not name.startswith("core ")}
    return {
        "faults": [kind for kind in get_args(Kind) if kind not in words and kind not in ("flood", "poison")],
        "errors": sorted(code for code in CATALOGUE if code not in words),
    }


def document(done: Sweep) -> dict[str, object]:
    """Return the JSON document of a report."""
    return {
        "scenario": done.scenario,
        **done.as_json(),
        "virtual_s": done.virtual_us / 1e6,
        **grouped(done.counts),
        "missing": missing(done.counts),
    }


def save(folder: Path, done: Sweep) -> Path:
    """Write FOLDER/SCENARIO.json and FOLDER/SCENARIO.md; return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(done), indent=2) + "\n"
    (folder / f"{done.scenario}.json").write_text(text, encoding="utf-8")
    page = folder / f"{done.scenario}.md"
    page.write_text("\n".join(_page(done)) + "\n", encoding="utf-8")
    return page


def _page(done: Sweep) -> Iterator[str]:
    broken = sorted({found.seed for found in done.violations})
    yield f"# {done.scenario}: {done.seeds:,} seeds\n"
    speed = f"{done.events_per_s:,.0f} a second of one core"
    yield f"{done.events:,} events in {done.virtual_us / 3.6e9:,.1f} virtual hours, {speed}."
    yield f"Seeds that broke an invariant: {', '.join(map(str, broken)) or 'none'}.\n"
    yield f"![What happened]({done.scenario}.svg)"
    for group, numbers in grouped(done.counts).items():
        yield f"\n## {_TITLES[group]}\n\n| what | times |\n|---|---:|"
        yield from (f"| {name} | {number:,} |" for name, number in numbers.items())
    never = missing(done.counts)
    yield "\n## What never occurred\n"
    yield f"Faults: {', '.join(never['faults']) or 'none'}.\n"
    yield f"Errors that no request was refused with: {', '.join(never['errors']) or 'none'}."
