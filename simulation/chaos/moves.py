"""How long it took until work that a fault had hit began again elsewhere. Pure.

A move is a pair of successive attempts of a task, as its provenance lists them: the first was taken from its node,
and the second was received by the node that got it, as that node's sink says. Its time is from the fault that hit the
first node (or from the task's submission, if that was later) to that instant. The fault is the last one before it on
the first node, on its device or on the link to its site; a poisoned payload is a fault on each node that receives it. A
fault that had ended more than ten seconds earlier is not blamed: the move counts as one without a fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from simulation.chaos.payloads import poison_of
from simulation.chaos.strikes import Mark
from simulation.demo.story import moves_of, percentile
from simulation.history.events import Call, Effect

_BLAMED_US: Final = 10_000_000
_NODE_FAULTS: Final = frozenset({"kill", "stop", "slow", "partition", "agent-kill", "link-cut"})
Attempts = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Moves:
    """The times of all moves that a fault explains, in milliseconds, by its kind; and how many others there were."""

    times_ms: Mapping[str, Sequence[float]]
    unexplained: int

    def as_json(self) -> dict[str, object]:
        """Return what scripts read."""
        return {
            "move_ms": _figures([ms for times in self.times_ms.values() for ms in times]),
            "moves": {kind: {"count": len(t), **_figures(t)} for kind, t in sorted(self.times_ms.items())},
            "moves_without_fault": self.unexplained,
        }


def moves(
    provenances: Mapping[str, Attempts],
    calls: Iterable[Call],
    effects: Iterable[Effect],
    marks: Iterable[Mark],
) -> Moves:
    """Return the moves of tasks; `provenances` are the attempts by task."""
    received = [effect for effect in effects if effect.what == "received"]
    begun = {(e.task, e.node, e.attempt.rpartition(".")[2]): e.at_us for e in received}
    asked = _asked(calls)
    struck = [mark for mark in marks if mark.kind in _NODE_FAULTS]
    struck += [Mark("poison", e.node, e.site, e.at_us, e.at_us) for e in received if poison_of(e.payload)]
    struck.sort(key=lambda mark: mark.at_us)
    times: dict[str, list[float]] = defaultdict(list)
    unexplained = 0
    for task, attempts in provenances.items():
        for first, second in pairwise(attempts):
            again_us = begun.get((task, str(second["node"]), str(second["attempt"])))
            if again_us is None or not moves_of([dict(first)]):
                continue
            fault = _fault(struck, str(first["node"]), str(first["site"]), again_us)
            if fault is None:
                unexplained += 1
            else:
                times[fault.kind].append((again_us - max(fault.at_us, asked.get(task, 0))) / 1000)
    return Moves(times, unexplained)


def _figures(times: Sequence[float]) -> dict[str, float | None]:
    return {
        name: percentile(list(times), percent) for name, percent in (("p50", 50), ("p99", 99), ("max", 100))
    }


def _asked(calls: Iterable[Call]) -> dict[str, int]:
    """Return when each task was first submitted, of those that were acknowledged."""
    submits = [call for call in calls if call.op == "submit"]
    begun = {(call.caller, call.call): call.at_us for call in submits if call.kind == "invoke"}
    asked: dict[str, int] = {}
    for call in submits:
        if call.kind == "ok":
            at_us = begun.get((call.caller, call.call), call.at_us)
            asked[call.task] = min(at_us, asked.get(call.task, at_us))
    return asked


def _fault(struck: Sequence[Mark], node: str, site: str, before_us: int) -> Mark | None:
    """Return the last fault that may have moved work from a node before an instant."""
    device = node.partition("/")[0]
    hits = [
        mark
        for mark in struck
        if mark.at_us <= before_us <= mark.end_us + _BLAMED_US
        and (mark.target in (node, device) or site in mark.target.split(" - "))
    ]
    return hits[-1] if hits else None
