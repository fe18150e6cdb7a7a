"""Sensor windows as they arrive: channels, values and context, checked, with a sentence for what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError

FIRST: Final = 8
"""Rows that a channel's first window needs; a channel that its context knows may send a single row."""
_AXES: Final = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a window may be: rows, channels, and values in all."""

    rows: int
    channels: int
    values: int


@dataclass(frozen=True, slots=True)
class Window:
    """A checked window: `values` [rows, channels] with NaN where missing. `context` is as it came, unchecked."""

    source: str
    channels: tuple[str, ...]
    interval_s: float
    values: npt.NDArray[np.float64]
    context: object


def read_window(document: object, name: str, limits: Limits) -> Window:
    """Return the window in `document`, the input `name`; raise HiveError(input_invalid) if it does not fit."""
    if not isinstance(document, Mapping):
        raise HiveError("input_invalid", f"`{name}` must be a sensor.window, an object.")
    channels = _channels(document.get("channels"), limits.channels)
    values = _values(document.get("values"), len(channels), limits)
    interval = document.get("interval_s")
    sound = isinstance(interval, int | float) and not isinstance(interval, bool) and 0 < interval < np.inf
    source = document.get("source")
    return Window(
        source if isinstance(source, str) else "",
        channels,
        float(interval) if sound and isinstance(interval, int | float) else 1.0,
        values,
        document.get("context"),
    )


def _channels(raw: object, most: int) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or not raw or not all(isinstance(name, str) for name in raw):
        raise HiveError("input_invalid", "`channels` must be a list of names, one per column of `values`.")
    if len(raw) > most or len(set(raw)) < len(raw):
        raise HiveError("input_invalid", f"`channels` must be at most {most} different names.")
    return tuple(raw)


def _values(raw: object, channels: int, limits: Limits) -> npt.NDArray[np.float64]:
    if not isinstance(raw, np.ndarray) or raw.dtype.kind not in "fiu" or raw.ndim != _AXES:
        raise HiveError("input_invalid", "`values` must be rows of numbers, one row per time.")
    if raw.shape[1] != channels:
        raise HiveError(
            "input_invalid", f"`values` has {raw.shape[1]} columns, but there are {channels} channels."
        )
    if not 1 <= raw.shape[0] <= limits.rows:
        raise HiveError(
            "input_invalid", f"`values` has {raw.shape[0]} rows; 1 to {limits.rows} are possible."
        )
    if raw.size > limits.values:
        raise HiveError(
            "input_invalid",
            f"`values` holds {raw.size} values; {limits.values} are possible. Send shorter windows, one by one.",
        )
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused below
        values = np.asarray(raw, dtype=np.float32).astype(np.float64)
    if np.isinf(values).any():
        raise HiveError("input_invalid", "`values` holds infinities. Send null where a value is missing.")
    if not np.isfinite(values).any():
        raise HiveError("input_invalid", "`values` holds no value at all.")
    return values
