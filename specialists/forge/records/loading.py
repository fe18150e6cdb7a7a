"""Reads the rows of a table with their target column, within bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from specialists.forge.data.columns import column
from specialists.forge.data.files import Reading, inspect
from specialists.forge.data.findings import Findings, counted
from specialists.forge.data.rows import Rows
from specialists.forge.data.sample import sampled
from specialists.forge.data.split import PARTS

TARGET_NAMES: Final = (
    "label",
    "target",
    "class",
    "y",
    "outcome",
    "failure",
    "fraud",
    "default",
    "churn",
    "is_fraud",
)
_UNIT: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file with a table: which column is to be predicted (None: a usual name), and how the file is read."""

    path: Path
    target: str | None = None
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class RawTable:
    """Cells as the file has them, indexed by row number; `target` is the name of the column to be predicted.

    `comma_first` says that the file's delimiter is a semicolon, as where the comma is the decimal mark.
    """

    frame: pd.DataFrame
    target: str
    comma_first: bool
    facts: Mapping[str, object]
    given: npt.NDArray[np.int8] | None = None
    """The part of each row, 0 train, 1 validation, 2 test, where the user gave files for them."""

    def take(self, keep: npt.NDArray[np.bool_]) -> RawTable:
        """Return the table with the rows of `keep`."""
        given = None if self.given is None else self.given[keep]
        return replace(self, frame=self.frame[keep], given=given)


def load_table(file: TableFile, seed: int, most: int, findings: Findings, *, classes: bool) -> RawTable:
    """Return the rows of a file; of a larger one a sample of about `most`, stratified by the target if `classes`.

    Raises HiveError(data_invalid) if the file cannot be read or the target is not there.
    """
    kind = inspect(file.path, file.reading, [file.target] if file.target else [])
    rows = Rows(kind, file.reading.header, findings)
    target = column(rows.columns, file.target, "--label-column", findings, TARGET_NAMES)
    findings.refuse_fatal()
    assert target is not None, "its absence is fatal"
    if kind.odd_byte >= 0:
        findings.warn(
            "encoding_guessed",
            f"{file.path.name} is not UTF-8 at byte {kind.odd_byte:,}; it is read as {kind.encoding}. If letters with "
            "accents look wrong, save it as UTF-8.",
        )
    sample = sampled(rows.chunks(), most, _keys, (lambda chunk: chunk[target]) if classes else None, seed)
    if sample.rows.empty:
        findings.fatal("file_no_rows", f"{file.path.name} has a header and no rows.")
    if len(rows.columns) < 2:
        findings.fatal(
            "one_column", f"{file.path.name} has one column, {target!r}, and nothing to predict it from."
        )
    findings.refuse_fatal()
    if sample.seen > len(sample.rows):
        findings.note(
            "rows_sampled",
            f"{file.path.name} has {sample.seen:,} rows, more than this budget can use: a "
            f"{'stratified ' if classes else ''}sample of {len(sample.rows):,} is used. A larger --budget uses more.",
        )
    facts = {**kind.as_json(), "rows": sample.seen}
    return RawTable(sample.rows, target, kind.delimiter == ";", facts)


def table_of(columns: Mapping[str, Sequence[object]], target: str) -> RawTable:
    """Return a table that a generator or a reader of a public data set made; rows are numbered from 1."""
    frame = pd.DataFrame(dict(columns), dtype=object)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return RawTable(frame, target, comma_first=False, facts={"rows": len(frame)})


def joined(parts: Mapping[str, RawTable], findings: Findings) -> RawTable:
    """Return the tables of train and, where there are any, of validation and test as one.

    Test rows come first, so that of equal rows the test's stays. Raises HiveError(data_invalid) if a file lacks a
    column of the training data.
    """
    train = parts["train"]
    if len(parts) == 1:
        return train
    frames, given = [], []
    for name in reversed(PARTS):
        if name in parts:
            lacking = [column for column in train.frame.columns if column not in parts[name].frame.columns]
            if lacking:
                findings.fatal(
                    "column_missing", f"The {name} file lacks the column {lacking[0]!r} of the training data."
                )
                continue
            frames.append(parts[name].frame[list(train.frame.columns)])
            given += [PARTS.index(name)] * len(frames[-1])
    findings.refuse_fatal()
    return replace(train, frame=pd.concat(frames), given=np.array(given, dtype=np.int8))


def without_repeats(raw: RawTable, findings: Findings, *, continuous: bool) -> RawTable:
    """Return the table with rows that repeat an earlier one in every cell left out.

    Not so where no column is `continuous`: there equal rows are what is to be expected, and how often each occurs is
    information. Such rows stay together in the split.
    """
    keys = _keys(raw.frame)
    twice = keys.duplicated()
    if not twice.any():
        return raw
    count = int(twice.sum())
    if not continuous:
        findings.note(
            "rows_alike",
            f"{counted(count, 'row')} of {len(keys):,} equal an earlier one. No column takes many values, so they are "
            "kept as cases of their own, and equal ones stay in one part of the split.",
        )
        return raw
    findings.note(
        "rows_twice",
        f"{counted(count, 'row')} of {len(keys):,} repeat an earlier one in every cell; left out before the split, so "
        "that no test row was trained on.",
    )
    return raw.take(~twice.to_numpy())


def row_keys(frame: pd.DataFrame) -> pd.Series:
    """Return a text for each row that is equal where all cells are."""
    return _keys(frame)


def _keys(frame: pd.DataFrame) -> pd.Series:
    if frame.shape[1] == 0:
        return pd.Series([""] * len(frame), index=frame.index, dtype=object)
    cells = zip(*(frame[name].tolist() for name in frame.columns), strict=True)
    return pd.Series([_UNIT.join(map(str, row)) for row in cells], index=frame.index, dtype=object)
