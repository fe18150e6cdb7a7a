"""From the rows of a window to one score: how much they look like a fault, and whether something new begins in them.

The score has two bands. Up to a half it grows with how much the rows look like a fault, for as long as they do. Above a
half something begins that the device has not done before, and the score grows with how new it is; it is said once, and
then only what is newer still counts for a while, since a person who was told need not be told with every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from specialists.kinds.situations import LEARNING_ROWS
from specialists.kinds.usual import NEWS_BEGIN, Floats, Usual

BLOCK: Final = 64
"""Rows that are summed up together; a longer window has the score of its worst block."""
_SHARP: Final = 8
_HALF_LIFE: Final = 100.0
_MOST: Final = 30.0
_ALONE: Final = 8.0
_SUDDEN: Final = 10.0
_RARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class News:
    """What begins in some rows: how new it is (0: nothing does), in which row, and what counts as told after them."""

    size: float
    row: int
    alarm: float


def fault_of(chances: Floats) -> float:
    """Return how much rows [rows] look like a fault, 0..1: the power mean of their chances in the worst block.

    Between the mean, which a spike would vanish in, and the maximum, which one odd row would decide. A window that is
    shorter than a block counts as if it were filled up with calm rows, so that short windows alarm no more than long
    ones.
    """
    ends = range(len(chances), 0, -BLOCK)
    sums = [float((chances[max(0, end - BLOCK) : end] ** _SHARP).sum()) for end in ends]
    return float((max(sums) / BLOCK) ** (1 / _SHARP))


def chances_of(logits: Floats) -> Floats:
    """Return the chance of a fault for each logit."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -_MOST, _MOST))))


def news_of(novelty: Floats, known: Floats, alarm: float) -> News:
    """Return what begins, from each channel's novelty [channels, rows] and how many rows it was `known` for before.

    A device's novelty is the root mean square of its channels'. While a channel is learned it has no news.
    """
    rows = novelty.shape[1]
    settled = known[:, None] + np.arange(rows) >= LEARNING_ROWS
    size = np.sqrt(np.square(novelty * settled).mean(0))
    kept = 0.5 ** (np.arange(rows + 1) / _HALF_LIFE)
    told = np.maximum.accumulate(np.concatenate([[alarm], size / kept[:-1] / kept[1]])) * kept
    begins = np.where((size > told[:-1]) & (size >= NEWS_BEGIN), size, 0.0)
    row = int(begins.argmax())
    return News(float(begins[row]), row, float(told[-1]))


def alone_in(values: Floats, start: Usual) -> News:
    """Return the value of a first window [channels, rows] that stands alone, far from all others of its channel.

    At least eight spreads and ten steps away (median deviations, so the value itself hardly counts), where at most one
    value in twenty is half as far: a burst among many is a way of life, one among none is news. `start` is what the
    window itself says is usual.
    """
    floor = start.floor()[:, None]
    away = np.nan_to_num(np.abs(values - start.level[:, None]) / (start.spread[:, None] + floor))
    moves = np.abs(np.diff(values, axis=1, prepend=values[:, :1]))
    steps = np.nan_to_num(moves / (start.step[:, None] + 0.01 * start.spread[:, None] + floor))
    rare = (away > _ALONE / 2).mean(1, keepdims=True) <= _RARE
    size = np.where(rare & (away >= _ALONE) & (steps >= _SUDDEN), away, 0.0).max(0)
    row = int(size.argmax())
    return News(float(size[row]) / (_ALONE / 2), row, 0.0)


def score_of(fault: float, news: float) -> float:
    """Return the score, 0..1, in its two bands."""
    return 0.5 + 0.5 * news / (1.0 + news) if news else fault / 2
