"""What the kinds that judge records share: the table that a manifest describes, and its model run on records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.kinds.base import Inputs, Parts, needed, setting
from specialists.kinds.columns import columns_of, derived_of
from specialists.kinds.reasons import Known, occluded, strongest, unlike
from specialists.kinds.table import Floats, Records, Table, stacked

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

    def read(self, item: Inputs) -> Read:
        """Return the numbers and codes of a record; raise HiveError(input_invalid) that names the wrong field."""
        return self._table.read(item.get(self._input), self._input)

    def judge(self, read: list[Read], scores: int = 1) -> list[Judged]:
        """Run the model once on all records and their variants; it must give `scores` finite numbers a row.

        Raises HiveError(inference_failed) if it does not.
        """
        records = stacked(read)
        each = 1 + len(self._table.columns)
        (given,) = self._engine.run({"row": self._table.rows(occluded(self._table, records))})
        if given.shape != (len(records) * each, scores) or not np.isfinite(given).all():
            raise HiveError(
                "inference_failed",
                f"The model gave scores of shape {given.shape}, not {scores} finite ones a row.",
            )
        table = given.astype(np.float64).reshape(len(records), each, scores)
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
