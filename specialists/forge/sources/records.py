"""Public tables: AI4I 2020 and German credit, and the generated transactions, under plain names of fields."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specialists.forge.sources.folders import folder_of
from specialists.forge.sources.transactions import transactions

CITATIONS: Final[Mapping[str, str]] = {
    "ai4i2020": "AI4I 2020 Predictive Maintenance Dataset (Matzka 2020), UCI Machine Learning Repository, CC BY 4.0",
    "german_credit": "Statlog (German Credit Data) (Hofmann 1994), UCI Machine Learning Repository, CC BY 4.0",
    "transactions": "made up by specialists/forge/sources/transactions.py, Apache-2.0",
}
_FILES: Final = {
    "ai4i2020": ("ai4i2020.csv", "machine_failure"),
    "german_credit": ("germancredit.csv", "creditability"),
}
_GENERATED: Final = 40_000
_GENERATOR_SEED: Final = 20_240_501
"""The same payments for every recipe, as if they were a file."""


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Columns of cells, and which of them is to be predicted."""

    columns: Mapping[str, Sequence[object]]
    target: str


def read_records(name: str, root: Path | None) -> SourceTable:
    """Return the table `name`; raise HiveError as `folder_of` does."""
    folder = folder_of(name, root)
    if folder is None:
        made = transactions(_GENERATED, _GENERATOR_SEED)
        return SourceTable({column: values.tolist() for column, values in made.items()}, "fraud")
    file, target = _FILES[name]
    with (folder / file).open(encoding="utf-8", newline="") as lines:
        header, *rows = list(csv.reader(lines))
    cells = zip(*rows, strict=True)
    return SourceTable(
        {plain_name(column): list(cell) for column, cell in zip(header, cells, strict=True)}, target
    )


def plain_name(column: str) -> str:
    """Return a column's name as a field of a record: `Torque [Nm]` becomes `torque_nm`; an acronym stays as it is."""
    words = re.sub(r"[^0-9A-Za-z]+", "_", column).strip("_")
    return words if words.isupper() else words.lower()
