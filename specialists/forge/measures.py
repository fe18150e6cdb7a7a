"""Figures for the cards: accuracies with intervals, ranking quality, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured figure with a 95 % bootstrap interval over `n` cases of `data`."""

    value: float
    low: float
    high: float
    n: int
    data: str

    def as_json(self) -> dict[str, object]:
        """Return the form that a manifest holds, rounded to four places."""
        return {key: round(v, 4) if isinstance(v, float) else v for key, v in asdict(self).items()}


def bootstrap(
    statistic: Callable[[npt.NDArray[np.intp]], float], n: int, data: str, seed: int = 0, rounds: int = 1000
) -> Measure:
    """Return `statistic` of all rows, with the percentile interval over resampled rows (Efron 1979).

    The interval always holds the value: resamples of a calibration error lie above it, since they add noise to bins.
    """
    rng = np.random.default_rng(seed)
    draws = [statistic(rng.integers(0, n, n)) for _ in range(rounds)]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    value = float(statistic(np.arange(n)))
    return Measure(value, min(value, float(low)), max(value, float(high)), n, data)


def share(hits: npt.NDArray[np.bool_], data: str) -> Measure:
    """Return the share of true values."""
    return bootstrap(lambda rows: float(hits[rows].mean()), len(hits), data)


def ranking(positive: npt.NDArray[np.bool_], scores: Floats, data: str) -> Measure:
    """Return the area under the ROC curve of `scores` for `positive`."""

    def area(rows: npt.NDArray[np.intp]) -> float:
        some = positive[rows]
        return float(roc_auc_score(some, scores[rows])) if 0 < some.sum() < len(some) else float("nan")

    return bootstrap(area, len(positive), data, rounds=200)


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Return probabilities along the last axis."""
    scaled = logits / temperature
    grown = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def temperature_of(logits: Floats, labels: npt.NDArray[np.integer]) -> float:
    """Return the temperature that makes the probabilities fit `labels` best (Guo et al. 2017).

    The n right answers count as (n + 1) of (n + 2) (Platt 1999): a few texts that are all right are no reason to be
    certain of every other one, and of many the correction is nothing.
    """
    grid = np.exp(np.linspace(np.log(0.2), np.log(5.0), 200))
    rows = np.arange(len(labels))
    doubt = 1.0 / (len(labels) + 2) / max(1, logits.shape[1] - 1)
    targets = np.full(logits.shape, doubt)
    targets[rows, labels] = 1.0 - doubt * (logits.shape[1] - 1)
    losses = [-(targets * np.log(softmax(logits, t) + 1e-12)).sum(axis=1).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Return the expected calibration error over equal-width bins of confidence."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[which == b].mean() - right[which == b].mean()) * (which == b).mean()
        for b in set(which)
    ]
    return float(sum(gaps))


def reliability(confidence: Floats, right: npt.NDArray[np.bool_], bins: int = 10) -> list[dict[str, float]]:
    """Return mean confidence, share that is right, and count of each bin of confidence that has answers."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "confidence": round(float(confidence[which == b].mean()), 4),
            "accuracy": round(float(right[which == b].mean()), 4),
            "count": int((which == b).sum()),
        }
        for b in sorted(set(which.tolist()))
    ]


def best_cut(good: Floats, bad: Floats) -> float:
    """Return the confidence that separates good from bad answers best (Youden's J)."""
    cuts = np.unique(np.concatenate([good, bad]))
    gains = [(good >= cut).mean() - (bad >= cut).mean() for cut in cuts]
    return float(cuts[int(np.argmax(gains))])


def confusion(expected: Sequence[str], given: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return the commonest mistakes as (expected, given, count), worst first."""
    pairs: dict[tuple[str, str], int] = {}
    for want, got in zip(expected, given, strict=True):
        if want != got:
            pairs[want, got] = pairs.get((want, got), 0) + 1
    return sorted(((w, g, n) for (w, g), n in pairs.items()), key=lambda row: -row[2])
