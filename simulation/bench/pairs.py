"""Comparing two ways of doing one thing on a machine that is never quiet.

Short runs of A and B alternate as ABBA, so that a drift of the machine falls on both; each neighbouring pair gives one
ratio, and the median of the ratios with a bootstrap interval is the result (Kalibera and Jones, "Rigorous benchmarking
in reasonable time", ISMM 2013; Efron's percentile bootstrap).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

_RESAMPLES: Final = 2_000
_CONFIDENCE: Final = 0.95
MIN_PAIRS: Final = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """One short run: its figure (a time or a rate) and the CPU seconds that each request cost all processes."""

    value: float
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Goal:
    """A line of the goals: what must hold, what we want, and whether a larger ratio is better."""

    id: str
    title: str
    unit: str
    gate: float
    edge: float
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A goal with what was measured: `ratio` is ours over the baseline's, [`low`, `high`] its 95 % interval."""

    id: str
    title: str
    ratio: float
    low: float
    high: float
    gate: float
    edge: float
    holds: bool
    pairs: int
    unit: str
    ours: float
    baseline: float
    ours_cpu_us: float
    baseline_cpu_us: float

    def as_json(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return asdict(self)


def interleave(
    ours: Callable[[], Sample],
    baseline: Callable[[], Sample],
    pairs: int,
    progress: Callable[[], None] = lambda: None,
) -> list[tuple[Sample, Sample]]:
    """Run both `pairs` times in ABBA order and return (ours, baseline) for each pair."""
    samples = []
    for number in range(pairs):
        if number % 2:
            b = baseline()
            a = ours()
        else:
            a = ours()
            b = baseline()
        samples.append((a, b))
        progress()
    return samples


def compare(goal: Goal, samples: list[tuple[Sample, Sample]]) -> Result:
    """Return the median of the paired ratios with its bootstrap interval, and whether the gate holds."""
    ratios = [ours.value / baseline.value for ours, baseline in samples]
    low, high = bootstrap(ratios)
    ratio = statistics.median(ratios)
    holds = ratio >= goal.gate if goal.more_is_better else ratio <= goal.gate
    return Result(
        id=goal.id,
        title=goal.title,
        ratio=round(ratio, 3),
        low=round(low, 3),
        high=round(high, 3),
        gate=goal.gate,
        edge=goal.edge,
        holds=holds,
        pairs=len(ratios),
        unit=goal.unit,
        ours=round(statistics.median(a.value for a, _ in samples), 2),
        baseline=round(statistics.median(b.value for _, b in samples), 2),
        ours_cpu_us=round(1e6 * statistics.median(a.cpu_s for a, _ in samples), 1),
        baseline_cpu_us=round(1e6 * statistics.median(b.cpu_s for _, b in samples), 1),
    )


def bootstrap(values: list[float], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the median."""
    chance = random.Random(seed)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    tail = (1 - _CONFIDENCE) / 2
    return medians[int(tail * _RESAMPLES)], medians[int((1 - tail) * _RESAMPLES) - 1]
