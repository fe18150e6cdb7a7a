"""A failing plan made small: as few faults and submissions as still break the same invariant."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simulation.sim import plan_file
from simulation.sim.ddmin import ddmin
from simulation.sim.plan import Fault, Plan, Submission
from simulation.sim.run import Result, run
from simulation.sim.scenario import Scenario
from simulation.sim.workload import plan_of


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest plan that was found, the plan that it comes from, and its run.

    `tries` runs were made; `minimal` says that no single fault or submission of it can go.
    """

    scenario: str
    whole: Plan
    plan: Plan
    result: Result
    invariant: str
    tries: int
    minimal: bool

    def save(self, path: Path) -> None:
        """Write the plan to a file that can be run again."""
        file = plan_file.PlanFile(self.scenario, self.result.seed, self.invariant, self.plan)
        plan_file.save(path, file)

    def as_json(self, path: Path) -> dict[str, object]:
        """Return the document that scripts read; `path` is where the plan was written."""
        return {
            "seed": self.result.seed,
            "invariant": self.invariant,
            "faults": len(self.plan.faults),
            "submissions": len(self.plan.submissions),
            "runs": self.tries,
            "minimal": self.minimal,
            "plan": str(path),
            "story": "\n".join(self.result.story),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: runs made, and what is left."""

    tries: int
    faults: int
    submissions: int


def shrink(
    scenario: Scenario,
    seed: int,
    until_s: float,
    told: Callable[[Progress], None] = lambda _: None,
) -> Shrunk | None:
    """Return the smallest plan of a seed that still breaks the first invariant that it breaks; None if it breaks none.

    At `until_s` of the monotonic clock the smallest so far counts.
    """
    whole = plan_of(scenario, seed)
    first = run(scenario, seed, whole)
    if not first.violations:
        return None
    smaller = _Smaller(scenario, whole, first, until_s, told)
    smaller.cut_what_came_after()
    size = -1
    while size != (size := len(smaller.plan.faults) + len(smaller.plan.submissions)):
        ddmin(smaller.plan.faults, smaller.fails_with_faults)
        ddmin(smaller.plan.submissions, smaller.fails_with_submissions)
    shown = run(scenario, seed, smaller.plan, trace=True)
    return Shrunk(
        scenario.name, whole, smaller.plan, shown, smaller.invariant, smaller.tries, not smaller.late
    )


class _Smaller:
    """The smallest plan so far, and the question whether one that is smaller still fails."""

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        first: Result,
        until_s: float,
        told: Callable[[Progress], None],
    ) -> None:
        self.plan = plan
        self.invariant = first.violations[0].invariant
        self.tries = 1
        self.late = False
        self._broken_us = first.violations[0].at_us
        self._scenario, self._seed, self._until_s, self._told = scenario, first.seed, until_s, told

    def cut_what_came_after(self) -> None:
        """Leave out what comes after the violation: it can have no part in it."""
        faults = tuple(f for f in self.plan.faults if f.at_us <= self._broken_us)
        asked = tuple(a for a in self.plan.submissions if a.at_us <= self._broken_us)
        self._fails(Plan(faults, asked))

    def fails_with_faults(self, faults: Sequence[Fault]) -> bool:
        """Say whether these faults are enough."""
        return self._fails(replace(self.plan, faults=tuple(faults)))

    def fails_with_submissions(self, asked: Sequence[Submission]) -> bool:
        """Say whether these submissions are enough."""
        return self._fails(replace(self.plan, submissions=tuple(asked)))

    def _fails(self, plan: Plan) -> bool:
        if plan == self.plan:
            return True
        if time.monotonic() >= self._until_s:
            self.late = True
            return False
        self.tries += 1
        result = run(self._scenario, self._seed, plan)
        same = any(violation.invariant == self.invariant for violation in result.violations)
        if same:
            self.plan = plan
        self._told(Progress(self.tries, len(self.plan.faults), len(self.plan.submissions)))
        return same
