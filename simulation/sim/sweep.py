"""Many seeds of one scenario: how many, how fast, and which of them broke an invariant."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulation.sim.seeds import Ran


@dataclass(frozen=True, slots=True)
class Found:
    """A violation: the seed that shows it, the invariant, and the story of what happened."""

    seed: int
    invariant: str
    story: str

    def as_json(self) -> dict[str, object]:
        """Return it as scripts read it."""
        return {"seed": self.seed, "invariant": self.invariant, "story": self.story}


@dataclass(slots=True)
class Sweep:
    """What a sweep has come to so far. `cpu_s` is the time of all runs on a CPU, added up over the processes."""

    scenario: str
    seeds: int = 0
    events: int = 0
    virtual_us: int = 0
    cpu_s: float = 0.0
    interrupted: bool = False
    violations: list[Found] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def events_per_s(self) -> float:
        """Return how many events one core runs in a second."""
        return self.events / self.cpu_s if self.cpu_s else 0.0

    @property
    def exit_status(self) -> int:
        """Return 1 for any violation, 130 if it was interrupted before it found one, else 0."""
        if self.violations:
            return 1
        return 130 if self.interrupted else 0

    def take(self, ran: Ran) -> None:
        """Count one seed in."""
        self.seeds += 1
        self.events += ran.events
        self.virtual_us += ran.virtual_us
        self.cpu_s += ran.cpu_s
        self.counts.update(ran.counts)
        for violation in ran.violations:
            self.violations.append(Found(ran.seed, violation.invariant, ran.story or violation.sentence))

    def as_json(self) -> dict[str, object]:
        """Return the document that scripts read."""
        return {
            "seeds": self.seeds,
            "events": self.events,
            "events_per_s": round(self.events_per_s),
            "violations": [found.as_json() for found in self.violations],
        }


def sweep(
    scenario: str,
    runs: Iterator[Ran],
    *,
    until_s: float | None = None,
    keep_going: bool = True,
    told: Callable[[Sweep], None] = lambda _: None,
) -> Sweep:
    """Take `runs` in until there are no more, `until_s` of the monotonic clock, the first violation or Ctrl-C.

    What was done so far is the result in every case. `told` hears of it after each seed.
    """
    done = Sweep(scenario)
    try:
        for ran in runs:
            done.take(ran)
            told(done)
            if done.violations and not keep_going:
                break
            if until_s is not None and time.monotonic() >= until_s:
                break
    except KeyboardInterrupt:
        done.interrupted = True
    finally:
        if (close := getattr(runs, "close", None)) is not None:
            close()  # ends the processes that still run
    return done
