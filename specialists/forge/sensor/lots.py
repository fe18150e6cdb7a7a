"""Pieces of channels with one fault each, its kind, and what was usual before: what a namer of faults learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.sensor.faults import KINDS, Rng, Signal, inject
from specialists.forge.sensor.streams import signal
from specialists.kinds.pieces import LENGTH, scale_of, view_of, worst_piece
from specialists.kinds.rows import judge
from specialists.kinds.usual import first_usual

_PAST: Final = 384
_LONGEST: Final = 256
_SHORTEST: Final = 24
_TRIES: Final = 20
_KNOWN: Final = 0.75


@dataclass(frozen=True, slots=True)
class Lot:
    """Views [pieces, VIEWS, LENGTH], and the number of each one's kind."""

    views: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.kinds)


def lot_of(pool: Sequence[Signal], count: int, rng: Rng, recorded: float) -> Lot:
    """Return `count` pieces, the kinds in turn; most have a past, which says what is usual."""
    signals, kinds = [], []
    for number in range(count):
        kind = number % len(KINDS)
        signals.append(_faulty(pool, KINDS[kind], rng, recorded))
        kinds.append(kind)
    pasts = np.stack([values[:_PAST] for values in signals])
    known = judge(pasts, first_usual(pasts[:, :64])).usual
    views = []
    for number, values in enumerate(signals):
        window = values[_PAST:]
        usual = known.only(number) if rng.random() < _KNOWN else None
        scale = scale_of(window, usual, _SHORTEST)
        views.append(view_of(worst_piece(window, scale)))
    return Lot(np.stack(views).astype(np.float32), np.array(kinds, dtype=np.int64))


def joined(lots: Sequence[Lot]) -> Lot:
    """Return several lots as one."""
    return Lot(np.concatenate([lot.views for lot in lots]), np.concatenate([lot.kinds for lot in lots]))


def _faulty(pool: Sequence[Signal], kind: str, rng: Rng, recorded: float) -> Signal:
    """Return a past and a window behind it with a fault of `kind`; signals that cannot have it are passed over."""
    for attempt in range(_TRIES):
        length = int(rng.integers(_SHORTEST, _LONGEST + 1))
        values = signal(pool, _PAST + length, rng, recorded if attempt < _TRIES // 2 else 0.0)
        # As detectors cut windows: a fault may begin anywhere, and a lasting one may have begun with the window.
        latest = max(1, length - (4 if kind in {"spike", "missing"} else 16))
        fault = inject(values, kind, _PAST + int(rng.integers(latest)), rng)
        if fault is not None and np.isfinite(values[_PAST:]).sum() > 4:
            return values
    values = np.sin(np.arange(_PAST + LENGTH) / 5) + 0.1 * rng.normal(size=_PAST + LENGTH)
    inject(values, kind, _PAST + LENGTH // 4, rng)
    return values
