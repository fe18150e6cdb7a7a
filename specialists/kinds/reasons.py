"""Why a model of records says what it says, and whether it has ever seen such a record, in sentences.

Reasons are found by occlusion (as for images in Zeiler and Fergus 2014, for single features in Robnik-Sikonja and
Kononenko 2008): one column at a time is set to what is usual, and how far the model's score falls is what that column
contributes. Columns that work only together, or that stand in for each other, are underrated by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specialists.kinds.base import setting
from specialists.kinds.columns import Category, Derived, Number, plain
from specialists.kinds.table import MISSING, UNKNOWN, Floats, Records, Table
from specialists.manifest_file import Json

_SIGNS = {"product": "x", "difference": "minus", "ratio": "over"}


@dataclass(frozen=True, slots=True)
class Known:
    """How far from the training data a record may lie before it counts as unfamiliar.

    `margin` is the share of a column's training range that a value may lie beyond it, `most_missing` the share of
    columns that may be missing.
    """

    margin: float
    most_missing: float

    @staticmethod
    def of(calibration: Json) -> Known:
        """Read both from a manifest; raise HiveError(manifest_invalid) if one is missing."""
        return Known(
            setting(calibration, "margin", "calibration"), setting(calibration, "most_missing", "calibration")
        )


def occluded(table: Table, records: Records) -> Records:
    """Return each record followed by its variants with one column as usual: 1 + len(table.columns) rows a record."""
    numeric, categories = len(table.numeric), len(table.categories)
    each = 1 + numeric + categories
    numbers = np.repeat(records.numbers, each, axis=0).reshape(len(records), each, numeric)
    codes = np.repeat(records.codes, each, axis=0).reshape(len(records), each, categories)
    for at in range(numeric):
        numbers[:, 1 + at, at] = table.ordinary.numbers[0, at]
    for at in range(categories):
        codes[:, 1 + numeric + at, at] = table.ordinary.codes[0, at]
    rows = each * len(records)
    return Records(numbers.reshape(rows, numeric), codes.reshape(rows, categories))


def strongest(table: Table, record: Records, falls: Floats, most: int, least: float) -> list[str]:
    """Return sentences on the `most` columns that contribute most, each at least `least`.

    `record` is one record; `falls` are the contributions, numeric columns first, then categories, as `occluded`
    orders them.
    """
    named = [*table.numeric, *table.categories]
    order = np.argsort(-falls, kind="stable")[:most]
    return [_sentence(table, named[at], int(at), record) for at in order if falls[at] >= least]


def unlike(table: Table, record: Records, known: Known) -> list[str]:
    """Return sentences on what in one record is unlike the training data; none where nothing is."""
    found = []
    values = table.all_numbers(record)[0]
    for column, value in zip(table.scaled, values, strict=True):
        slack = known.margin * (column.high - column.low)
        if value < column.low - slack or value > column.high + slack:
            found.append(
                f"{_named(table, column)} {_written(column, value)} is far from all that was learned from "
                f"({plain(column.low)} to {plain(column.high)})"
            )
    found += [
        f"{column.title} has a value that was not learned from"
        for column, code in zip(table.categories, record.codes[0], strict=True)
        if code == UNKNOWN
    ]
    missing = int(np.isnan(record.numbers[0]).sum() + (record.codes[0] == MISSING).sum())
    if missing > known.most_missing * len(table.columns):
        found.append(f"{missing} of {len(table.columns)} fields are missing")
    return found


def _sentence(table: Table, column: Number | Category, at: int, record: Records) -> str:
    if isinstance(column, Category):
        code = record.codes[0, at - len(table.numeric)]
        if code == MISSING:
            return f"{column.title} is missing"
        if code == UNKNOWN:
            return f"{column.title} has a value that was not learned from"
        return f"{column.title} is {column.values[code - 1]!r} (commonest: {column.common!r})"
    value = float(record.numbers[0, at])
    if np.isnan(value):
        return f"{column.title} is missing"
    low, high = column.usual
    place = " is low" if value < low else " is high" if value > high else ""
    return f"{column.title} {column.written(value)}{place} (usual {plain(low)} to {plain(high)})"


def _named(table: Table, column: Number | Derived) -> str:
    if isinstance(column, Number):
        return column.title
    titles = {number.name: number.title for number in table.numeric}
    return f"{titles[column.of[0]]} {_SIGNS[column.op]} {titles[column.of[1]]}"


def _written(column: Number | Derived, value: float) -> str:
    return column.written(value) if isinstance(column, Number) else plain(value)
