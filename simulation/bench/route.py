"""`hive bench route`: P7, what decisions, joins, leaves and beats cost with 10 to 10,000 nodes, and what nodes weigh.

The core is measured in this process, without sockets. Sizes take turns in short runs, so that a drift of the machine
falls on all of them; P7 itself compares the largest with the smallest in ABBA pairs.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import psutil

from conductor.core.actions import Received, Tick
from hive.wire.messages import EMPTY, Ack
from simulation.bench.pairs import Goal, Result, Sample, compare, interleave
from simulation.bench.town import CREDIT, Town

DECISION: Final = Goal("P7", "decision with {most:,} nodes / with {fewest:,}", "us", 2.0, 1.3)
JOIN: Final = Goal("P7 join", "a node joins, with {most:,} nodes / with {fewest:,}", "us", 3.0, 1.5)
LEAVE: Final = Goal("P7 leave", "a node leaves, with {most:,} nodes / with {fewest:,}", "us", 3.0, 1.5)
LARGE: Final = (10, 100, 1_000, 10_000)
SMALL: Final = (10, 1_000)
RUNS: Final = 15
_TRIPS: Final = 200
_JOINS: Final = 50


@dataclass(frozen=True, slots=True)
class Size:
    """What a conductor with so many nodes was measured to cost, in medians; `sites` 0 means that all are its own.

    What is not there to be measured (joins behind links, links without sites) is 0.
    """

    nodes: int
    sites: int
    decision_us: float
    busy_us: float
    answer_us: float
    join_us: float
    leave_us: float
    beat_us: float
    link_us: float
    bytes_per_node: float

    def as_json(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return asdict(self)


def shapes(nodes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the (nodes, linked sites) to measure: all at home, and spread over up to 200 sites."""
    spread = [(n, sites) for n in nodes for sites in (1, 10, 50, 200) if n // sites >= CREDIT + 2]
    return [(n, 0) for n in nodes] + spread


def measure(
    nodes: Sequence[int], pairs: int, progress: Callable[[], None] = lambda: None
) -> tuple[list[Result], list[Size]]:
    """Measure P7 between the smallest and the largest number of nodes, and every shape."""
    few, many = Town(min(nodes)), Town(max(nodes))
    results = []
    for goal, run in ((DECISION, decisions), (JOIN, joins), (LEAVE, leaves)):
        samples = interleave(_sampled(run, many), _sampled(run, few), pairs, progress)
        title = goal.title.format(most=max(nodes), fewest=min(nodes))
        results.append(compare(replace(goal, title=title), samples))
    return results, _sizes(shapes(nodes), progress)


def _sampled(run: Callable[[Town], float], town: Town) -> Callable[[], Sample]:
    return lambda: Sample(run(town))


def _sizes(wanted: Sequence[tuple[int, int]], progress: Callable[[], None]) -> list[Size]:
    towns = [(nodes, sites, Town(nodes, sites)) for nodes, sites in wanted]
    found: dict[tuple[int, int], dict[str, list[float]]] = {shape: {} for shape in wanted}
    gc.collect()
    gc.freeze()
    for _ in range(RUNS):
        for nodes, sites, town in towns:
            runs = {"decision_us": decisions, "answer_us": answers, "beat_us": beats, "busy_us": busy}
            runs |= {"link_us": link_beats} if sites else {"join_us": joins, "leave_us": leaves}
            for name, run in runs.items():
                found[nodes, sites].setdefault(name, []).append(run(town))
        progress()
    sizes = []
    for nodes, sites, _ in towns:
        medians = {name: round(statistics.median(values), 2) for name, values in found[nodes, sites].items()}
        medians = {"join_us": 0.0, "leave_us": 0.0, "link_us": 0.0, **medians}
        sizes.append(Size(nodes, sites, bytes_per_node=weigh(nodes, sites), **medians))
    return sizes


def decisions(town: Town) -> float:
    """Return the median microseconds from a SUBMIT to its WORK, nodes idle; each is answered before the next."""
    return _timed(town, _TRIPS)[0]


def answers(town: Town) -> float:
    """Return the median microseconds from an ANSWER to its OUTCOME."""
    return _timed(town, _TRIPS)[1]


def busy(town: Town) -> float:
    """Return the median microseconds of a decision while half of all nodes have something in hand."""
    half = range(max(1, len(town.sessions) // 2))
    held = [town.work_of(town.handle(town.submission())) for _ in half]
    took = _timed(town, _TRIPS)[0]
    for session, work in held:
        town.handle(town.answer(session, work))
    return took


def joins(town: Town) -> float:
    """Return the median microseconds from a HELLO, with the verdict of the control process, to a ready node."""
    return _came_and_went(town)[0]


def leaves(town: Town) -> float:
    """Return the median microseconds that the loss of a node takes."""
    return _came_and_went(town)[1]


def beats(town: Town) -> float:
    """Return the median microseconds of one BEAT."""
    events = [town.beat(session) for session in list(town.sessions)[:_TRIPS]]
    took = []
    for event in events:
        began = time.perf_counter_ns()
        town.core.handle(event, town.now_us)
        took.append(time.perf_counter_ns() - began)
    return statistics.median(took) / 1000


def link_beats(town: Town) -> float:
    """Return the microseconds per linked site that its beats take here: ours to it, with a look at what is offered."""
    town.now_us += 250_000
    began = time.perf_counter_ns()
    town.core.handle(Tick(0), town.now_us)
    took = time.perf_counter_ns() - began
    for session in town.sessions:
        town.core.handle(Received(session, Ack(EMPTY)), town.now_us)
    return took / 1000 / len(town.sessions)


def weigh(nodes: int, sites: int) -> float:
    """Return how many bytes of resident memory a conductor's core takes per node, in a process of its own."""
    command = [sys.executable, "-m", "simulation.bench.route", str(nodes), str(sites)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _timed(town: Town, trips: int) -> tuple[float, float]:
    decided, answered = [], []
    for _ in range(trips):
        town.now_us += 100
        event = town.submission()
        began = time.perf_counter_ns()
        actions = town.handle(event)
        decided.append(time.perf_counter_ns() - began)
        session, work = town.work_of(actions)
        back = town.answer(session, work)
        began = time.perf_counter_ns()
        town.handle(back)
        answered.append(time.perf_counter_ns() - began)
    return statistics.median(decided) / 1000, statistics.median(answered) / 1000


def _came_and_went(town: Town) -> tuple[float, float]:
    came, went = [], []
    first = 1 << 20
    for number in range(first, first + _JOINS):
        began = time.perf_counter_ns()
        town.join(number)
        came.append(time.perf_counter_ns() - began)
        began = time.perf_counter_ns()
        town.leave(number)
        went.append(time.perf_counter_ns() - began)
    return statistics.median(came) / 1000, statistics.median(went) / 1000


def _weight(nodes: int, sites: int) -> float:
    Town(10)  # what the first of anything costs is not the nodes'
    gc.collect()
    before = psutil.Process().memory_info().rss
    town = Town(nodes, sites)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    assert town.sessions, "the town is alive until here"
    return grown / nodes


if __name__ == "__main__":
    sys.stdout.write(str(round(_weight(int(sys.argv[1]), int(sys.argv[2])))))
