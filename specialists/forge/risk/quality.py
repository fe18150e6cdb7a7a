"""The figures of a specialist of records, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.measures import Measure, bootstrap, calibration_error
from specialists.forge.records.leaks import auroc

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
_MANY: Final = 5000
_BINS: Final = 10


def risk_quality(probabilities: Floats, happened: Floats, threshold: float, where: str) -> dict[str, Measure]:
    """Return auroc, average_precision, ece, accuracy and macro_f1 of probabilities; verdicts at `threshold`."""
    verdict, truth = probabilities >= threshold, happened > 0

    def ranked(measure: Callable[[Floats, Floats], float]) -> Callable[[Rows], float]:
        def of(rows: Rows) -> float:
            some = happened[rows]
            return measure(probabilities[rows], some) if 0 < some.sum() < len(some) else float("nan")

        return of

    measures: Mapping[str, Callable[[Rows], float]] = {
        "auroc": ranked(auroc),
        "average_precision": ranked(average_precision),
        "ece": lambda rows: calibration_error(probabilities[rows], truth[rows]),
        "accuracy": lambda rows: float((verdict == truth)[rows].mean()),
        "macro_f1": lambda rows: macro_f1(verdict[rows], truth[rows]),
    }
    return {name: _measured(of, len(happened), where) for name, of in measures.items()}


def average_precision(scores: Floats, happened: Floats) -> float:
    """Return the mean precision over the rows that happened, by falling score; equal scores count as one step."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(happened[order])
    last = np.append(np.diff(scores[order]) != 0, True)
    found, seen = hits[last], np.flatnonzero(last) + 1
    return float((np.diff(found, prepend=0.0) * found / seen).sum() / hits[-1])


def macro_f1(verdict: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    """Return the mean of the F1 of what happened and of what did not."""
    both, neither = int((verdict & truth).sum()), int((~verdict & ~truth).sum())
    wrong = len(truth) - both - neither
    return (2 * both / max(1, 2 * both + wrong) + 2 * neither / max(1, 2 * neither + wrong)) / 2


def number_quality(guesses: Floats, values: Floats, radius: float, where: str) -> dict[str, Measure]:
    """Return r2, rmse, mae, and coverage: how often the truth lies within `radius` of the guess."""
    errors = guesses - values

    def r2(rows: Rows) -> float:
        return float(1 - (errors[rows] ** 2).mean() / max(values[rows].var(), 1e-12))

    measures: Mapping[str, Callable[[Rows], float]] = {
        "r2": r2,
        "rmse": lambda rows: float((errors[rows] ** 2).mean() ** 0.5),
        "mae": lambda rows: float(np.abs(errors[rows]).mean()),
        "coverage": lambda rows: float((np.abs(errors[rows]) <= radius).mean()),
    }
    return {name: _measured(of, len(values), where) for name, of in measures.items()}


def auroc_gap(student: Floats, teacher: Floats, happened: Floats, where: str) -> Measure:
    """Return the student's area under the ROC curve less the teacher's, on the same resampled rows."""

    def gap(rows: Rows) -> float:
        some = happened[rows]
        if not 0 < some.sum() < len(some):
            return float("nan")
        return auroc(student[rows], some) - auroc(teacher[rows], some)

    return _measured(gap, len(happened), where)


def reliability(probabilities: Floats, happened: Floats) -> list[dict[str, float]]:
    """Return bins of probability with how often it happened."""
    which = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    return [
        {
            "confidence": round(float(probabilities[which == at].mean()), 4),
            "accuracy": round(float(happened[which == at].mean()), 4),
            "count": int((which == at).sum()),
        }
        for at in sorted(set(which.tolist()))
    ]


def per_mode(
    verdict: npt.NDArray[np.bool_], named: npt.NDArray[np.intp], modes: Floats, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return for each mode how many rows had it, the share called risky, and of those the share named right."""
    found = {}
    for at, name in enumerate(names):
        had = modes[:, at] > 0
        flagged = had & verdict
        found[name] = {
            "found": round(float(verdict[had].mean()), 4) if had.any() else 0.0,
            "named": round(float((named[flagged] == at).mean()), 4) if flagged.any() else 0.0,
            "n": int(had.sum()),
        }
    return found


def _measured(of: Callable[[Rows], float], n: int, where: str) -> Measure:
    return bootstrap(of, n, where, rounds=200 if n > _MANY else 1000)
