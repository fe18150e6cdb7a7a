"""What each column of a table is: numbers, categories, or nothing to learn from, with a sentence where it matters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from specialists.forge.data.findings import Findings, counted, listed, rows_named
from specialists.forge.data.numbers import Numbers, is_missing, numbers
from specialists.kinds.table import category_text

MOST_VALUES: Final = 50
"""Categories that a column may have; rarer ones count as unknown."""
_RARE: Final = 5
_ODD_SHARE: Final = 0.05
_COVERED: Final = 0.8
_UNIQUE: Final = 0.98
_OFTEN_NEW: Final = 0.2
_LARGEST: Final = 1e100
_DATES: Final = 0.95
_LOOKED_AT: Final = 2000
_MANY: Final = 0.05
_ID_NAME: Final = re.compile(
    r"(^|[\W_])(id|ids|uid|udi|uuid|guid|index|idx|rowid|row|serial|record ?no|unnamed: ?\d+)($|[\W_])|[a-z]ID$|^Id$",
)
_MEASURED: Final = re.compile(r"[-+]?\d[\d.,]* ?[^\W\d_%]{1,4}\d?")
_DATE: Final = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( \d{1,2}:\d{2}.*)?"
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
)


@dataclass(frozen=True, slots=True)
class NumberCells:
    """A column of numbers, NaN where missing."""

    name: str
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CategoryCells:
    """A column of texts, "" where missing; `values` are those worth learning, commonest first."""

    name: str
    texts: npt.NDArray[np.object_]
    values: tuple[str, ...]


Cells = NumberCells | CategoryCells


def understood(
    frame: pd.DataFrame,
    keep: Sequence[str],
    drop: Sequence[str],
    findings: Findings,
    *,
    comma_first: bool,
) -> list[Cells]:
    """Return the columns that can be learned from.

    Columns of `drop` are left out; those of `keep` stay though they look like an id. Raises HiveError(data_invalid) if
    one of them is not there or if nothing is left.
    """
    for option, names in (("keep", keep), ("drop", drop)):
        for name in names:
            if name not in frame.columns:
                near = get_close_matches(name, [str(c) for c in frame.columns], 1, 0.5)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                findings.fatal("column_missing", f"data.{option}: there is no column {name!r}.{hint}")
    findings.refuse_fatal()
    found = []
    for name in frame.columns:
        if name not in drop:
            cells = _cells(frame[name], findings, comma_first=comma_first, keep=name in keep)
            if cells is not None:
                found.append(cells)
    if not found:
        why = " ".join(finding.sentence for finding in findings.items if finding.code.startswith("column_"))
        findings.fatal("no_columns", f"No column is left to learn from. {why}".rstrip())
    findings.refuse_fatal()
    return found


def continuous(frame: pd.DataFrame) -> bool:
    """Say whether some column takes so many values that equal rows are no coincidence."""
    head = frame.head(_LOOKED_AT)
    return any(head[name].map(str).nunique() > max(20, _MANY * len(head)) for name in head.columns)


def _cells(cells: pd.Series, findings: Findings, *, comma_first: bool, keep: bool) -> Cells | None:
    name, values = repr(cells.name), cells.tolist()
    present = np.array([not is_missing(value) for value in values])
    if not present.any():
        findings.note("column_empty", f"{name} is empty; left out.")
        return None
    if cells.map(lambda value: isinstance(value, list | dict)).any():
        findings.warn(
            "column_nested", f"{name} holds lists or objects; left out. Write a column for each part."
        )
        return None
    read = _reasonable(numbers(values, comma_first=comma_first))
    odd = len(read.odd) / present.sum()
    if any(isinstance(value, bool) for value in values) or odd > _ODD_SHARE:
        return _category(cells, present, findings, keep=keep, mixed=0 < odd < 1 - _ODD_SHARE)
    if read.odd:
        findings.warn(
            "column_mixed",
            f"{name} holds numbers but for {counted(len(read.odd), 'value')} such as {values[read.odd[0]]!r} in "
            f"{rows_named(cells.index[list(read.odd)])}; those count as missing.",
        )
    return _number(cells, read.floats, findings, keep=keep)


def _reasonable(read: Numbers) -> Numbers:
    """Return the numbers without those so large that a product of two would overflow; they count as odd."""
    large = np.flatnonzero(np.abs(read.floats) > _LARGEST)
    floats = read.floats.copy()
    floats[large] = np.nan
    return replace(read, floats=floats, odd=tuple(sorted({*read.odd, *map(int, large)})))


def _number(
    cells: pd.Series, values: npt.NDArray[np.float64], findings: Findings, *, keep: bool
) -> NumberCells | None:
    name, known = repr(cells.name), values[np.isfinite(values)]
    different = len(np.unique(known))
    if different < 2 and len(known) == len(values):
        findings.note("column_constant", f"{name} is {known[0]:g} in every row; left out.")
        return None
    if not keep and (why := _numbering(str(cells.name), known, different)):
        findings.warn(
            "column_id",
            f"{name} {why}; left out, since it says nothing about a new row. To use it all the same: "
            f'--set "data.keep=[{name}]".',
        )
        return None
    return NumberCells(str(cells.name), values)


def _numbering(name: str, known: npt.NDArray[np.float64], different: int) -> str:
    """Return why these numbers only count or name the rows, "" if they do not."""
    if len(known) < 20 or (known % 1 != 0).any():
        return ""
    steps = np.diff(known)
    if different > _UNIQUE * len(known):
        if (steps > 0).all() or (steps < 0).all():
            return "is a row number or a time stamp: it goes up or down with every row"
        if known.max() - known.min() < 1.5 * len(known) or _ID_NAME.search(name):
            return "is an id: each row has another number"
    if _ID_NAME.search(name) and different > _OFTEN_NEW * len(known):
        return f"is an id, by its name and {different:,} different values"
    return ""


def _category(
    cells: pd.Series, present: npt.NDArray[np.bool_], findings: Findings, *, keep: bool, mixed: bool
) -> CategoryCells | None:
    name = repr(cells.name)
    texts = np.array(
        [_text(v) if there else "" for v, there in zip(cells, present, strict=True)], dtype=object
    )
    counts = pd.Series(texts[present]).value_counts()
    if len(counts) < 2 and present.all():
        findings.note("column_constant", f"{name} is {counts.index[0]!r} in every row; left out.")
        return None
    if _dates(texts[present]):
        findings.warn(
            "column_date",
            f"{name} holds dates or times such as {texts[present][0]!r}; left out. What matters of them (the hour, the "
            "weekday, the days since something) write as columns of numbers.",
        )
        return None
    if (
        not keep
        and len(counts) > MOST_VALUES
        and (why := _naming(str(cells.name), counts, int(present.sum())))
    ):
        findings.warn(
            "column_id", f'{name} {why}; left out. To use it all the same: --set "data.keep=[{name}]".'
        )
        return None
    if mixed:
        findings.warn(
            "column_mixed",
            f"{name} mixes numbers and texts such as {_example(texts[present])}; it is read as categories, each number "
            "as a name. Split it into two columns if the numbers are measured.",
        )
    kept = counts[counts >= min(_RARE, max(2, len(texts) // 100))].head(MOST_VALUES)
    if kept.empty:
        kept = counts.head(MOST_VALUES)
    if len(kept) < len(counts):
        findings.note(
            "values_rare",
            f"{name}: {counted(len(counts) - len(kept), 'rare value')} such as {counts.index[-1]!r} count as unknown.",
        )
    return CategoryCells(str(cells.name), texts, tuple(map(str, kept.index)))


def _naming(name: str, counts: pd.Series, total: int) -> str:
    if np.mean([bool(_MEASURED.fullmatch(text)) for text in counts.index[:_LOOKED_AT]]) >= _DATES:
        return f"holds numbers with a unit such as {counts.index[0]!r}: write the numbers alone"
    if len(counts) > _UNIQUE * total:
        return "is a name, an id or free text: nearly each row has another"
    if _ID_NAME.search(name) and len(counts) > _OFTEN_NEW * total:
        return f"is an id, by its name and {len(counts):,} different values"
    if counts.head(MOST_VALUES).sum() < _COVERED * total:
        return f"has {len(counts):,} different texts, too many to learn each"
    return ""


def _dates(texts: npt.NDArray[np.object_]) -> bool:
    some = texts[:_LOOKED_AT]
    return bool(np.mean([bool(_DATE.fullmatch(text)) for text in some]) >= _DATES)


def _example(texts: npt.NDArray[np.object_]) -> str:
    flags = [not numbers([text]).odd for text in texts[:_LOOKED_AT]]
    pair = [
        texts[flags.index(True)] if True in flags else "",
        texts[flags.index(False)] if False in flags else "",
    ]
    return listed([repr(text) for text in pair if text])


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return category_text(value)
    text = str(value).strip()
    return text.lower() if text.casefold() in {"true", "false"} else text
