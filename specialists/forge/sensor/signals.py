"""Made-up sensor signals: what ordinary devices of many kinds send, to learn from beside recorded ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
Rng = np.random.Generator


def ordinary(count: int, rng: Rng) -> Signal:
    """Return `count` samples of a random ordinary signal in random units: one of MAKERS, with noise on it."""
    base = MAKERS[int(rng.integers(len(MAKERS)))](count, rng)
    noise = rng.normal(size=count) * float(rng.choice((0.0, 0.02, 0.1, 0.3)))
    values = rng.uniform(-50, 50) * rng.choice((0, 1, 20)) + 10 ** rng.uniform(-2, 3) * (base + noise)
    digits = rng.random()
    return np.round(values, 1) if digits < 0.15 else np.round(values) if digits < 0.2 else values


def _wave(count: int, rng: Rng) -> Signal:
    return np.sin(2 * np.pi * np.arange(count) / rng.uniform(6, 400) + rng.uniform(0, 6))


def _two_waves(count: int, rng: Rng) -> Signal:
    t = np.arange(count)
    return np.sin(t / rng.uniform(2, 30)) + rng.uniform(0.2, 1) * np.sin(t / rng.uniform(1, 10))


def _memory(count: int, rng: Rng) -> Signal:
    return _coloured(count, rng, rng.uniform(0.3, 0.995))


def _coloured(count: int, rng: Rng, memory: float) -> Signal:
    out = rng.normal(size=count)
    fresh = np.sqrt(1 - memory**2)
    for i in range(1, count):
        out[i] = memory * out[i - 1] + fresh * out[i]
    return out


def _switch(count: int, rng: Rng) -> Signal:
    return np.sign(np.sin(2 * np.pi * np.arange(count) / rng.uniform(8, 200) + rng.uniform(0, 6)))


def _saw(count: int, rng: Rng) -> Signal:
    return (np.arange(count) / rng.uniform(8, 200)) % 1.0 * 2


def _counts(count: int, rng: Rng) -> Signal:
    return rng.poisson(rng.uniform(0.5, 40), count) / 4.0


def _trend(count: int, rng: Rng) -> Signal:
    return np.arange(count) / count * rng.uniform(-3, 3) + rng.normal(size=count) * rng.uniform(0.02, 0.5)


def _noise(count: int, rng: Rng) -> Signal:
    return rng.normal(size=count) * rng.choice((0.0, 1.0, 1.0))


def _day(count: int, rng: Rng) -> Signal:
    """A daily shape with a plateau, every day a little different."""
    period = int(rng.integers(48, 300))
    phase = (np.arange(count) + rng.integers(period)) % period / period
    day = (np.arange(count) // period).astype(int)
    height = 1 + rng.normal(size=day.max() + 1) * 0.1
    rise = 1 / (1 + np.exp(-30 * (np.sin(2 * np.pi * phase) - rng.uniform(-0.5, 0.5))))
    return rise * height[day] * 2 + _coloured(count, rng, 0.9) * rng.uniform(0.02, 0.2)


def _bursts(count: int, rng: Rng) -> Signal:
    """A low hum with bursts, which are ordinary for the device."""
    rate = rng.uniform(0.005, 0.1)
    height = rng.exponential(1.0, count) * (rng.random(count) < rate) * rng.uniform(3, 12)
    width = np.ones(int(rng.integers(1, 6)))
    return np.convolve(height, width)[:count] + np.abs(rng.normal(size=count)) * 0.1


def _modes(count: int, rng: Rng) -> Signal:
    """Operating modes with a level and a spread each, held for a random while."""
    levels, spreads = rng.normal(size=4) * 2, rng.uniform(0.02, 0.5, 4)
    out, at = np.empty(count), 0
    while at < count:
        mode, length = int(rng.integers(4)), int(rng.integers(20, 160))
        stop = min(count, at + length)
        out[at:stop] = levels[mode] + spreads[mode] * rng.normal(size=stop - at)
        at = stop
    return out


def _walk(count: int, rng: Rng) -> Signal:
    return np.cumsum(rng.normal(size=count)) * rng.uniform(0.01, 0.1)


MAKERS: Final[Sequence[Callable[[int, Rng], Signal]]] = (
    _wave,
    _two_waves,
    _memory,
    _switch,
    _saw,
    _counts,
    _trend,
    _noise,
    _day,
    _bursts,
    _modes,
    _walk,
)
