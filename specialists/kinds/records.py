"""What the kinds that judge records share: the table that a manifest describes, and its model run on records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from specialists.engine.base import Array
from specialists.kinds.base import Answer, Inputs, Parts, needed, setting
from specialists.kinds.columns import columns_of, derived_of
from specialists.kinds.reasons import Known, occluded, strongest, unlike
from specialists.kinds.table import Floats, Records, Table, stacked
from specialists.kinds.way import Feeds, Way

NOT_KNOWN: Final = 0.5
"""The most confidence in an answer on a record that is unlike the training data: a coin's."""
Read = tuple[list[float], list[int]]


@dataclass(frozen=True, slots=True)
class Judged:
    """One record with the model's score of it, and of its variants with one column as usual [columns]."""

    record: Records
    score: float
    others: Floats


class RecordModel:
    """A model of records: `row` [n, width] in; a score [n] out, and `more` columns [n, more] where a kind has them.

    It runs once on each record and on its variants, in each of which one column is as usual.
    """

    def __init__(self, parts: Parts, *, more: int = 0) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        self._more = more
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

    def way(self, finish: Callable[[list[Judged], Sequence[Array]], Sequence[Answer]]) -> Way[Read]:
        """Return the way that ends in `finish`, which gets the records judged and the model's other outputs [n, ...].

        A record that is none is refused with HiveError(input_invalid) that names the wrong field.
        """
        return Way(
            self._engine,
            prepare=lambda item: self._table.read(item.get(self._input), self._input),
            size=lambda _: 1,  # a row is as long as the table is wide
            feeds=lambda read: {"row": self._table.rows(occluded(self._table, stacked(read)))},
            shapes=self._shapes,
            finish=lambda read, outputs: finish(*self._judged(stacked(read), outputs)),
        )

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        count = len(feeds["row"])
        return [(count,), (count, self._more)] if self._more else [(count,)]

    def _judged(self, records: Records, outputs: Sequence[Array]) -> tuple[list[Judged], list[Array]]:
        each = 1 + len(self._table.columns)
        scores, *more = outputs
        table = scores.astype(np.float64).reshape(len(records), each)
        judged = [
            Judged(records.take(np.array([at])), float(row[0]), row[1:]) for at, row in enumerate(table)
        ]
        return judged, [output.reshape(len(records), each, -1)[:, 0] for output in more]

    def strange(self, case: Judged) -> list[str]:
        """Return sentences on what in a record is unlike the training data."""
        return unlike(self._table, case.record, self._known)

    def reasons(self, case: Judged, contributions: Floats, least: float) -> list[str]:
        """Return sentences on the columns that contribute most, each at least `least`."""
        return strongest(self._table, case.record, contributions, self._reasons, least)
