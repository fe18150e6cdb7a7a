"""From understood columns to a table as a manifest describes it, with its scales taken from the training part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.records.understand import Cells, NumberCells
from specialists.kinds.columns import Category, Column, Derived, Number
from specialists.kinds.table import MISSING, UNKNOWN, Records, Table, derive

_DIGITS: Final = 7
_NORMAL: Final = 2.5631
"""How many standard deviations the middle eight tenths of a normal distribution span."""
_WITH_UNIT: Final = re.compile(r"(.*\S)\s*[\[(]\s*([^\])]{1,16}?)\s*[\])]\s*")
_SHORT_WORD: Final = 3


def fitted(
    cells: Sequence[Cells], train: npt.NDArray[np.bool_], names: Mapping[str, str]
) -> tuple[list[Column], Records]:
    """Return the columns, fitted to the rows of `train`, and all rows as records.

    `names` are titles for columns, such as "torque [Nm]"; without one the column's own name is read like that.
    """
    columns: list[Column] = []
    numbers, codes = [], []
    for column in cells:
        title, unit = titled(names.get(column.name, column.name))
        if isinstance(column, NumberCells):
            known = column.values[train & np.isfinite(column.values)]
            columns.append(_number(column.name, title, unit, known))
            numbers.append(column.values)
        else:
            columns.append(Category(column.name, title, column.values, column.values[0]))
            place = {value: at for at, value in enumerate(column.values, MISSING + 1)}
            codes.append([place.get(text, UNKNOWN) if text else MISSING for text in column.texts])
    count = len(train)
    return columns, Records(
        np.array(numbers, dtype=np.float64).reshape(len(numbers), count).T.copy(),
        np.array(codes, dtype=np.int64).reshape(len(codes), count).T.copy(),
    )


def derived(
    op: str, pair: tuple[Number, Number], records: Records, table: Table, train: npt.NDArray[np.bool_]
) -> Derived:
    """Return a derived column, fitted to the rows of `train`."""
    left, right = (records.numbers[:, table.numeric.index(column)] for column in pair)
    values = derive(op, left, right)
    known = values[train & np.isfinite(values)]
    median, scale = _spread(known)
    return Derived(op, (pair[0].name, pair[1].name), median, scale, _round(known.min()), _round(known.max()))


def titled(name: str) -> tuple[str, str]:
    """Return a title in plain words and the unit in brackets behind it, "" where there is none."""
    match = _WITH_UNIT.fullmatch(name)
    words, unit = (match[1], match[2]) if match else (name, "")
    parts = re.sub(r"[_\s]+", " ", words).strip() or name
    first = parts.split(" ")[0]
    if not (first.isupper() and len(first) <= _SHORT_WORD):
        parts = parts[0].lower() + parts[1:]
    return parts, unit


def _number(name: str, title: str, unit: str, known: npt.NDArray[np.float64]) -> Number:
    if not len(known):
        return Number(name, title, unit, 0.0, 1.0, (0.0, 0.0), 0.0, 0.0)
    median, scale = _spread(known)
    low, high = np.quantile(known, [0.1, 0.9])
    return Number(
        name,
        title,
        unit,
        median,
        scale,
        (_round(low), _round(high)),
        _round(known.min()),
        _round(known.max()),
    )


def _spread(known: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    scale = (high - low) / _NORMAL or known.std() or abs(middle) or 1.0
    return _round(middle), _round(scale)


def _round(value: float) -> float:
    """Return few digits: what a manifest holds is read by people, and the model is trained with the same."""
    return float(f"{float(value):.{_DIGITS}g}")
