"""When silence becomes suspicion: an accrual failure detector on the beats of a node's work loop.

Hayashibara, Defago, Yared and Katayama, "The phi accrual failure detector", SRDS 2004: intervals are taken as normal
with a running mean and variance, and phi = -log10 P(a later beat). We turn it round: from phi and what was learned
follows the *patience*, the silence at which suspicion is reached, so that a timer can wait for it.

Two things are added. A link that loses packets delivers beats late in another way than a normal distribution can say:
each retransmission that is lost too doubles the delay, so the tail is a power law. Where late beats are a habit, the
patience is what a Pareto tail through them (Hill, "A simple general approach to inference about the tail of a
distribution", Annals of Statistics 3, 1975) exceeds once in two node-hours. Learning from what was observed and not
from a fixed shape is the point of Satzger et al., "A new adaptive accrual failure detector", SAC 2007. And an interval
counts at most as the patience of the moment, so a node that was stopped for a while is not trusted longer after it.

All instants here are of a clock that stands still while the conductor itself does (`State.awake_us`): what we did not
hear because we did not listen is nobody's silence.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from conductor.core.settings import Settings

LAG_US: Final = 20_000
"""Lateness of the shell that is noise."""
_WEIGHT: Final = 1 / 32
_LATE_WEIGHT: Final = 1 / 64
_HABIT: Final = 0.03
"""Share of late beats, of the last sixty or so, from which they are taken for a habit: two or three of them."""
_FALSE_ALARM_US: Final = 2 * 3_600e6
_QUANTILES: Final[dict[float, float]] = {}


def _quantile(phi: float) -> float:
    found = _QUANTILES.get(phi)
    if found is None:
        found = _QUANTILES[phi] = NormalDist().inv_cdf(1 - 10**-phi)
    return found


class Beats:
    """The beats of one node: what their intervals are like, and how long a silence is borne."""

    __slots__ = (
        "_beat_us",
        "_deviations",
        "_floor_us",
        "_habit",
        "_lag_us",
        "_late_us",
        "_least_us",
        "_most_us",
        "_skip",
        "_tail",
        "busy_until_us",
        "extra_us",
        "last_us",
        "mean_us",
        "patience_us",
        "turns",
        "variance",
    )

    def __init__(self, awake_us: int, settings: Settings, *, link: bool = False) -> None:
        """Expect beats at the configured interval from now on, a node's or those of a `link`."""
        self.last_us = awake_us
        self.busy_until_us = 0
        self.turns = 0
        self._beat_us = settings.link_beat_us if link else settings.beat_us
        self._floor_us = settings.link_deviation_floor_us if link else settings.deviation_floor_us
        self._late_us = self._beat_us + self._floor_us
        self._most_us = settings.lost_after_us
        self._deviations = _quantile(settings.phi)
        self._habit = 0.0
        self._tail = math.log(2)  # as if every second late beat were twice as late
        self._lag_us = -1
        self._skip = 0
        self.mean_us = float(self._beat_us)
        self.variance = 0.0
        self.patience_us = self._least_us = self._learned()
        self.extra_us = (
            0  # how much longer than on a perfect link a silence is borne: answers are as late as beats
        )

    def again(self, awake_us: int) -> Beats:
        """Return these for another connection of the same boot, from now on: what its link is like is known."""
        self.last_us = awake_us
        self.busy_until_us = 0
        return self

    def heard(self, awake_us: int, busy_us: int, lag_us: int = 0) -> None:
        """Count a beat that arrived now and bounds the silence after it by `busy_us`.

        An interval says nothing about the node's rhythm if the node had announced a long run in it, or if we stood
        still: `lag_us` is for how long in all. Beats that queued up meanwhile are read at once and are not counted.
        """
        if lag_us != self._lag_us:
            self._skip = 1 + (lag_us - self._lag_us) // self._beat_us if self._lag_us >= 0 else 1
            self._lag_us = lag_us
        if self._skip:
            self._skip -= 1
        elif awake_us > self.busy_until_us:
            self._learn(awake_us - self.last_us)
        self.last_us = awake_us
        self.busy_until_us = awake_us + busy_us if busy_us else 0

    def announced(self, awake_us: int, bound_us: int) -> None:
        """Note that a run started which may keep the node silent for `bound_us`."""
        self.last_us = awake_us
        self.busy_until_us = awake_us + bound_us

    def suspect_at_us(self) -> int:
        """Return the instant at which silence reaches the configured phi."""
        return max(self.last_us, self.busy_until_us) + self.patience_us

    def phi(self, awake_us: int) -> float:
        """Return the suspicion level now, for people."""
        deviation = max(math.sqrt(self.variance), self._floor_us)
        silence = awake_us - max(self.last_us, self.busy_until_us)
        tail = 0.5 * math.erfc((silence - self.mean_us) / (deviation * math.sqrt(2)))
        return -math.log10(tail) if tail > 0 else 300.0

    def _learn(self, interval_us: int) -> None:
        difference = min(interval_us, self.patience_us) - self.mean_us
        self.mean_us += _WEIGHT * difference
        self.variance = (1 - _WEIGHT) * (self.variance + _WEIGHT * difference * difference)
        late = interval_us > self._late_us
        self._habit += _LATE_WEIGHT * (late - self._habit)
        if late:
            self._tail += _LATE_WEIGHT * (math.log(interval_us / self._late_us) - self._tail)
        self.patience_us = self._learned()
        self.extra_us = max(0, self.patience_us - self._least_us)

    def _learned(self) -> int:
        patience = self.mean_us + self._deviations * max(math.sqrt(self.variance), self._floor_us)
        if self._habit > _HABIT:
            rarity = self._habit * _FALSE_ALARM_US / self._beat_us
            patience = max(patience, self._late_us * rarity**self._tail)
        return int(min(patience, self._most_us))
