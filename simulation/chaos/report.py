"""The report of an experiment for people: what was done, what came of it, and the timeline as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hive.errors import HiveError
from simulation.chaos import folder as files
from simulation.chaos.plot import draw
from simulation.chaos.timeline import rows, timeline

_BAD: Final = {
    "lost": "acknowledged, and without an outcome",
    "duplicates": "with two outcomes, or one key as two tasks",
    "phantom": "done, and nobody had asked",
    "stale": "a wrong answer, or a task that went back in time",
    "misplaced": "at a site where its label may not be",
}
_BINS: Final = 120
PLOT: Final = "timeline.svg"


def write_report(target: Path, result: Mapping[str, Any]) -> Path:
    """Write report.md, and timeline.svg where matplotlib is installed, into a run's folder; return the report's path.

    Raises HiveError(bad_request) for another folder.
    """
    evidence = files.load(target)
    began_us, ended_us = int(result["began_us"]), int(result["settled_us"])
    last_us = max(
        (call.at_us for call in evidence.calls if call.caller.partition("/")[2] != "reader"), default=began_us
    )
    bin_s = max(0.5, round((min(last_us, ended_us) - began_us) / 1e6 / _BINS, 1))
    picture = f"![Throughput and faults over time]({PLOT})"
    try:
        draw(
            timeline(evidence.calls, began_us, min(last_us, ended_us), bin_s),
            rows(evidence.marks, began_us),
            (int(result["healed_us"]) - began_us) / 1e6,
            _headline(result),
            target / PLOT,
        )
    except HiveError as error:  # what a run came to is worth more than its picture
        picture = error.detail
    report = target / "report.md"
    report.write_text(_text(result, picture), encoding="utf-8")
    return report


def _headline(result: Mapping[str, Any]) -> str:
    broken = sum(result[name] for name in _BAD)
    end = f"{broken:,} promises broken" if broken else "every promise kept"
    faults = sum(result["faults"].values())
    return f"{result['config']}: {result['acknowledged']:,} tasks acknowledged, {faults:,} faults, {end}"


def _text(result: Mapping[str, Any], picture: str) -> str:
    move = result["move_ms"]
    where = "each site in a network namespace" if result["netns"] else "all on the loopback interface"
    lines = [
        f"# {_headline(result)}",
        "",
        f"Seed {result['seed']}, {result['duration_s']:g} s, store `{result['store']}`, {where}.",
        "",
        picture,
        "",
        "| | tasks | |",
        "|---|---|---|",
        f"| acknowledged | {result['acknowledged']:,} | durable, with a receipt |",
        f"| finished | {result['finished']:,} | of these, with an outcome |",
        *(f"| {name} | {result[name]:,} | {what} |" for name, what in _BAD.items()),
        f"| run more than once | {result['repeated']:,} | no fault: execution is at least once |",
        "",
        "How long until work that a fault had hit began again elsewhere, in milliseconds:",
        "",
        "| fault | moves | p50 | p99 | max |",
        "|---|---|---|---|---|",
        *(_moved(kind, row) for kind, row in result["moves"].items()),
        _moved("all", {"count": sum(row["count"] for row in result["moves"].values()), **move}),
        f"| none that is known | {result['moves_without_fault']:,} | | | |",
        "",
        _counted("fault", result["faults"]),
        _counted("outcome", result["outcomes"]),
        _counted("refused with", result["refusals"]),
    ]
    if result["problems"]:
        lines += ["## What was broken", ""]
        lines += [f"- **{p['kind']}** `{p['payload']}`: {p['sentence']}" for p in result["problems"]]
    return "\n".join(lines) + "\n"


def _counted(name: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    return "\n".join(
        [f"| {name} | times |", "|---|---|", *(f"| {k} | {v:,} |" for k, v in counts.items()), ""]
    )


def _moved(kind: str, row: Mapping[str, Any]) -> str:
    return f"| {kind} | {row['count']:,} | {row['p50']} | {row['p99']} | {row['max']} |"
