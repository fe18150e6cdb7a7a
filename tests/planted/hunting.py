"""Looking for a planted bug: seed after seed until an invariant breaks that speaks of it."""

from __future__ import annotations

import gc
from dataclasses import dataclass

from simulation.sim.run import run
from simulation.sim.scenario import load
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
