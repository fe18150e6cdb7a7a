"""Randomness by name: each purpose and each entity has a stream of its own, so that leaving one out moves no other."""

from __future__ import annotations

import math
import random
from statistics import NormalDist
from typing import Final

_MASK: Final = (1 << 64) - 1
_STEPS: Final = 256
_SIGMA: Final = 0.5
SPREAD: Final = tuple(
    math.exp(_SIGMA * NormalDist().inv_cdf((step + 0.5) / _STEPS)) for step in range(_STEPS)
)
"""Quantiles of a log-normal distribution with median 1: times of runs and commits, as factors."""


def stream(seed: int, *names: object) -> random.Random:
    """Return the stream of random numbers of a seed that these names have to themselves."""
    return random.Random("/".join(map(str, (seed, *names))))


def mixed(*numbers: int) -> int:
    """Return 64 bits that depend on every bit of these numbers (the finalizer of SplitMix64, Steele et al. 2014)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def spread(median_us: float, number: int) -> int:
    """Return a time around a median, chosen by a number that `mixed` made."""
    return max(1, int(median_us * SPREAD[number & (_STEPS - 1)]))
