"""Sensor windows as a model sees them: cut to one length, each channel alone, on a scale without units.

What "normal" means for a channel travels in the `context`: running location, scale and typical step, a plain document
that the caller hands back with the next window. Nothing is kept here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError

LENGTH: Final = 64
HOP: Final = 32
SHORTEST: Final = 8
FEATURES: Final = 10
_CONTEXT_VERSION: Final = 1
_MEMORY: Final = 0.2
_SMALLEST: Final = 1e-6
_KNOWN_AFTER: Final = 8
_MOST: Final = 5.0
# The median absolute deviation of a normal distribution times this is its standard deviation.
_NORMAL: Final = 1.4826

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a channel, in its own units.

    `location` is its middle, `scale` its spread (like a standard deviation), `step` how far it goes from one value to
    the next, `peak` how far the farthest value of a window is from the middle, `wander` how far the middle goes from
    one window to the next, `windows` how many windows taught this.
    """

    location: float
    scale: float
    step: float
    peak: float
    wander: float = 0.0
    windows: int = 1

    def after(self, seen: Usual, pace: float = 1.0) -> Usual:
        """Return this, moved towards what one more window showed; `pace` below 1 moves it less."""
        rate = pace * max(_MEMORY, 1.0 / (self.windows + 1))
        moved = abs(seen.location - self.location)
        return Usual(
            self.location + rate * (seen.location - self.location),
            self.scale + rate * (seen.scale - self.scale),
            self.step + rate * (seen.step - self.step),
            self.peak + rate * (seen.peak - self.peak),
            moved if self.windows == 1 else self.wander + rate * (moved - self.wander),
            self.windows + 1,
        )


def usual_of(values: Floats) -> Usual:
    """Return what one window shows: median, scaled median absolute deviation, the same of the differences, and peak.

    Where more than half of the values are equal, the standard deviation stands for the deviation, and the mean for the
    differences.
    """
    present = values[np.isfinite(values)].astype(np.float64)
    if not len(present):
        return Usual(0.0, 0.0, 0.0, 0.0)
    location = _median(present)
    away = np.abs(present - location)
    spread = _NORMAL * _median(away)
    steps = np.abs(present[1:] - present[:-1])
    step = _NORMAL * _median(steps) if len(steps) else 0.0
    least = _floor(location)
    return Usual(
        location,
        spread if spread > least else float(present.std()),
        step if step > least or not len(steps) else float(steps.mean()),
        float(away.max()),
    )


def features(values: Floats, context: Usual | None) -> Floats:
    """Return the model's view of one channel [time]: [pieces, FEATURES, LENGTH].

    Pieces of LENGTH overlap by HOP; a shorter channel is filled up with missing values in front. The features are the
    values against the piece's own usual and against the context's (its own, where there is none); the differences
    from one value to the next likewise; whether a value is present; how well the context is known (0 to 1); and how far
    location, scale, step and peak of the piece are from the context's. All are compressed and bounded.
    """
    if len(values) < LENGTH:
        values = np.concatenate([np.full(LENGTH - len(values), np.nan, dtype=np.float32), values])
    starts = [*range(0, len(values) - LENGTH, HOP), len(values) - LENGTH]
    out = np.zeros((len(starts), FEATURES, LENGTH), dtype=np.float32)
    for piece, begin in zip(out, starts, strict=True):
        cut = values[begin : begin + LENGTH].astype(np.float64)
        own = usual_of(values[begin : begin + LENGTH])
        reference = context or own
        steps = np.empty_like(cut)
        steps[0], steps[1:] = np.nan, cut[1:] - cut[:-1]
        piece[0] = _against(cut - own.location, own.scale, own)
        piece[1] = _against(cut - reference.location, reference.scale, reference)
        piece[2] = np.isfinite(cut)
        piece[3] = _against(steps, own.step, own)
        piece[4] = _against(steps, reference.step, reference)
        if context is not None:
            piece[5] = min(context.windows, _KNOWN_AFTER) / _KNOWN_AFTER
            piece[6:] = np.array(_changes(own, context))[:, None]
    return out


def read_context(document: object, channels: Sequence[str]) -> dict[str, Usual]:
    """Return what a context says of `channels`; raise HiveError(input_invalid) if it is not one of ours."""
    if document is None:
        return {}
    fields = document if isinstance(document, Mapping) else {}
    table = fields.get("channels")
    if not isinstance(table, Mapping) or fields.get("version") != _CONTEXT_VERSION:
        raise HiveError(
            "input_invalid", "`context` must be null or what the last answer returned as its context."
        )
    return {name: _usual(name, table[name]) for name in channels if name in table}


def write_context(usual: Mapping[str, Usual]) -> dict[str, object]:
    """Return the document for the next window: plain JSON values."""
    return {"version": _CONTEXT_VERSION, "channels": {name: asdict(entry) for name, entry in usual.items()}}


def _usual(name: str, raw: object) -> Usual:
    entry = raw if isinstance(raw, Mapping) else {}
    location, windows = _number(entry, "location"), entry.get("windows")
    scale, step, peak, wander = (_number(entry, field) for field in ("scale", "step", "peak", "wander"))
    good = math.isfinite(location) and all(0 <= size < math.inf for size in (scale, step, peak, wander))
    if not good or not isinstance(windows, int) or windows < 1:
        raise HiveError(
            "input_invalid",
            f"`context` of channel {name!r} must be as the last answer had it: {', '.join(Usual.__slots__)}.",
        )
    return Usual(location, scale, step, peak, wander, windows)


def _changes(own: Usual, context: Usual) -> tuple[float, float, float, float]:
    """Return how far location (in wanders of its own, at least a tenth of the scale), scale, step and peak went."""
    least = _floor(context.location)
    wander = max(context.wander, 0.1 * context.scale, least)
    moved = math.asinh((own.location - context.location) / wander) if context.windows > 1 else 0.0
    return (
        _bounded(moved),
        _log_ratio(own.scale, context.scale, least),
        _log_ratio(own.step, context.step, least),
        _log_ratio(own.peak, context.peak, least),
    )


def _log_ratio(new: float, old: float, least: float) -> float:
    return _bounded(math.log(max(new, least) / max(old, least)))


def _bounded(value: float) -> float:
    return min(_MOST, max(-_MOST, value))


def _number(entry: Mapping[str, object], field: str) -> float:
    value = entry.get(field)
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan


def _floor(location: float) -> float:
    return _SMALLEST * max(1.0, abs(location))


def _median(values: npt.NDArray[np.float64]) -> float:
    """Return what numpy.median does, ten times as fast for a window."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _against(distance: npt.NDArray[np.float64], size: float, usual: Usual) -> Floats:
    ratio = distance / max(size, _floor(usual.location))
    compressed = np.minimum(np.maximum(np.arcsinh(ratio), -_MOST), _MOST)
    compressed[np.isnan(compressed)] = 0.0
    return compressed.astype(np.float32)
