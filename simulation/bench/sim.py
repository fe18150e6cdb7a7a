"""`hive bench sim`: F10, how many events a second the simulator runs on one core, with every invariant checked.

An event is one call into a production core. Scenarios take turns, each with a few seeds of its own, so that a drift of
the machine falls on all of them. The time is that of this process on a CPU, without what else the machine does.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Final

from simulation.bench.pairs import Goal, Result, Sample, compare
from simulation.sim.run import run
from simulation.sim.scenario import Scenario, load

GATE: Final = 30_000
EDGE: Final = 100_000
_FIRST_SEED: Final = 1_000


def measure(names: Sequence[str], rounds: int, progress: Callable[[], None]) -> list[Result]:
    """Return for each scenario the events a second over the gate's 30,000: the median of `rounds` seeds."""
    scenarios = [load(name) for name in names]
    for scenario in scenarios:
        _speed(scenario, _FIRST_SEED - 1)  # what is imported and cached by the first run counts for none
    speeds: dict[str, list[tuple[Sample, Sample]]] = {scenario.name: [] for scenario in scenarios}
    for number in range(rounds):
        for scenario in scenarios:
            speeds[scenario.name].append((_speed(scenario, _FIRST_SEED + number), Sample(GATE)))
            progress()
    return [compare(_goal(name), samples) for name, samples in speeds.items()]


def _goal(name: str) -> Goal:
    return Goal(
        f"F10 {name}", f"events a second of `{name}`", "/s", 1.0, round(EDGE / GATE, 2), more_is_better=True
    )


def _speed(scenario: Scenario, seed: int) -> Sample:
    """Run a seed as a sweep does, the collector out of its way, and return its events for each CPU second."""
    gc.collect()
    gc.disable()
    try:
        result = run(scenario, seed)
    finally:
        gc.enable()
    return Sample(result.events_per_s, result.cpu_s / result.events)
