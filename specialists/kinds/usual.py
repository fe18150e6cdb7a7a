"""What is usual for a sensor's channels: the state that travels in the `context` of its windows.

Nothing is kept here. A context is a plain document that the caller hands back with the next window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError

Floats = npt.NDArray[np.float64]

SCALES: Final = (4, 16, 52)
"""Rows that the moving averages remember."""
SHAPE: Final = 4
"""A situation: mean and spread over the two longer scales."""
SITUATIONS: Final = 64
"""How many situations a channel remembers; the one that was not met for longest is forgotten."""
NEWS_BEGIN: Final = 0.5
"""A row at least this far (in spreads) from all situations that a channel remembers is a new one."""
_VERSION: Final = 2
_OLD_VERSIONS: Final = (1,)
_SMALLEST: Final = 1e-6
_LEAST_PEAK: Final = 3.0
_LARGEST: Final = 1e150
# The median absolute deviation of a normal distribution times this is its standard deviation.
_NORMAL: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Usual:
    """The state of some channels: an array per field, the channels are its first axis.

    `rows` counts what was seen. `averages` [scales, 3] are the fading weight, sum and sum of squares around `origin`,
    `last` is the last value that was there. `level`, `spread` and `step` describe the values, `repeats` and `gaps` [2]
    the share of repeated and of missing values, of late and as usual. `shape`, `shape_spread`, `slow` and `wander` [4]
    say where the channel's situations lie, how far they spread, where they were of late and how far they stray from
    that. `known` [SITUATIONS, 4] are the remembered situations, NaN where there is none, `lasted` how many rows each
    explained and `idle` since how many rows it did not. `news` [2] are mean and variance of the log distance to them,
    `peak` is the farthest value of late, in spreads.
    """

    rows: Floats
    origin: Floats
    averages: Floats
    last: Floats
    level: Floats
    spread: Floats
    step: Floats
    repeats: Floats
    gaps: Floats
    shape: Floats
    shape_spread: Floats
    slow: Floats
    wander: Floats
    known: Floats
    lasted: Floats
    idle: Floats
    news: Floats
    peak: Floats

    def floor(self) -> Floats:
        """Return the smallest spread that means anything, per channel: sensors have finitely many digits."""
        return _SMALLEST * np.maximum(1.0, np.abs(self.level))

    def only(self, channel: int) -> Usual:
        """Return the state of one channel."""
        return Usual(*(getattr(self, f.name)[channel : channel + 1] for f in fields(self)))


_SIZES: Final[Mapping[str, tuple[int, ...]]] = {
    "averages": (len(SCALES), 3),
    "repeats": (2,),
    "gaps": (2,),
    "shape": (SHAPE,),
    "shape_spread": (SHAPE,),
    "slow": (SHAPE,),
    "wander": (SHAPE,),
    "news": (2,),
}
_MEMORIES: Final = ("known", "lasted", "idle")
_PLAIN: Final = tuple(f.name for f in fields(Usual) if f.name not in _MEMORIES)
_NEVER_NEGATIVE: Final = ("rows", "spread", "step", "shape_spread", "wander", "peak")


def first_usual(values: Floats) -> Usual:
    """Return the state that channels [channels, rows] start with: no memories, scales from these values themselves.

    Median and median deviation, so that a fault among the values does not hide itself.
    """
    found = np.array([_middle(row[np.isfinite(row)]) for row in values])
    level, spread, step = found[:, 0], found[:, 1], found[:, 2]
    count = len(values)
    shape = np.stack([level, spread, level, spread], axis=1)
    return Usual(
        rows=np.zeros(count),
        origin=level,
        averages=np.zeros((count, len(SCALES), 3)),
        last=level,
        level=level,
        spread=spread,
        step=step,
        repeats=np.zeros((count, 2)),
        gaps=np.zeros((count, 2)),
        shape=shape,
        shape_spread=np.repeat(spread[:, None] / 2, SHAPE, axis=1),
        slow=shape,
        wander=np.zeros((count, SHAPE)),
        known=np.full((count, SITUATIONS, SHAPE), np.nan),
        lasted=np.zeros((count, SITUATIONS)),
        idle=np.zeros((count, SITUATIONS)),
        news=np.tile([np.log(NEWS_BEGIN), 1.0], (count, 1)),
        peak=np.full(count, _LEAST_PEAK),
    )


def joined(parts: Sequence[Usual]) -> Usual:
    """Return the states of several groups of channels as one."""
    return Usual(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Usual)))


def read_context(document: object, channels: Sequence[str]) -> tuple[dict[str, Usual], float]:
    """Return what a context says of those of `channels` that it knows, and how new the last news was.

    Raises HiveError(input_invalid) if it is not one of ours. One of an earlier version says nothing: the channels are
    learned anew.
    """
    if document is None:
        return {}, 0.0
    entry = document if isinstance(document, Mapping) else {}
    if entry.get("version") in _OLD_VERSIONS:
        return {}, 0.0
    table = entry.get("channels")
    alarm = entry.get("alarm", 0.0)
    sound = isinstance(alarm, int | float) and 0 <= alarm < _LARGEST
    if not isinstance(table, Mapping) or entry.get("version") != _VERSION or not sound:
        raise HiveError(
            "input_invalid", "`context` must be null or what the last answer returned as its context."
        )
    return {name: _usual(name, table[name]) for name in channels if name in table}, float(alarm)


def write_context(usual: Mapping[str, Usual], alarm: float) -> dict[str, object]:
    """Return the document for the next window, plain JSON values, from states of one channel each."""
    return {
        "version": _VERSION,
        "alarm": alarm,
        "channels": {name: _document(state) for name, state in usual.items()},
    }


def _document(state: Usual) -> dict[str, object]:
    there = ~np.isnan(state.known[0, :, 0])
    memories = np.column_stack([state.known[0], state.lasted[0], state.idle[0]])[there]
    plain = {name: getattr(state, name)[0].tolist() for name in _PLAIN}
    return {**plain, "situations": memories.tolist()}


def _usual(name: str, raw: object) -> Usual:
    try:
        entry = raw if isinstance(raw, Mapping) else {}
        values = {field: _numbers(entry[field], (1, *_SIZES.get(field, ()))) for field in _PLAIN}
        situations = entry["situations"]
        memories = _numbers(situations, (len(situations), SHAPE + 2))
        _check(values, memories)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise HiveError(
            "input_invalid", f"`context` of channel {name!r} must be as the last answer had it."
        ) from error
    table = np.full((1, SITUATIONS, SHAPE + 2), np.nan)
    table[0, : len(memories)] = memories
    counts = np.nan_to_num(table[:, :, SHAPE:])
    return Usual(known=table[:, :, :SHAPE], lasted=counts[:, :, 0], idle=counts[:, :, 1], **values)


def _check(values: Mapping[str, Floats], memories: Floats) -> None:
    sound = all((values[field] >= 0).all() for field in _NEVER_NEGATIVE) and values["news"][0, 1] >= 0
    if len(memories) > SITUATIONS or not sound or values["peak"] < _LEAST_PEAK:
        raise ValueError


def _numbers(raw: object, shape: tuple[int, ...]) -> Floats:
    values = np.asarray(raw, dtype=np.float64).reshape(shape)
    if not (np.abs(values) < _LARGEST).all():
        raise ValueError
    return values


def _middle(here: Floats) -> tuple[float, float, float]:
    """Return median, spread and step of values; the mean stands for the median where more than half are equal."""
    if not len(here):
        return 0.0, 0.0, 0.0
    middle = float(np.median(here))
    spread = _NORMAL * float(np.median(np.abs(here - middle)))
    moves = np.abs(np.diff(here))
    step = (float(np.median(moves)) or float(moves.mean())) if len(moves) else 0.0
    return middle, spread if spread > _SMALLEST * max(1.0, abs(middle)) else float(here.std()), step
