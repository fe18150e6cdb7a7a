"""Rows of sensor values as a model sees them: each channel alone, without units, against what is usual for it.

A row is judged by itself and by what came before it, never by what follows, so that it makes no difference to a
stream how it is cut into windows, but for how often the state learns: after at most CHUNK rows, and at a window's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from specialists.kinds.situations import FARTHEST, LEARNING_ROWS, Met, meet
from specialists.kinds.usual import SCALES, Floats, Usual

CHUNK: Final = 32
"""Rows that are judged against one state before it learns from them."""
FEATURES: Final = 24
_BOUND: Final = 6.0
_FIRST: Final = 16.0
_MEMORY: Final = 20_000.0
_SLOW: Final = 100.0
_NEWS_MEMORY: Final = 1000.0
_PEAK_KEPT: Final = 0.5 ** (1 / 2000)
_LEAST_PEAK: Final = 3.0
_WARY: Final = 0.05
_QUIET: Final = 0.05


@dataclass(frozen=True, slots=True)
class Judged:
    """What was seen in some rows, `features` [channels, rows, FEATURES] and how new each was, and the state after.

    `novelty` [channels, rows] is the distance to the nearest situation that the channel remembers, in spreads.
    """

    features: Floats
    novelty: Floats
    usual: Usual


@dataclass(frozen=True, slots=True)
class _Seen:
    """A chunk [channels, rows] in its parts: values without gaps, what is there, and how it moves."""

    filled: Floats
    present: Floats
    moves: Floats
    away: Floats
    mean: Floats
    width: Floats
    averages: Floats
    repeats: Floats
    gaps: Floats

    def shape(self) -> Floats:
        parts = (self.mean[:, :, 1], self.width[:, :, 1], self.mean[:, :, 2], self.width[:, :, 2])
        return np.stack(parts, axis=2)


def judge(values: Floats, usual: Usual) -> Judged:
    """Judge `values` [channels, rows], NaN where missing, and learn from them."""
    parts, news = [], []
    for begin in range(0, values.shape[1], CHUNK):
        seen = _seen(values[:, begin : begin + CHUNK], usual)
        met = meet(seen.shape(), usual)
        parts.append(_features(usual, seen, met))
        news.append(met.novelty)
        usual = _learnt(usual, seen, met)
    return Judged(np.concatenate(parts, axis=1), np.concatenate(news, axis=1), usual)


@lru_cache(maxsize=256)
def _kernel(count: int, rows: int) -> tuple[Floats, Floats]:
    """Return the matrix that sums `count` inputs with a memory of `rows`, and what each output keeps of before."""
    keep = 1.0 - 2.0 / (rows + 1)
    lag = np.arange(count)[None, :] - np.arange(count)[:, None]
    kernel: Floats = np.where(lag >= 0, (1.0 - keep) * keep ** np.maximum(lag, 0), 0.0)
    kept: Floats = np.power(keep, np.arange(1.0, count + 1.0))
    return kernel, kept


def _faded(before: Floats, inputs: Floats, rows: int) -> Floats:
    """Return the exponentially fading sum along the last axis of `inputs`, from `before` on."""
    kernel, kept = _kernel(inputs.shape[-1], rows)
    return np.asarray(inputs @ kernel + before[..., None] * kept)


def _seen(values: Floats, usual: Usual) -> _Seen:
    there = np.isfinite(values)
    present = there.astype(np.float64)
    line = np.concatenate([usual.last[:, None], values], axis=1)
    if not there.all():
        places = np.where(np.isfinite(line), np.arange(line.shape[1]), 0)
        line = np.take_along_axis(line, np.maximum.accumulate(places, axis=1), axis=1)
    filled = line[:, 1:]
    floor = usual.floor()[:, None]
    moves = (filled - line[:, :-1]) * present
    offset = (filled - usual.origin[:, None]) * present
    inputs = np.stack([present, offset, offset * offset], axis=1)
    sums = np.stack([_faded(usual.averages[:, at], inputs, rows) for at, rows in enumerate(SCALES)], axis=1)
    weight = np.maximum(sums[:, :, 0], 1e-12)
    mean = sums[:, :, 1] / weight
    width = np.sqrt(np.maximum(sums[:, :, 2] / weight - mean * mean, 0.0))
    shares = np.stack([(np.abs(moves) <= floor) * present, 1.0 - present], axis=1)
    late = _faded(np.stack([usual.repeats[:, 0], usual.gaps[:, 0]], axis=1), shares, SCALES[1])
    return _Seen(
        filled,
        present,
        moves,
        (filled - usual.level[:, None]) / (usual.spread[:, None] + floor) * present,
        mean.transpose(0, 2, 1) + usual.origin[:, None, None],
        width.transpose(0, 2, 1),
        sums[:, :, :, -1],
        late[:, 0],
        late[:, 1],
    )


def _features(usual: Usual, seen: _Seen, met: Met) -> Floats:
    """Return the rows as the model sees them: everything compressed, bounded, and without unit."""
    floor = usual.floor()
    spread = usual.spread + floor
    step = usual.step + 0.01 * usual.spread + floor
    quiet = np.log(met.novelty + _QUIET)
    out = np.empty((*seen.away.shape, FEATURES))
    out[:, :, 0] = np.arcsinh(seen.away)
    out[:, :, 1] = np.arcsinh(seen.moves / step[:, None])
    out[:, :, 2] = np.log((np.abs(seen.away) + 0.1) / usual.peak[:, None])
    out[:, :, 3:7] = np.arcsinh(met.difference)
    out[:, :, 7] = quiet
    out[:, :, 8] = np.log(met.distance + _QUIET)
    out[:, :, 9] = (quiet - usual.news[:, :1]) / np.sqrt(usual.news[:, 1:] + _QUIET)
    out[:, :, 10] = usual.news[:, :1]
    out[:, :, 11:14] = np.arcsinh((seen.mean - usual.level[:, None, None]) / spread[:, None, None])
    out[:, :, 14:17] = np.log(seen.width / spread[:, None, None] + 0.02)
    out[:, :, 17] = seen.repeats
    out[:, :, 18] = usual.repeats[:, 1:]
    out[:, :, 19] = seen.gaps
    out[:, :, 20] = usual.gaps[:, 1:]
    out[:, :, 21] = seen.present
    out[:, :, 22] = np.log1p(usual.rows)[:, None] / 5
    out[:, :, 23] = np.log((usual.step + floor) / spread)[:, None]
    return np.clip(out, -_BOUND, _BOUND)


def _learnt(usual: Usual, seen: _Seen, met: Met) -> Usual:
    """Return the state after these rows: what is far from usual teaches little."""
    rows = seen.filled.shape[1]
    there = seen.present.sum(1)
    learning = (usual.rows < LEARNING_ROWS)[:, None]
    trust = np.where(learning, 1.0, np.maximum(np.maximum(met.distance, 1.0) ** -2, _WARY)) * seen.present
    count = np.minimum(usual.rows + _FIRST, _MEMORY)
    weight = trust.sum(1)
    level, spread = _merged(usual.level, usual.spread, count, seen.filled, trust)
    shapes = seen.shape().transpose(0, 2, 1)
    shape, wide = _merged(usual.shape, usual.shape_spread, count[:, None], shapes, trust[:, None])
    pace = 1.0 - (1.0 - 1.0 / np.minimum(usual.rows + _FIRST, _SLOW)) ** there
    slow = usual.slow + pace[:, None] * (shapes.mean(2) - usual.slow)
    strayed = np.abs(shapes - slow[:, :, None]).mean(2)
    origin = seen.mean[:, -1, 2]
    share = there / (np.minimum(usual.rows, _MEMORY) + there + 1.0)
    faded = usual.peak * _PEAK_KEPT**rows
    return Usual(
        rows=usual.rows + there,
        origin=origin,
        averages=_recentred(seen.averages, origin - usual.origin),
        last=seen.filled[:, -1],
        level=level,
        spread=spread,
        step=(count * usual.step + (trust * np.abs(seen.moves)).sum(1)) / (count + weight),
        repeats=_late_and_usual(usual.repeats, seen.repeats, share),
        gaps=_late_and_usual(usual.gaps, seen.gaps, share),
        shape=shape,
        shape_spread=wide,
        slow=slow,
        wander=usual.wander + (weight / (count + weight))[:, None] * (strayed - usual.wander),
        known=met.known,
        lasted=met.lasted,
        idle=met.idle,
        news=_news(usual, np.log(met.novelty + _QUIET), there),
        peak=np.maximum(_LEAST_PEAK, np.maximum(faded, np.minimum(np.abs(seen.away).max(1), FARTHEST))),
    )


def _merged(
    old: Floats, spread: Floats, count: Floats, values: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Return mean and spread [...] of what there was, `count` rows, and of weighted `values` [..., rows] together."""
    total = count + weight.sum(-1)
    away = values - old[..., None]
    moved = (weight * away).sum(-1) / total
    variance = (count * spread**2 + (weight * away * away).sum(-1)) / total - moved**2
    return old + moved, np.sqrt(np.maximum(variance, 0.0))


def _recentred(averages: Floats, shift: Floats) -> Floats:
    """Return the sums around an origin that lies `shift` higher: far from zero, squares would lose their digits."""
    weight, total, square = averages[..., 0], averages[..., 1], averages[..., 2]
    by = shift[:, None]
    moved = total - weight * by
    return np.stack([weight, moved, np.maximum(square - by * (total + moved), 0.0)], axis=2)


def _late_and_usual(before: Floats, late: Floats, share: Floats) -> Floats:
    usual = before[:, 1] + share * (late.mean(1) - before[:, 1])
    return np.stack([late[:, -1], usual], axis=1)


def _news(usual: Usual, quiet: Floats, there: Floats) -> Floats:
    """Return mean and variance of the log distance to what was known, fading over the last thousand rows."""
    pace = there / np.minimum(usual.rows + there + 1.0, _NEWS_MEMORY)
    off = quiet - usual.news[:, :1]
    moved = pace * off.mean(1)
    variance = usual.news[:, 1] + pace * (np.square(off).mean(1) - usual.news[:, 1]) - moved**2
    return np.stack([usual.news[:, 0] + moved, np.maximum(variance, 0.0)], axis=1)
