"""The series behind the plot of an experiment: what callers saw in each second, and the faults in rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from simulation.chaos.strikes import Mark
from simulation.history.events import FINAL, Call


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds since the begin, and per second: tasks acknowledged, finished, and submissions refused or in doubt."""

    seconds: Sequence[float]
    acknowledged: Sequence[float]
    finished: Sequence[float]
    refused: Sequence[float]
    doubtful: Sequence[float]


@dataclass(frozen=True, slots=True)
class Row:
    """One target and the faults that hit it: (kind, begin, end) in seconds since the begin."""

    target: str
    faults: Sequence[tuple[str, float, float]]


def timeline(calls: Sequence[Call], began_us: int, ended_us: int, bin_s: float) -> Timeline:
    """Return the rates per second in bins of so many seconds."""
    count = max(1, int((ended_us - began_us) / 1e6 / bin_s) + 1)
    series = {name: [0.0] * count for name in ("acknowledged", "finished", "refused", "doubtful")}

    def add(name: str, at_us: int) -> None:
        number = int((at_us - began_us) / 1e6 / bin_s)
        if 0 <= number < count:
            series[name][number] += 1 / bin_s

    durable = {(c.caller, c.call) for c in calls if c.kind == "invoke" and c.durable and c.op == "submit"}
    acknowledged: set[str] = set()
    finished: set[str] = set()
    for call in sorted(calls, key=lambda call: call.at_us):
        if call.kind == "ok" and call.state in FINAL and call.task not in finished:
            finished.add(call.task)
            add("finished", call.at_us)
        if call.op != "submit":
            continue
        if call.kind == "ok" and (call.caller, call.call) in durable and call.task not in acknowledged:
            acknowledged.add(call.task)
            add("acknowledged", call.at_us)
        elif call.kind in ("fail", "unknown"):
            add("refused" if call.kind == "fail" else "doubtful", call.at_us)
    return Timeline([number * bin_s for number in range(count)], **series)


def rows(marks: Sequence[Mark], began_us: int) -> list[Row]:
    """Return the faults by target, conductors first, then the targets of each site."""
    by_target: dict[tuple[int, str, str], list[tuple[str, float, float]]] = defaultdict(list)
    for mark in marks:
        name = {"conductor": "dispatcher", "control": "control", "gateway": "control"}.get(
            mark.kind.partition("-")[0]
        )
        target = f"{name} of {mark.site}" if name else mark.target
        order = 0 if name else 1 if mark.site else 2
        begin, end = ((us - began_us) / 1e6 for us in (mark.at_us, mark.end_us))
        by_target[order, mark.site, target].append((mark.kind, begin, end))
    return [Row(target, faults) for (_, _, target), faults in sorted(by_target.items())]
