"""`estimate`: a record of named fields -> a number, with the limits within which the truth lies how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.kinds.base import Answer, Inputs, Parts, setting
from specialists.kinds.records import NOT_KNOWN, Judged, RecordModel

_LEAST: Final = 0.02
"""A column that moves the value by less than this share of the target's spread is no reason."""


class Estimate:
    """Estimates a number from records.

    Manifest: `preprocess` as for `risk`; `postprocess.reasons`; `postprocess.center` and `spread`, by which the
    model's output is turned into the target's unit; `calibration.radius`, half the width of the interval, and
    `coverage`, how often the truth lies within it: split conformal prediction (Papadopoulos et al. 2002; Lei et al.
    2018) on records that were not trained on; `margin` and `most_missing`, see `Known`.

    The model takes `row` [n, width] and gives `scores` [n, 1] in units of `spread` around `center`.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._model = RecordModel(parts)
        self._way = self._model.way(self._verdict)
        self._center = setting(manifest.postprocess, "center", "postprocess")
        self._spread = setting(manifest.postprocess, "spread", "postprocess")
        self._radius = setting(manifest.calibration, "radius", "calibration")
        self._coverage = setting(manifest.calibration, "coverage", "calibration")

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return an `estimate` per record. Its confidence is how often the truth lies within its limits."""
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a record with every column as it usually is."""
        return self._model.sample()

    def _verdict(self, case: Judged) -> Answer:
        value = self._center + self._spread * case.score
        strange = self._model.strange(case)
        moved = np.abs(case.score - case.others)
        output = {
            "value": value,
            "low": value - self._radius,
            "high": value + self._radius,
            "reasons": strange + self._model.reasons(case, moved, _LEAST),
        }
        confidence = min(self._coverage, NOT_KNOWN) if strange else self._coverage
        return Answer(output, confidence, unfamiliar=bool(strange))
