"""Sensor windows as a model sees them: cut to one length, each channel alone, on a scale without units.

What "normal" means for a channel travels in the `context`: running location, scale and typical step, a plain document
that the caller hands back with the next window. Nothing is kept here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError

LENGTH: Final = 64
HOP: Final = 32
SHORTEST: Final = 8
FEATURES: Final = 4
_CONTEXT_VERSION: Final = 1
_MEMORY: Final = 0.2
_SMALLEST: Final = 1e-6

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a channel, in its own units: location, scale (like a standard deviation), windows seen."""

    location: float
    scale: float
    windows: int

    def after(self, seen: Usual) -> Usual:
        """Return this, moved a little towards what one more window showed."""
        rate = max(_MEMORY, 1.0 / (self.windows + 1))
        return Usual(
            self.location + rate * (seen.location - self.location),
            self.scale + rate * (seen.scale - self.scale),
            self.windows + 1,
        )


def usual_of(values: Floats) -> Usual:
    """Return median and scaled median absolute deviation; where more than half is equal, the standard deviation."""
    present = values[np.isfinite(values)].astype(np.float64)
    if not len(present):
        return Usual(0.0, 0.0, 1)
    location = float(np.median(present))
    spread = 1.4826 * float(np.median(np.abs(present - location)))
    return Usual(location, spread if spread > _floor(location) else float(present.std()), 1)


def features(values: Floats, context: Usual | None) -> Floats:
    """Return the model's view of one channel [time]: [pieces, FEATURES, LENGTH].

    Pieces of LENGTH overlap by HOP; a shorter channel is filled up with missing values in front. The features are the
    values against the piece's own usual, against the context's (without one, the whole window's), whether a value is
    present, and whether there is a context. Values are compressed by asinh, so that a spike stays finite.
    """
    reference = context or usual_of(values)
    if len(values) < LENGTH:
        values = np.concatenate([np.full(LENGTH - len(values), np.nan, dtype=np.float32), values])
    starts = [*range(0, len(values) - LENGTH, HOP), len(values) - LENGTH]
    out = np.zeros((len(starts), FEATURES, LENGTH), dtype=np.float32)
    for piece, begin in zip(out, starts, strict=True):
        cut = values[begin : begin + LENGTH]
        present = np.isfinite(cut)
        piece[0] = _against(cut, usual_of(cut), present)
        piece[1] = _against(cut, reference, present)
        piece[2] = present
        piece[3] = context is not None
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
    table = {
        name: {"location": u.location, "scale": u.scale, "windows": u.windows} for name, u in usual.items()
    }
    return {"version": _CONTEXT_VERSION, "channels": table}


def _usual(name: str, raw: object) -> Usual:
    entry = raw if isinstance(raw, Mapping) else {}
    location, scale, windows = _number(entry, "location"), _number(entry, "scale"), entry.get("windows")
    if (
        not math.isfinite(location)
        or not 0 <= scale < math.inf
        or not isinstance(windows, int)
        or windows < 1
    ):
        raise HiveError(
            "input_invalid", f"`context` of channel {name!r} needs numbers location, scale and windows."
        )
    return Usual(location, scale, windows)


def _number(entry: Mapping[str, object], field: str) -> float:
    value = entry.get(field)
    return float(value) if isinstance(value, int | float) else math.nan


def _floor(location: float) -> float:
    return _SMALLEST * max(1.0, abs(location))


def _against(values: Floats, usual: Usual, present: npt.NDArray[np.bool_]) -> Floats:
    distance = np.where(present, values.astype(np.float64) - usual.location, 0.0)
    return np.arcsinh(distance / max(usual.scale, _floor(usual.location))).astype(np.float32)
