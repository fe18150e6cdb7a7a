"""Faults of the kinds that sensors have, put into real and made-up signals.

Training on injected faults follows neural contextual anomaly detection (Carmona et al. 2021): a fault is learned as
what does not fit the channel's past. Sizes are in spreads of the signal just before the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
Rng = np.random.Generator

KINDS: Final = ("spike", "level_shift", "drift", "stuck", "noise", "oscillation", "missing")
_PAST: Final = 256
_REPEATS: Final = 0.05
_LEAST_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of `kind` in rows `start` to `end` (exclusive); `size` in spreads of the signal before it."""

    kind: str
    start: int
    end: int
    size: float


def inject(values: Signal, kind: str, at: int, rng: Rng) -> Fault | None:
    """Put a fault into `values` [rows] in place and return it; None where the signal cannot have it.

    A signal that repeats itself anyway cannot be stuck, and what is missing already cannot go missing.
    """
    low, high = _LENGTHS[kind]
    end = min(len(values), at + int(rng.integers(low, high + 1)))
    past = values[max(0, at - _PAST) : at] if at >= low else values
    here = past[np.isfinite(past)]
    if end - at < low or len(here) < 2 or not np.isfinite(values[at:end]).any():
        return None
    spread = float(here.std()) or abs(float(here.mean())) * _LEAST_SHARE or 1.0
    size = float(rng.uniform(*_SIZES[kind]))
    if not _MAKERS[kind](values, at, end, size * spread, rng):
        return None
    return Fault(kind, at, end, size)


def _spike(values: Signal, at: int, end: int, by: float, rng: Rng) -> bool:
    values[at:end] += by * rng.choice((-1, 1)) * rng.uniform(0.7, 1.3, end - at)
    return True


def _level_shift(values: Signal, at: int, end: int, by: float, rng: Rng) -> bool:
    values[at:end] += by * rng.choice((-1, 1))
    return True


def _drift(values: Signal, at: int, end: int, by: float, rng: Rng) -> bool:
    values[at:end] += np.linspace(0, by * rng.choice((-1, 1)), end - at)
    return True


def _stuck(values: Signal, at: int, end: int, by: float, rng: Rng) -> bool:
    before = np.abs(np.diff(values[max(0, at - _PAST) : at + 1]))
    if len(before) and np.mean(before < abs(by) * 1e-9) > _REPEATS:
        return False
    held = values[at:end][np.isfinite(values[at:end])][0]
    # Some sensors fall to zero or to the end of their range when they die, some hold their last value.
    values[at:end] = held if rng.random() < 0.7 else (0.0 if rng.random() < 0.5 else held + by)
    return True


def _noise(values: Signal, at: int, end: int, by: float, rng: Rng) -> bool:
    steps = np.abs(np.diff(values[max(0, at - _PAST) : at]))
    usual = float(np.nanmean(steps)) if np.isfinite(steps).any() else 0.0
    values[at:end] += rng.normal(size=end - at) * max(0.4 * abs(by), 3 * usual)
    return True


def _oscillation(values: Signal, at: int, end: int, by: float, rng: Rng) -> bool:
    period = rng.uniform(3, max(4, min(24, (end - at) / 3)))
    values[at:end] += abs(by) * np.sin(2 * np.pi * np.arange(end - at) / period + rng.uniform(0, 6))
    return True


def _missing(values: Signal, at: int, end: int, _: float, rng: Rng) -> bool:
    holes = (
        np.ones(end - at, dtype=bool) if rng.random() < 0.7 else rng.random(end - at) < rng.uniform(0.4, 0.9)
    )
    holes[0] = True
    values[at:end][holes] = np.nan
    return True


_MAKERS: Final[Mapping[str, Callable[[Signal, int, int, float, Rng], bool]]] = {
    "spike": _spike,
    "level_shift": _level_shift,
    "drift": _drift,
    "stuck": _stuck,
    "noise": _noise,
    "oscillation": _oscillation,
    "missing": _missing,
}
_LENGTHS: Final[Mapping[str, tuple[int, int]]] = {
    "spike": (1, 3),
    "level_shift": (24, 240),
    "drift": (32, 240),
    "stuck": (16, 160),
    "noise": (16, 120),
    "oscillation": (20, 120),
    "missing": (4, 60),
}
_SIZES: Final[Mapping[str, tuple[float, float]]] = {
    "spike": (4, 15),
    "level_shift": (2.5, 10),
    "drift": (3, 12),
    "stuck": (3, 8),
    "noise": (3, 10),
    "oscillation": (1.5, 5),
    "missing": (1, 1),
}
