"""`risk`: a record of named fields -> how probable it is that what it warns of happens, of which mode, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.kinds.base import Answer, Inputs, Parts, names, setting
from specialists.kinds.records import NOT_KNOWN, Judged, RecordModel
from specialists.kinds.table import Floats

_LEAST: Final = 0.1
"""A column that moves the log-odds by less is no reason."""


class Risk:
    """Scores records of numbers and categories.

    Manifest: `preprocess.columns` and `derived` (see specialists/kinds/columns.py); `postprocess.reasons`, how many to
    give, and `modes` in the model's order, where it has them; `calibration.slope` and `offset` (Platt 1999), and
    `curve`, a list of [log-odds, probability] in rising order that is used instead where it is there (isotonic
    regression, Zadrozny and Elkan 2002); `threshold`, the probability from which a record is called risky;
    `unsure_below`; `margin` and `most_missing`, see `Known`.

    The model takes `row` [n, width] and gives `scores` [n, 1 + modes], log-odds.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._model = RecordModel(parts)
        self._modes = (
            names(manifest.postprocess, "modes", "postprocess") if "modes" in manifest.postprocess else ()
        )
        self._way = self._model.way(self._verdict, 1 + len(self._modes))
        self._slope = setting(manifest.calibration, "slope", "calibration")
        self._offset = setting(manifest.calibration, "offset", "calibration")
        self._curve = _curve(manifest.calibration.get("curve"))
        self._threshold = setting(manifest.calibration, "threshold", "calibration")
        self._unsure_below = setting(manifest.calibration, "unsure_below", "calibration")

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return a `risk` per record. Its confidence is the probability that calling it risky, or not, is right."""
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a record with every column as it usually is."""
        return self._model.sample()

    def _verdict(self, case: Judged) -> Answer:
        probability = self._probability(case.score)
        risky = probability >= self._threshold
        strange = self._model.strange(case)
        confidence = probability if risky else 1 - probability
        if strange:
            confidence = min(confidence, NOT_KNOWN)
        output = {
            "probability": round(probability, 6),
            "risky": risky,
            "threshold": self._threshold,
            "reasons": strange + self._model.reasons(case, case.score - case.others, _LEAST),
            **({"mode": self._modes[int(case.more.argmax())]} if self._modes and risky else {}),
        }
        return Answer(output, confidence, confidence < self._unsure_below, unfamiliar=bool(strange))

    def _probability(self, score: float) -> float:
        if self._curve is not None:
            return float(np.interp(score, *self._curve))
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, self._slope * score + self._offset))))


def _curve(raw: object) -> tuple[Floats, Floats] | None:
    if raw is None:
        return None
    points = np.array(raw, dtype=np.float64) if _pairs(raw) else np.empty((0, 2))
    if len(points) == 0 or (np.diff(points, axis=0) < 0).any() or points[0, 1] < 0 or points[-1, 1] > 1:
        raise HiveError(
            "manifest_invalid",
            "`calibration.curve` must be [log-odds, probability] pairs, both rising.",
            field="calibration.curve",
        )
    return points[:, 0], points[:, 1]


def _pairs(raw: object) -> bool:
    return isinstance(raw, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, int | float) for n in pair)  # noqa: PLR2004
        for pair in raw
    )
