"""The situations that a channel has been in before, and how far from all of them each row is.

A row far from every remembered situation is news, and becomes one: the leader algorithm (Hartigan 1975), as relative
entropy's growing set of hypotheses (Wang et al. 2011) but with mean and spread at two scales in place of a histogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from specialists.kinds.usual import NEWS_BEGIN, Floats, Usual

LEARNING_ROWS: Final = 384
"""What is seen in a channel's first rows is usual at once; later, a new situation has to last to become usual."""
FARTHEST: Final = 30.0
_LASTS: Final = 512.0


@dataclass(frozen=True, slots=True)
class Met:
    """What was met in some rows: `novelty` and `distance` [channels, rows] and the memories after them.

    `novelty` is the distance to the nearest situation of all, `distance` the one to the nearest that is usual, both in
    spreads; `difference` [channels, rows, SHAPE] is the way to the nearest of all.
    """

    novelty: Floats
    distance: Floats
    difference: Floats
    known: Floats
    lasted: Floats
    idle: Floats


def meet(shape: Floats, usual: Usual) -> Met:
    """Compare `shape` [channels, rows, SHAPE] with what is remembered, and remember what is new."""
    count, rows, _ = shape.shape
    unit = np.sqrt(usual.shape_spread**2 + usual.wander**2) + usual.floor()[:, None]
    scaled = (shape - usual.shape[:, None]) / unit[:, None]
    there = ~np.isnan(usual.known[:, :, 0])
    remembered = np.nan_to_num((usual.known - usual.shape[:, None]) / unit[:, None])
    square = _squares(scaled, remembered)
    square[np.broadcast_to(~there[:, None], square.shape)] = np.inf
    settled = np.where((there & (usual.lasted >= _LASTS))[:, None], square, np.inf).min(2)
    near, least = square.argmin(2), square.min(2)
    nearest = np.take_along_axis(remembered, near[:, :, None], axis=1)
    known, lasted, idle = usual.known.copy(), usual.lasted.copy(), usual.idle + rows
    for row in np.flatnonzero((least > NEWS_BEGIN**2).any(0)):
        new = np.flatnonzero(least[:, row] > NEWS_BEGIN**2)
        slot = np.where(np.isnan(known[new, :, 0]), np.inf, idle[new]).argmax(1)
        known[new, slot], lasted[new, slot], idle[new, slot] = shape[new, row], 0.0, 0.0
        later = np.square(scaled[new, row + 1 :] - scaled[new, row, None]).mean(2)
        closer = later < least[new, row + 1 :]
        least[new, row + 1 :] = np.where(closer, later, least[new, row + 1 :])
        near[new, row + 1 :] = np.where(closer, slot[:, None], near[new, row + 1 :])
        nearest[new, row + 1 :] = np.where(
            closer[:, :, None], scaled[new, row, None], nearest[new, row + 1 :]
        )
        near[new, row] = slot
    learning = (usual.rows < LEARNING_ROWS)[:, None]
    place = (np.arange(count)[:, None], near)
    np.add.at(lasted, place, np.broadcast_to(np.where(learning, _LASTS, 1.0), near.shape))
    idle[place] = 0.0
    novelty = np.minimum(np.sqrt(least), FARTHEST)
    distance = np.where(learning | np.isinf(settled), novelty, np.minimum(np.sqrt(settled), FARTHEST))
    difference = np.clip(scaled - nearest, -FARTHEST, FARTHEST)
    return Met(novelty, distance, difference, known, lasted, idle)


def _squares(one: Floats, other: Floats) -> Floats:
    """Return the mean squared differences [channels, rows, situations] of [channels, n, SHAPE] each."""
    lengths = np.square(one).sum(2)[:, :, None] + np.square(other).sum(2)[:, None]
    away = lengths - 2.0 * (one @ other.transpose(0, 2, 1))
    return np.asarray(np.maximum(away, 0.0) / one.shape[2])
