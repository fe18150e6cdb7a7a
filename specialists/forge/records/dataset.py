"""A table ready for a task: its columns as the manifest has them, and its rows in three parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.data.split import PARTS
from specialists.kinds.columns import Column, Derived, columns_of, derived_of
from specialists.kinds.table import Records, Table

_ARRAYS: Final = "rows.npz"
_SUMMARY: Final = "table.json"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one part: `values` [n] is 1 where it happened, or the number; `modes` [n, modes] flags how."""

    records: Records
    values: npt.NDArray[np.float64]
    modes: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table in parts. `part` is 0, 1, 2 for train, validation, test; `mode_names` name the columns of `modes`."""

    columns: Sequence[Column]
    derived: Sequence[Derived]
    records: Records
    values: npt.NDArray[np.float64]
    modes: npt.NDArray[np.float64]
    mode_names: tuple[str, ...]
    part: npt.NDArray[np.int8]
    about: Mapping[str, object]
    """What else is known: target, positive, findings, the file."""

    @property
    def table(self) -> Table:
        """The columns as the kind uses them."""
        return Table(self.columns, self.derived)

    def of(self, part: str) -> Part:
        """Return the rows of train, validation or test."""
        rows = np.flatnonzero(self.part == PARTS.index(part))
        return Part(self.records.take(rows), self.values[rows], self.modes[rows])

    def save(self, folder: Path) -> None:
        """Write rows.npz and table.json."""
        np.savez(
            folder / _ARRAYS,
            numbers=self.records.numbers,
            codes=self.records.codes,
            values=self.values,
            modes=self.modes,
            part=self.part,
        )
        summary = {**self.preprocess(), "modes": list(self.mode_names), "about": dict(self.about)}
        (folder / _SUMMARY).write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def preprocess(self) -> dict[str, object]:
        """Return the manifest's `preprocess`."""
        return {
            "columns": [column.as_json() for column in self.columns],
            "derived": [entry.as_json() for entry in self.derived],
        }


def load_dataset(folder: Path) -> Dataset:
    """Return what `Dataset.save` wrote."""
    summary = json.loads((folder / _SUMMARY).read_text("utf-8"))
    columns = columns_of(summary["columns"])
    with np.load(folder / _ARRAYS) as arrays:
        return Dataset(
            columns,
            derived_of(summary["derived"], columns),
            Records(arrays["numbers"], arrays["codes"]),
            arrays["values"],
            arrays["modes"],
            tuple(summary["modes"]),
            arrays["part"],
            summary["about"],
        )
