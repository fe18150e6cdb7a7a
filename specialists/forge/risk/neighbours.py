"""Rows like the training rows but new: what a teacher labels for its student (as in Bucilua et al. 2006)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from specialists.kinds.table import MISSING, Records, Table

Floats = npt.NDArray[np.float64]
Cell = TypeVar("Cell", np.float64, np.int64)
_SWAP = 0.25
_JITTER = 0.15
_LOST = 0.03
_ORDINARY = 0.08
_FEW = 12


def neighbours(
    table: Table, records: Records, weights: Floats, count: int, rng: np.random.Generator
) -> Records:
    """Return `count` rows made from `records`, drawn by `weights`.

    Each takes some of its cells from another row, moves its numbers a little (not those that take few values), and
    loses some cells or has one set to what is usual, as when reasons are looked for.
    """
    first = rng.choice(len(records), count, p=weights / weights.sum())
    second = rng.integers(0, len(records), count)
    rate = rng.uniform(0, 2 * _SWAP, (count, 1))
    numbers = _mixed(records.numbers, first, second, rate, rng)
    codes = _mixed(records.codes, first, second, rate, rng)
    if numbers.shape[1]:
        numbers = _moved(table, records, numbers, rng)
    _disturb(table, numbers, codes, rng)
    return Records(numbers, codes)


def balanced(values: Floats, *, classes: bool) -> Floats:
    """Return weights that draw half of the rows evenly, and half from what happened and what did not alike."""
    if not classes or values.sum() in (0, len(values)):
        return np.ones(len(values))
    share = values.mean()
    return np.asarray(1 + np.where(values > 0, 0.5 / share, 0.5 / (1 - share)))


def _mixed(
    cells: npt.NDArray[Cell],
    first: npt.NDArray[np.intp],
    second: npt.NDArray[np.int64],
    rate: Floats,
    rng: np.random.Generator,
) -> npt.NDArray[Cell]:
    swap = rng.random((len(first), cells.shape[1])) < rate
    return np.where(swap, cells[second], cells[first])


def _moved(table: Table, records: Records, numbers: Floats, rng: np.random.Generator) -> Floats:
    scale = np.array([column.scale for column in table.numeric])
    few = np.array([len(np.unique(column[np.isfinite(column)])) <= _FEW for column in records.numbers.T])
    width = rng.exponential(_JITTER, (len(numbers), 1))
    return numbers + rng.normal(size=numbers.shape) * width * np.where(few, 0.0, scale)


def _disturb(table: Table, numbers: Floats, codes: npt.NDArray[np.int64], rng: np.random.Generator) -> None:
    _lose(numbers, table.ordinary.numbers[0], np.nan, rng)
    _lose(codes, table.ordinary.codes[0], MISSING, rng)


def _lose(cells: npt.NDArray[Cell], usual: npt.NDArray[Cell], lost: float, rng: np.random.Generator) -> None:
    if not cells.shape[1]:
        return
    cells[rng.random(cells.shape) < _LOST] = lost
    rows = np.flatnonzero(rng.random(len(cells)) < _ORDINARY)
    columns = rng.integers(0, cells.shape[1], len(rows))
    cells[rows, columns] = usual[columns]
