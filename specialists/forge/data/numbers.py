"""Numbers as people write them: decimal points and commas, thousands marks, percent, and words for nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MISSING: Final = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "-", "--", "?"})
"""What stands for a missing value, in lower case."""
_COMMA: Final = re.compile(r"[+-]?\d+(\.\d{3})*,(\d+)(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_POINT: Final = re.compile(r"[+-]?\d+\.\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column read as numbers: NaN where a value is missing or odd.

    `odd` are the positions of values that are neither a number nor missing; infinities are odd too.
    `decimal_comma` says whether the comma was read as the decimal mark.
    """

    floats: npt.NDArray[np.float64]
    odd: tuple[int, ...]
    decimal_comma: bool


def is_missing(value: object) -> bool:
    """Say whether a cell holds nothing: None, NaN, or one of the words for it."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN is unlike itself


def numbers(values: Sequence[object], *, comma_first: bool = False) -> Numbers:
    """Read a column of cells as numbers.

    `1,234` alone may be either; it is read as a decimal if another value of the column cannot be otherwise, or if
    `comma_first` (the file's delimiter is a semicolon, as where the comma is the decimal mark).
    """
    comma = _decimal_comma(
        [value for value in values if isinstance(value, str) and "," in value], comma_first
    )
    if comma and any(isinstance(value, str) and _POINT.fullmatch(value.strip()) for value in values):
        comma = False
    out = np.full(len(values), np.nan)
    odd = []
    for place, value in enumerate(values):
        if is_missing(value):
            continue
        number = _number(value, comma=comma)
        if number is None:
            odd.append(place)
        else:
            out[place] = number
    return Numbers(out, tuple(odd), comma)


def _decimal_comma(texts: Sequence[str], comma_first: bool) -> bool:  # noqa: FBT001 - private, one caller
    matches = [_COMMA.fullmatch(text.strip()) for text in texts]
    found = [match for match in matches if match]
    if any(match[1] or len(match[2]) != 3 for match in found):
        return True
    return bool(found) and comma_first


def _number(value: object, *, comma: bool) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value) if np.isfinite(value) else None
    text = str(value).strip().replace("\u00a0", "").replace("\u2212", "-").removesuffix("%").rstrip()
    if comma and "," in text:
        text = text.replace(".", "").replace(",", ".")
    elif _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if "_" in text:  # Python reads 1_000 as a number; a table that has it means a name
        return None
    try:
        number = float(text)
    except (ValueError, OverflowError):
        return None
    return number if np.isfinite(number) else None
