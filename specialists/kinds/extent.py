"""Where in a piece a fault is, and its numbers: what it was before, what it is now, and how far that is from usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.kinds.pieces import Piece
from specialists.kinds.usual import Floats

_FAR: Final = 3.0
_LEAST_SIDE: Final = 3


@dataclass(frozen=True, slots=True)
class Extent:
    """A fault of rows `start` to `end` (exclusive) of its piece.

    `before` and `after` are the values that it went from and to, `times` says how many usual spreads (or, for noise,
    how many times the usual step) it is, `count` is how many values are missing, or the period in rows.
    """

    start: int
    end: int
    before: float
    after: float
    times: float
    count: float = 0.0


def extent_of(kind: str, piece: Piece) -> Extent:
    """Return where a fault of `kind` is in a piece that holds at least one value."""
    finders = {
        "spike": _farthest,
        "level_shift": _change,
        "drift": _slope,
        "stuck": _still,
        "noise": _noisy,
        "oscillation": _swings,
        "missing": _holes,
    }
    return finders[kind](piece)


def _farthest(piece: Piece) -> Extent:
    away = _away(piece)
    top = int(np.nanargmax(np.abs(away)))
    start = end = top
    while start > 0 and abs(away[start - 1]) > abs(away[top]) / 2:
        start -= 1
    while end + 1 < len(away) and abs(away[end + 1]) > abs(away[top]) / 2:
        end += 1
    before = piece.values[:start]
    known = before[np.isfinite(before)]
    usual = float(np.median(known)) if len(known) else piece.scale.level
    return _numbers(piece, start, end + 1, usual, float(piece.values[top]))


def _change(piece: Piece) -> Extent:
    """Return the cut that tells the values before and after it apart best (least squares)."""
    values = piece.values
    here = np.flatnonzero(np.isfinite(values))
    if len(here) < 2 * _LEAST_SIDE:
        return _farthest(piece)
    known = values[here]
    sums = np.cumsum(known)
    counts = np.arange(1, len(known) + 1)
    left, right = sums / counts, (sums[-1] - sums) / np.maximum(len(known) - counts, 1)
    gain = counts * (len(known) - counts) * np.square(left - right)
    cut = int(np.argmax(gain[_LEAST_SIDE - 1 : -_LEAST_SIDE])) + _LEAST_SIDE
    before, after = float(np.median(known[:cut])), float(np.median(known[cut:]))
    # Where the piece begins in the new level already, what was usual is what it came from.
    level = piece.scale.level
    if abs(before - level) > abs(after - level):
        return _numbers(piece, 0, int(here[cut]), level, before)
    return _numbers(piece, int(here[cut]), len(values), before, after)


def _slope(piece: Piece) -> Extent:
    here = np.flatnonzero(np.isfinite(piece.values))
    known = piece.values[here]
    side = max(1, len(known) // 8)
    begin, end = float(np.median(known[:side])), float(np.median(known[-side:]))
    return _numbers(piece, int(here[0]), int(here[-1]) + 1, begin, end)


def _still(piece: Piece) -> Extent:
    same = np.abs(np.diff(piece.values)) <= piece.scale.floor
    start, end = _longest(same)
    held = piece.values[start]
    value = float(held) if np.isfinite(held) else piece.scale.level
    return _numbers(piece, start, end + 1, piece.scale.level, value)


def _noisy(piece: Piece) -> Extent:
    steps = np.abs(np.diff(piece.values))
    size = piece.scale.step + piece.scale.floor
    loud = np.flatnonzero(np.nan_to_num(steps) > _FAR * size)
    start, end = (int(loud[0]), int(loud[-1]) + 2) if len(loud) else (0, len(piece.values))
    part = steps[start : max(start + 1, end - 1)]
    now = float(np.nanmedian(part)) if np.isfinite(part).any() else 0.0
    return Extent(start, end, piece.scale.step, now, now / size)


def _swings(piece: Piece) -> Extent:
    here = piece.values[np.isfinite(piece.values)]
    middle = here - here.mean()
    power = np.abs(np.fft.rfft(middle))
    period = len(here) / (int(np.argmax(power[1:])) + 1) if len(power) > 1 else float(len(here))
    height = float(np.quantile(np.abs(middle), 0.9))
    times = height / (piece.scale.spread + piece.scale.floor)
    return Extent(0, len(piece.values), piece.scale.spread, height, times, period)


def _holes(piece: Piece) -> Extent:
    gone = np.flatnonzero(~np.isfinite(piece.values))
    if not len(gone):
        return Extent(0, len(piece.values), piece.scale.level, piece.scale.level, 0.0)
    start, end = int(gone[0]), int(gone[-1]) + 1
    return Extent(start, end, piece.scale.level, piece.scale.level, 0.0, float(len(gone)))


def _numbers(piece: Piece, start: int, end: int, before: float, after: float) -> Extent:
    return Extent(start, end, before, after, abs(after - before) / (piece.scale.spread + piece.scale.floor))


def _away(piece: Piece) -> Floats:
    return (piece.values - piece.scale.level) / (piece.scale.spread + piece.scale.floor)


def _longest(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first and the last place of the longest run of true values, plus one row for its end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    if not len(edges):
        return 0, len(flags)
    runs = edges.reshape(-1, 2)
    start, end = runs[int(np.argmax(runs[:, 1] - runs[:, 0]))]
    return int(start), int(end)
