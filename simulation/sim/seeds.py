"""One seed in short: what a sweep keeps of a run, small enough to travel between processes."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.sim.run import Violation, run
from simulation.sim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one seed. `cpu_s` is the time of its run alone, on a CPU."""

    seed: int
    events: int
    virtual_us: int
    cpu_s: float
    violations: tuple[Violation, ...]
    story: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


def run_seed(scenario: Scenario, seed: int) -> Ran:
    """Run one seed of a scenario, and once more for the story if it breaks an invariant.

    An exception of the simulator itself is a violation too, so that no seed gets lost.
    """
    try:
        result = run(scenario, seed)
        story = run(scenario, seed, trace=True).story if result.violations else ()
    except Exception as error:  # noqa: BLE001 - whatever it was, the sweep goes on and the seed is reported
        where = traceback.extract_tb(error.__traceback__)[-1]
        sentence = f"{type(error).__name__} in {where.name}, {where.filename}:{where.lineno}: {error}"
        return failed(seed, "simulator", sentence, "".join(traceback.format_exception(error)))
    return Ran(
        seed,
        result.events,
        result.virtual_us,
        result.cpu_s,
        result.violations,
        "\n".join(story),
        result.counts,
    )


def failed(seed: int, invariant: str, sentence: str, story: str = "") -> Ran:
    """Return a seed that came to no result, as a violation."""
    return Ran(seed, 0, 0, 0.0, (Violation(invariant, 0, sentence),), story or sentence)


def tune_collector() -> None:
    """Keep the cyclic collector out of the runs: what a run leaves is collected when it is over."""
    gc.collect()
    gc.freeze()
    gc.disable()
