"""When silence becomes suspicion: the phi-accrual failure detector on beats of a node's work loop.

Hayashibara, Defago, Yared and Katayama, "The phi accrual failure detector", SRDS 2004. Intervals are taken as normal
with a running mean and variance; phi = -log10 P(a later beat). We turn it round: from phi and the window follows the
instant at which the suspicion is reached, so that a timer can wait for it instead of a loop that asks every node.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from conductor.core.settings import Settings

_WEIGHT: Final = 1 / 32
_QUANTILES: Final[dict[float, float]] = {}


def _quantile(phi: float) -> float:
    found = _QUANTILES.get(phi)
    if found is None:
        found = _QUANTILES[phi] = NormalDist().inv_cdf(1 - 10**-phi)
    return found


class Beats:
    """The beats of one node: exponentially weighted mean and variance of their intervals."""

    __slots__ = ("_deviations", "_floor_us", "busy_until_us", "last_us", "mean_us", "turns", "variance")

    def __init__(self, now_us: int, settings: Settings, *, link: bool = False) -> None:
        """Expect beats at the configured interval from now on, a node's or those of a `link`."""
        self.last_us = now_us
        self.busy_until_us = 0
        self.turns = 0
        self.mean_us = float(settings.link_beat_us if link else settings.beat_us)
        self.variance = 0.0
        self._floor_us = settings.link_deviation_floor_us if link else settings.deviation_floor_us
        self._deviations = _quantile(settings.phi)

    def heard(self, now_us: int, busy_us: int) -> None:
        """Count a beat that arrived now and bounds the silence after it by `busy_us`.

        An interval in which the node had announced a long run says nothing about its rhythm and is not counted.
        """
        interval = now_us - self.last_us
        if now_us > self.busy_until_us:
            difference = interval - self.mean_us
            self.mean_us += _WEIGHT * difference
            self.variance = (1 - _WEIGHT) * (self.variance + _WEIGHT * difference * difference)
        self.last_us = now_us
        self.busy_until_us = now_us + busy_us if busy_us else 0

    def announced(self, now_us: int, bound_us: int) -> None:
        """Note that a run started which may keep the node silent for `bound_us`."""
        self.last_us = now_us
        self.busy_until_us = now_us + bound_us

    def suspect_at_us(self) -> int:
        """Return the instant at which silence reaches the configured phi."""
        deviation = max(math.sqrt(self.variance), self._floor_us)
        return max(self.last_us, self.busy_until_us) + int(self.mean_us + self._deviations * deviation)

    def phi(self, now_us: int) -> float:
        """Return the suspicion level now, for people."""
        deviation = max(math.sqrt(self.variance), self._floor_us)
        silence = now_us - max(self.last_us, self.busy_until_us)
        tail = 0.5 * math.erfc((silence - self.mean_us) / (deviation * math.sqrt(2)))
        return -math.log10(tail) if tail > 0 else 300.0
