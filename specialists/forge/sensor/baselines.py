"""Simple streaming detectors that NAB publishes figures of, written from their descriptions, to be compared with.

Each takes the values [time] of one series and returns a score per row from 0 to 1 that uses no later row, with the
one exception that the benchmark itself makes: relative entropy knows the range of the series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.kernel_approximation import RBFSampler

Floats = npt.NDArray[np.float64]
Detector = Callable[[Floats], Floats]

_GAUSS_WINDOW: Final = 6400
_GAUSS_STEP: Final = 100
_LEAST: Final = 1e-6
_ENTROPY_WINDOW: Final = 52
_ENTROPY_BINS: Final = 5
# The 99 % point of the chi-square distribution with 4 degrees of freedom.
_ENTROPY_LIMIT: Final = 13.276704135987622
_EXPOSE_DECAY: Final = 0.01
_EXPOSE_GAMMA: Final = 0.5
_EXPOSE_FEATURES: Final = 20_000
_EXPOSE_SEED: Final = 290
_EXPOSE_CHUNK: Final = 256


def windowed_gaussian(values: Floats, window: int = _GAUSS_WINDOW, step: int = _GAUSS_STEP) -> Floats:
    """Return how improbable each value is under a normal distribution fitted to a window of earlier values.

    One minus the upper tail of the distance to the mean (Ahmad et al. 2017, section 4.2; the benchmark's window is
    6400 rows that move on by 100). The window moves on by `step` rows at a time once it is full.
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(np.square(values))])
    rows = np.arange(len(values))
    moved = np.maximum(rows - window, 0) // step * step
    first, end = moved, np.minimum(rows, moved + window)
    count = np.maximum(end - first, 1)
    mean = (sums[end] - sums[first]) / count
    spread = np.sqrt(np.maximum((squares[end] - squares[first]) / count - np.square(mean), 0.0))
    distance = np.abs(values - mean) / np.where(spread > _LEAST, spread, _LEAST)
    scores = np.array([1.0 - 0.5 * math.erfc(far / math.sqrt(2.0)) for far in distance])
    scores[:1] = 0.0
    return scores


def relative_entropy(values: Floats) -> Floats:
    """Return 1 where the histogram of the last 52 values is like none seen before, and 0 elsewhere.

    Wang et al. 2011, Statistical Techniques for Online Anomaly Detection in Data Centers, figure 1, with the
    benchmark's five bins over the range of the series.
    """
    low, high = float(values.min()), float(values.max())
    scores = np.zeros(len(values))
    if low == high:
        return scores
    bins = np.ceil((values - low) / ((high - low) / _ENTROPY_BINS)).astype(int)
    # Bins are closed above, so the least value has a bin 0 of its own; the benchmark's histogram puts 4 and 5 together.
    places = np.eye(_ENTROPY_BINS)[np.minimum(bins, _ENTROPY_BINS - 1)]
    counts = np.cumsum(np.concatenate([np.zeros((1, _ENTROPY_BINS)), places]), axis=0)
    known: list[Floats] = []
    for row in range(_ENTROPY_WINDOW - 1, len(values)):
        seen = (counts[row + 1] - counts[row + 1 - _ENTROPY_WINDOW]) / _ENTROPY_WINDOW
        if not known or not _agrees(seen, np.array(known)):
            scores[row] = float(bool(known))
            known.append(seen)
    return scores


def _agrees(seen: Floats, known: Floats) -> bool:
    there = seen > 0
    with np.errstate(divide="ignore"):
        entropies = (seen[there] * np.log(seen[there] / known[:, there])).sum(1)
    return bool((2 * _ENTROPY_WINDOW * entropies < _ENTROPY_LIMIT).any())


def expose(values: Floats) -> Floats:
    """Return how unlike each value is to the earlier ones, weighted down with age (EXPoSE with decay).

    Schneider et al. 2016, arXiv 1601.06602: one minus the inner product of the value's features with their fading mean.
    The features are the benchmark's: 20,000 random ones of a Gaussian kernel (gamma 0.5, seed 290) on raw values. Far
    apart values tell only their noise, which is what the published threshold of 0.995 lives on.
    """
    sampler = RBFSampler(gamma=_EXPOSE_GAMMA, n_components=_EXPOSE_FEATURES, random_state=_EXPOSE_SEED)
    sampler.fit(values[:1, None])
    keep = 1.0 - _EXPOSE_DECAY
    mean = sampler.transform(values[:1, None])[0]
    similar = np.empty(len(values))
    for begin in range(0, len(values), _EXPOSE_CHUNK):
        rows = sampler.transform(values[begin : begin + _EXPOSE_CHUNK, None])
        lag = np.arange(len(rows))[:, None] - np.arange(len(rows))[None, :]
        weight = np.where(lag >= 0, _EXPOSE_DECAY * keep ** np.maximum(lag, 0), 0.0)
        faded = keep ** (np.arange(len(rows)) + 1)
        similar[begin : begin + len(rows)] = (weight * (rows @ rows.T)).sum(1) + faded * (rows @ mean)
        mean = weight[-1] @ rows + faded[-1] * mean
    return (1.0 - similar + 0.02) / 1.04


def at_random(values: Floats, seed: int = 0) -> Floats:
    """Return scores that mean nothing."""
    return np.random.default_rng(seed).random(len(values))


def silent(values: Floats) -> Floats:
    """Return no alarm at all."""
    return np.zeros(len(values))


BASELINES: Final[Mapping[str, Detector]] = {
    "null": silent,
    "random": at_random,
    "EXPoSE": expose,
    "windowed Gaussian": windowed_gaussian,
    "relative entropy": relative_entropy,
}
