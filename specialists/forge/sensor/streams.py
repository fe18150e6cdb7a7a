"""Streams to learn from and to measure on: recorded and made-up signals, with faults put into them, row by row.

A row is at fault while the fault lasts. The rows just behind a fault still carry its traces in their averages: they
are neither, and count nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.sensor.faults import KINDS, Rng, Signal, inject
from specialists.forge.sensor.signals import ordinary
from specialists.kinds.rows import FEATURES, judge
from specialists.kinds.usual import first_usual

FIRST_ROWS: Final = 64
"""How many rows a stream's first window has, from which its first scales are taken."""
_AFTER: Final = 80
_ONSET: Final = 16
_LATER: Final = 0.25
_SHORT: Final = 8.0
"""What a row of the shortest faults counts: all beginnings shall count alike, and a spike has few rows."""
_HOLES: Final = 0.15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Streams:
    """Signals [streams, rows], which rows are at fault, and what each row counts (0: nothing)."""

    values: Floats
    faulty: npt.NDArray[np.bool_]
    weight: Floats


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows as the model sees them [rows, FEATURES], whether each is at fault, and what it counts."""

    features: npt.NDArray[np.float32]
    faulty: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.faulty)


def streams(pool: Sequence[Signal], count: int, rows: int, rng: Rng, recorded: float) -> Streams:
    """Return `count` streams with faults; a share `recorded` is cut from `pool`, the others are made up."""
    values = np.stack([signal(pool, rows, rng, recorded) for _ in range(count)])
    faulty = np.zeros(values.shape, dtype=bool)
    weight = np.ones(values.shape)
    for line, marks, worth in zip(values, faulty, weight, strict=True):
        _spoil(line, marks, worth, rng)
    return Streams(values, faulty, weight)


def row_set(made: Streams, rng: Rng, keep: float) -> RowSet:
    """Return the rows of streams: all where a fault begins, of the others a share `keep`."""
    seen = judge(made.values, first_usual(made.values[:, :FIRST_ROWS]))
    onset = _onsets(made.faulty)
    weight = np.where(made.faulty & ~onset, _LATER, made.weight)
    taken = (weight > 0) & ((rng.random(weight.shape) < keep) | onset)
    worth = np.where(onset, weight, weight / keep)
    return RowSet(
        seen.features[taken].astype(np.float32), made.faulty[taken], worth[taken].astype(np.float32)
    )


def joined(parts: Sequence[RowSet]) -> RowSet:
    """Return several sets of rows as one."""
    if not parts:
        return RowSet(np.zeros((0, FEATURES), np.float32), np.zeros(0, bool), np.zeros(0, np.float32))
    return RowSet(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.faulty for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def signal(pool: Sequence[Signal], rows: int, rng: Rng, recorded: float) -> Signal:
    """Return one ordinary signal of `rows` rows, with the chance `recorded` from `pool`, some with holes in them."""
    if pool and rng.random() < recorded:
        source = pool[int(rng.integers(len(pool)))]
        begin = int(rng.integers(max(1, len(source) - rows + 1)))
        cut = source[begin : begin + rows]
        # A short recording goes to and fro, so that no jump is in it that the device did not make.
        values = np.resize(np.concatenate([cut, cut[::-1]]), rows) if len(cut) < rows else cut.copy()
    else:
        values = ordinary(rows, rng)
    if rng.random() < _HOLES:
        values[rng.random(rows) < rng.uniform(0.01, 0.1)] = np.nan
    return values


def _spoil(values: Signal, marks: npt.NDArray[np.bool_], weight: Floats, rng: Rng) -> None:
    """Put faults into a stream, some of them in its first window, the others with quiet rows between them."""
    at = int(rng.integers(4, 60)) if rng.random() < 0.4 else int(rng.integers(80, 500))
    while at < len(values) - 4:
        fault = inject(values, KINDS[int(rng.integers(len(KINDS)))], at, rng)
        if fault is None:
            at += 50
            continue
        # The beginning of a drift looks like nothing yet.
        begin = fault.start + (fault.end - fault.start) // 3 if fault.kind == "drift" else fault.start
        weight[fault.start : begin] = 0.0
        marks[begin : fault.end] = True
        weight[begin : fault.end] = max(1.0, min(_SHORT, _ONSET / (fault.end - begin)))
        weight[fault.end : fault.end + _AFTER] = 0.0
        at = fault.end + int(rng.integers(150, 700))


def _onsets(faulty: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    before = np.pad(faulty, ((0, 0), (_ONSET, 0)))[:, :-_ONSET]
    return faulty & ~before
