"""What the kinds that judge records share: the table that a manifest describes, and its model run on records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from specialists.engine.base import Array
from specialists.kinds.base import Answer, Inputs, Parts, needed, setting
from specialists.kinds.columns import columns_of, derived_of
from specialists.kinds.reasons import Known, occluded, strongest, unlike
from specialists.kinds.table import Floats, Records, Table, stacked
from specialists.kinds.way import Way

NOT_KNOWN: Final = 0.5
"""The most confidence in an answer on a record that is unlike the training data: a coin's."""
Read = tuple[list[float], list[int]]


@dataclass(frozen=True, slots=True)
class Judged:
    """One record with the model's score of it, and of its variants with one column as usual [columns].

    `more` [scores - 1] are the other scores of the record itself.
    """

    record: Records
    score: float
    others: Floats
    more: Floats


class RecordModel:
    """A model of records: `row` [n, width] in, scores [n, 1 or more] out, of which the first is what is judged by."""

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._engine = needed(parts.engine, "an engine", manifest.kind)
        self._input = next(iter(manifest.inputs))
        columns = columns_of(manifest.preprocess.get("columns"))
        self._table = Table(columns, derived_of(manifest.preprocess.get("derived", []), columns))
        self._reasons = int(setting(manifest.postprocess, "reasons", "postprocess"))
        self._known = Known.of(manifest.calibration)

    def sample(self) -> Inputs:
        """Return a record with every column as it usually is."""
        return {self._input: self._table.ordinary_record()}

    def way(self, verdict: Callable[[Judged], Answer], scores: int = 1) -> Way[Read]:
        """Return the way that ends in `verdict`; the model must give `scores` finite numbers a row.

        It runs once on all records and their variants. A record that is none is refused with HiveError(input_invalid)
        that names the wrong field.
        """
        return Way(
            self._engine,
            prepare=lambda item: self._table.read(item.get(self._input), self._input),
            size=lambda _: 1,  # a row is as long as the table is wide
            feeds=lambda read: {"row": self._table.rows(occluded(self._table, stacked(read)))},
            shapes=lambda feeds: [(len(feeds["row"]), scores)],
            finish=lambda read, outputs: [verdict(case) for case in self._judged(stacked(read), outputs[0])],
        )

    def _judged(self, records: Records, given: Array) -> list[Judged]:
        each = 1 + len(self._table.columns)
        table = given.astype(np.float64).reshape(len(records), each, given.shape[1])
        return [
            Judged(records.take(np.array([at])), float(rows[0, 0]), rows[1:, 0], rows[0, 1:])
            for at, rows in enumerate(table)
        ]

    def strange(self, case: Judged) -> list[str]:
        """Return sentences on what in a record is unlike the training data."""
        return unlike(self._table, case.record, self._known)

    def reasons(self, case: Judged, contributions: Floats, least: float) -> list[str]:
        """Return sentences on the columns that contribute most, each at least `least`."""
        return strongest(self._table, case.record, contributions, self._reasons, least)
