"""From scores to honest probabilities, the threshold of a verdict, and the width of an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from specialists.forge.risk.quality import macro_f1

Floats = npt.NDArray[np.float64]
_FOLDS: Final = 5
_ISOTONIC_FROM: Final = 500
_SURE: Final = 2.0
_EDGE: Final = 1e-6
_CUTS: Final = np.linspace(0.02, 0.98, 97)
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns log-odds into probabilities: by slope and offset, or by a curve of (log-odds, probability)."""

    slope: float
    offset: float
    curve: tuple[tuple[float, float], ...] = ()

    def probabilities(self, scores: Floats) -> Floats:
        """Return the probability of each score."""
        if self.curve:
            xs, ps = zip(*self.curve, strict=True)
            return np.interp(scores, xs, ps)
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * scores + self.offset, -700, 700))))

    def as_json(self) -> dict[str, object]:
        """Return the manifest's fields."""
        curve = {"curve": [list(pair) for pair in self.curve]} if self.curve else {}
        return {"slope": self.slope, "offset": self.offset, **curve}


def calibrated(scores: Floats, happened: Floats) -> tuple[Calibration, str]:
    """Return the calibration that does better in cross-validation on `scores`, and a sentence on the choice.

    Platt scaling (Platt 1999) has two numbers; isotonic regression (Zadrozny and Elkan 2002) follows any rising course
    and is taken only where there are enough rows and it is clearly better.
    """
    plain = platt(scores, happened)
    if len(scores) < _ISOTONIC_FROM or min(happened.sum(), (1 - happened).sum()) < 10 * _FOLDS:
        return plain, f"Platt scaling, since {len(scores)} rows are too few for a curve"
    lost, lost_curve = (_cross_loss(scores, happened, way) for way in (platt, isotonic))
    gain = lost - lost_curve
    if gain.mean() > _SURE * gain.std() / len(gain) ** 0.5:
        return isotonic(
            scores, happened
        ), "isotonic regression, clearly better in cross-validation than Platt scaling"
    return plain, "Platt scaling; isotonic regression was not clearly better in cross-validation"


def platt(scores: Floats, happened: Floats) -> Calibration:
    """Return slope and offset of the logistic regression of what happened on the scores."""
    model = LogisticRegression(C=100.0).fit(scores[:, None], happened)
    slope = max(float(model.coef_[0, 0]), 1e-3)  # a calibration never turns the order of the scores around
    return Calibration(round(slope, _DIGITS), round(float(model.intercept_[0]), _DIGITS))


def isotonic(scores: Floats, happened: Floats) -> Calibration:
    """Return the rising step curve that fits best, joined up, and a little tilted so that no two scores tie."""
    model = IsotonicRegression(out_of_bounds="clip").fit(scores, happened)
    floor = 1 / (len(scores) + 2)
    xs, ps = model.X_thresholds_, np.clip(model.y_thresholds_, floor, 1 - floor)
    tilted = ps * (1 - 1e-3) + 1e-3 * np.linspace(0, 1, len(xs))
    fit = platt(scores, happened)
    pairs = tuple(
        (round(float(x), _DIGITS), round(float(p), _DIGITS)) for x, p in zip(xs, tilted, strict=True)
    )
    return Calibration(fit.slope, fit.offset, pairs)


def threshold_of(probabilities: Floats, happened: Floats) -> float:
    """Return the probability from which calling a record risky gives the best macro F1; the middle of equal ones."""
    scores = np.array([macro_f1(probabilities >= cut, happened > 0) for cut in _CUTS])
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return round(float(_CUTS[best[len(best) // 2]]), 2)


def radius_of(errors: Floats, coverage: float) -> float:
    """Return the half width that holds `coverage` of new rows, from the absolute errors on rows not trained on.

    The quantile of split conformal prediction (Lei et al. 2018): the ceil((n + 1) coverage)-th smallest error.
    """
    rank = min(len(errors), int(np.ceil((len(errors) + 1) * coverage)))
    return float(np.sort(errors)[rank - 1])


def _cross_loss(scores: Floats, happened: Floats, way: Callable[[Floats, Floats], Calibration]) -> Floats:
    out = np.empty(len(scores))
    order = np.argsort(scores, kind="stable")
    fold = np.empty(len(scores), dtype=int)
    fold[order] = np.arange(len(scores)) % _FOLDS  # every fold spans all scores
    for number in range(_FOLDS):
        here = fold == number
        chance = np.clip(way(scores[~here], happened[~here]).probabilities(scores[here]), _EDGE, 1 - _EDGE)
        out[here] = -np.where(happened[here] > 0, np.log(chance), np.log(1 - chance))
    return out
