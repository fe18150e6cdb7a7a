"""Looking for a planted bug: seed after seed until an invariant breaks that speaks of it."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from pathlib import Path

from simulation.sim import plan_file
from simulation.sim.run import run
from simulation.sim.scenario import load
from simulation.sim.shrink import shrink
from tests.planted.mutants import MUTANTS

FIRST = 100


@dataclass(frozen=True)
class Catch:
    """The seed that showed a bug and the invariants that it broke, or every invariant that broke and none of those."""

    mutant: str
    seed: int | None
    broken: tuple[str, ...]


def hunt(name: str, most: int) -> Catch:
    """Sweep up to `most` seeds of a bug's scenario with it planted, in a process of its own."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    scenario = load(mutant.scenario)
    others: list[str] = []
    with mutant.planted():
        for seed in range(FIRST, FIRST + most):
            broken = {violation.invariant for violation in run(scenario, seed).violations}
            gc.collect()
            if broken & mutant.expects:
                return Catch(name, seed, tuple(sorted(broken)))
            others += broken
    return Catch(name, None, tuple(sorted(set(others))))


def clean(scenario: str, most: int) -> tuple[str, ...]:
    """Return every violation of the same seeds without a bug."""
    chosen = load(scenario)
    found = []
    for seed in range(FIRST, FIRST + most):
        found += [f"{seed}: {v.invariant}: {v.sentence}" for v in run(chosen, seed).violations]
        gc.collect()
    return tuple(found)


@dataclass(frozen=True)
class Small:
    """What is left of a bug's plan, and the invariants that it breaks when it is read from its file and run again."""

    invariant: str
    faults: int
    submissions: int
    minimal: bool
    again: frozenset[str]


def shrunk(name: str, path: Path) -> Small:
    """Find a seed that shows a bug, and make its plan small."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    scenario = load(mutant.scenario)
    with mutant.planted():
        seed = next(seed for seed in range(FIRST, FIRST + 50) if run(scenario, seed).violations)
        small = shrink(scenario, seed, time.monotonic() + 250)
        assert small is not None
        small.save(path)
        file = plan_file.read(path)
        again = frozenset(v.invariant for v in run(scenario, file.seed, file.plan).violations)
    return Small(small.invariant, len(small.plan.faults), len(small.plan.submissions), small.minimal, again)
