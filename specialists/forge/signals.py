"""Made-up sensor signals and the faults that are put into real and made-up ones.

Training on injected faults follows neural contextual anomaly detection (Carmona et al. 2021): a fault is learned
as what does not fit its window and the channel's past.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
Rng = np.random.Generator


def ordinary(count: int, rng: Rng) -> Signal:
    """Return `count` samples of a random ordinary signal: waves, levels, noise of several colours, counts, switches."""
    t = np.arange(count)
    kind = rng.integers(8)
    noise = rng.normal(size=count) * rng.choice([0.02, 0.1, 0.3, 1.0])
    if kind == 0:
        base = np.sin(2 * np.pi * t / rng.uniform(6, 200) + rng.uniform(0, 6))
    elif kind == 1:
        base = np.sin(t / rng.uniform(2, 30)) + rng.uniform(0.2, 1) * np.sin(t / rng.uniform(1, 10))
    elif kind == 2:
        base = _coloured(count, rng, rng.uniform(0.3, 0.97))
    elif kind == 3:
        base = np.sign(np.sin(2 * np.pi * t / rng.uniform(8, 30)))
    elif kind == 4:
        base = (t / rng.uniform(8, 60)) % 1.0 * 2
    elif kind == 5:
        base = rng.poisson(rng.uniform(2, 40), count) / 4.0
    elif kind == 6:
        base = t / count * rng.uniform(-2, 2) * (rng.random() < 0.5)
    else:
        base = np.zeros(count)
    return rng.uniform(-50, 50) + 10 ** rng.uniform(-2, 3) * (base + noise)


def _coloured(count: int, rng: Rng, memory: float) -> Signal:
    out = rng.normal(size=count)
    for i in range(1, count):
        out[i] = memory * out[i - 1] + np.sqrt(1 - memory**2) * out[i]
    return out


def _spread(values: Signal) -> float:
    return float(values.std()) or abs(float(values.mean())) * 0.05 or 1.0


def spike(values: Signal, at: int, rng: Rng) -> slice:
    """One to three values far off."""
    stop = at + int(rng.integers(1, 4))
    size = rng.uniform(5, 15) * rng.choice([-1, 1])
    values[at:stop] += size * _spread(values)
    return slice(at, stop)


def shift(values: Signal, at: int, rng: Rng) -> slice:
    """A new level from here on."""
    values[at:] += rng.uniform(4, 12) * rng.choice([-1, 1]) * _spread(values)
    return slice(at, at + 8)


def stuck(values: Signal, at: int, rng: Rng) -> slice:
    """The sensor repeats one value; a quiet signal that changes little does so anyway, so that is no fault."""
    stop = min(len(values), at + int(rng.integers(16, 40)))
    moved = np.abs(np.diff(values)).mean()
    if np.mean(np.abs(np.diff(values)) < 1e-9) > 0.05 or not moved:
        return slice(at, at)
    values[at:stop] = values[at]
    return slice(min(at + 8, stop), stop)


def burst(values: Signal, at: int, rng: Rng) -> slice:
    """Noise several times as strong as the signal."""
    stop = min(len(values), at + int(rng.integers(6, 24)))
    values[at:stop] += rng.normal(size=stop - at) * rng.uniform(3, 8) * _spread(values)
    return slice(at, stop)


def dropout(values: Signal, at: int, rng: Rng) -> slice:
    """The value falls to zero, or to far below what the signal knows."""
    stop = min(len(values), at + int(rng.integers(2, 20)))
    floor = 0.0 if abs(values.mean()) > 6 * _spread(values) else values.mean() - 8 * _spread(values)
    values[at:stop] = floor
    return slice(at, stop)


def ramp(values: Signal, at: int, rng: Rng) -> slice:
    """A steep drift away."""
    stop = min(len(values), at + int(rng.integers(12, 32)))
    values[at:stop] += np.linspace(0, rng.uniform(6, 12) * rng.choice([-1, 1]), stop - at) * _spread(values)
    return slice((at + stop) // 2, stop)


FAULTS: Final[Sequence[Callable[[Signal, int, Rng], slice]]] = (
    spike,
    spike,
    shift,
    stuck,
    burst,
    dropout,
    ramp,
)


def moved(values: Signal, past: Signal, rng: Rng) -> bool:
    """The whole window lies at another level than the past, which wanders less than that."""
    middles = [float(np.median(past[i : i + len(values)])) for i in range(0, len(past), len(values))]
    wander = float(np.std(middles))
    values += rng.uniform(1.5, 8) * rng.choice([-1, 1]) * max(_spread(past), 2 * wander)
    return True


def frozen(values: Signal, past: Signal, rng: Rng) -> bool:
    """The whole window repeats one value, which the past never did for long."""
    if np.mean(np.abs(np.diff(past)) < 1e-9) > 0.05:
        return False
    values[:] = values[int(rng.integers(len(values)))]
    return True


def louder(values: Signal, past: Signal, rng: Rng) -> bool:
    """The whole window is several times as noisy as the past."""
    steps = float(np.abs(np.diff(past)).mean()) or _spread(past)
    values += rng.normal(size=len(values)) * rng.uniform(3, 8) * max(steps, 0.3 * _spread(past))
    return True


CHANGES: Final[Sequence[Callable[[Signal, Signal, Rng], bool]]] = (moved, moved, frozen, frozen, louder)
