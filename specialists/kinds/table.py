"""Records of named fields as rows of numbers: what a manifest says of the columns, and how a record is read by it.

The forge makes its training rows with the same code, so that a model sees at work what it saw while it learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.kinds.columns import CATEGORY, Category, Column, Derived, Number

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
MISSING: Final = 0
UNKNOWN: Final = -1
"""The codes of a category that is missing, and of one that was never seen; a model sees no difference."""
_FARTHEST: Final = 1e4


@dataclass(frozen=True, slots=True)
class Records:
    """Records as arrays: `numbers` [n, numeric columns], NaN where missing, and `codes` [n, categories]."""

    numbers: Floats
    codes: Codes

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.numbers)

    def take(self, rows: npt.NDArray[np.intp]) -> Records:
        """Return the records of `rows`, in that order."""
        return Records(self.numbers[rows], self.codes[rows])


class Table:
    """The columns of a table, in order, and the numbers that are derived from them."""

    def __init__(self, columns: Sequence[Column], derived: Sequence[Derived] = ()) -> None:
        """Keep the columns; each derived one must name two numeric ones."""
        self.columns = tuple(columns)
        self.derived = tuple(derived)
        self.numeric = tuple(column for column in columns if isinstance(column, Number))
        self.categories = tuple(column for column in columns if isinstance(column, Category))
        place = {column.name: at for at, column in enumerate(self.numeric)}
        self._of = [(entry.op, place[entry.of[0]], place[entry.of[1]]) for entry in self.derived]
        self.scaled: tuple[Number | Derived, ...] = (*self.numeric, *self.derived)
        self._center = np.array([column.median for column in self.scaled], dtype=np.float64)
        self._scale = np.array([column.scale for column in self.scaled], dtype=np.float64)
        sizes = [len(column.values) + 1 for column in self.categories]
        self._first = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
        self._flags = int(sum(sizes))
        self._code = [
            {value: code for code, value in enumerate(column.values, MISSING + 1)}
            for column in self.categories
        ]
        self.ordinary = Records(
            self._center[None, : len(self.numeric)].copy(),
            np.array(
                [[codes[c.common] for c, codes in zip(self.categories, self._code, strict=True)]], np.int64
            ),
        )

    @property
    def width(self) -> int:
        """The length of a row: every number, a flag per number that may be missing, a flag per category."""
        return len(self._center) + len(self.numeric) + self._flags

    def rows(self, records: Records) -> npt.NDArray[np.float32]:
        """Return what the model takes, float32 [n, width].

        Numbers are scaled by median and spread, 0 where missing; then which numbers are missing; then the categories
        one-hot, the first of each column for what is missing or unknown.
        """
        with np.errstate(over="ignore"):  # a number too large to be scaled is as far away as can be
            scaled = (self.all_numbers(records) - self._center) / self._scale
        missing = np.isnan(records.numbers)
        flags = np.zeros((len(records), self._flags))
        np.put_along_axis(flags, np.maximum(records.codes, MISSING) + self._first, 1.0, axis=1)
        numbers = np.where(np.isnan(scaled), 0.0, np.clip(scaled, -_FARTHEST, _FARTHEST))
        return np.concatenate([numbers, missing, flags], axis=1).astype(np.float32)

    def all_numbers(self, records: Records) -> Floats:
        """Return the numeric columns and the derived ones, NaN where missing or not defined."""
        given = records.numbers
        more = [derive(op, given[:, a], given[:, b]) for op, a, b in self._of]
        return np.column_stack([given, *more]) if more else given

    def ordinary_record(self) -> dict[str, object]:
        """Return a record with every number at its median and every category at its commonest."""
        return {c.name: c.median if isinstance(c, Number) else c.common for c in self.columns}

    def read(self, record: object, where: str) -> tuple[list[float], list[int]]:
        """Return the numbers and the codes of one record; null and absent fields are missing, others are ignored.

        Raises HiveError(input_invalid), naming the field: the record is no object, a value has the wrong type or is
        infinite, no known field is there, or an unknown one looks like a column that is absent.
        """
        if not isinstance(record, Mapping):
            raise HiveError("input_invalid", f"`{where}` must be an object with fields, not {_type(record)}.")
        self._refuse_misspelt(record, where)
        numbers = [_number(record.get(column.name), column.name) for column in self.numeric]
        codes = [
            known.get(text, UNKNOWN) if (text := _text(record.get(column.name), column.name)) else MISSING
            for column, known in zip(self.categories, self._code, strict=True)
        ]
        if all(map(math.isnan, numbers)) and not any(record.get(c.name) is not None for c in self.categories):
            names = ", ".join(column.name for column in self.columns)
            raise HiveError("input_invalid", f"`{where}` has a value for none of its fields: {names}.")
        return numbers, codes

    def _refuse_misspelt(self, record: Mapping[object, object], where: str) -> None:
        absent = [column.name for column in self.columns if column.name not in record]
        if not absent:
            return
        known = {column.name for column in self.columns}
        for name in record:
            if isinstance(name, str) and name not in known:
                near = get_close_matches(name, absent, 1, 0.8)
                if near:
                    raise HiveError(
                        "input_invalid", f"`{where}.{name}` is not known: did you mean {near[0]!r}?"
                    )


def derive(op: str, left: Floats, right: Floats) -> Floats:
    """Return the product, difference or ratio of two columns, NaN where it is missing or not finite."""
    with np.errstate(all="ignore"):
        if op == "product":
            found = left * right
        elif op == "difference":
            found = left - right
        else:
            found = left / right
        return np.where(np.isfinite(found), found, np.nan)


def stacked(parts: Sequence[tuple[list[float], list[int]]]) -> Records:
    """Return read records as arrays."""
    numbers, codes = zip(*parts, strict=True)
    return Records(
        np.array(numbers, dtype=np.float64).reshape(len(parts), -1),
        np.array(codes, dtype=np.int64).reshape(len(parts), -1),
    )


def _number(value: object, name: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise HiveError("input_invalid", f"`{name}` must be a number or null, not {_type(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise HiveError("input_invalid", f"`{name}` is infinite. Send null where a value is missing.")
    return number


def _text(value: object, name: str) -> str:
    """Return a category as a table writes it; what a file holds as 3 may come as 3, 3.0 or "3"."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return ""
        raise HiveError("input_invalid", f"`{name}` is infinite. Send null where a value is missing.")
    if isinstance(value, int | float):
        return category_text(value)
    raise HiveError("input_invalid", f"`{name}` must be a {CATEGORY} (text) or null, not {_type(value)}.")


def category_text(value: float) -> str:
    """Return a number as the text of a category: whole ones without a point."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _type(value: object) -> str:
    return {
        "str": "text",
        "dict": "an object",
        "list": "a list",
        "bool": "true or false",
        "NoneType": "null",
    }.get(type(value).__name__, type(value).__name__)
