"""Rows that do not fit, collected by what is wrong with them, and said in a sentence for each kind."""

from __future__ import annotations

from typing import Final

from specialists.forge.data.findings import Findings, counted, rows_named
from specialists.forge.tag.cells import CellError

_BAD_SHARE: Final = 0.05


class Troubles:
    """Collects what is wrong with rows; `seen` is to count all of them."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seen = 0
        self._rows: dict[str, list[int]] = {}
        self._first: dict[str, str] = {}

    def add(self, row: int, error: CellError) -> None:
        """Note that `row` is left out because of `error`."""
        self._rows.setdefault(error.code, []).append(row)
        self._first.setdefault(error.code, str(error))

    def report(self, findings: Findings) -> None:
        """Add a warning for each kind of mistake.

        Raises HiveError(data_invalid) with all of them if more than one row in twenty is bad.
        """
        bad = sum(len(rows) for rows in self._rows.values())
        for code, rows in self._rows.items():
            sentence = (
                f"{counted(len(rows), 'row')} of {self.seen:,} ({rows_named(rows)}): {self._first[code]}."
            )
            if bad > _BAD_SHARE * self.seen:
                findings.fatal(code, sentence)
            else:
                findings.warn(code, f"{sentence} Left out.")
        findings.refuse_fatal()
