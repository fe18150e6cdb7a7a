"""How unlike its training data an input looks to a classifier, from its logits; more is stranger.

| score | what it is | from |
|---|---|---|
| `confidence` | 1 - the largest probability | Hendrycks and Gimpel 2017 |
| `entropy` | entropy of the probabilities, over its maximum | |
| `energy` | -log of the sum of the exponentials of the logits | Liu et al. 2020 |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.engine.base import Array
from specialists.kinds.calibrated import softmax

Scores = npt.NDArray[np.float64]
Score = Callable[[Array, float], Scores]


def by_confidence(logits: Array, temperature: float) -> Scores:
    """Return 1 - the largest probability of each row at this temperature."""
    return np.asarray(1.0 - softmax(logits, temperature).max(axis=1))


def by_entropy(logits: Array, temperature: float) -> Scores:
    """Return the entropy of each row at this temperature, as a share of what it can be at most."""
    chances = softmax(logits, temperature)
    return np.asarray(-(chances * np.log(chances + 1e-12)).sum(axis=1) / np.log(max(2, chances.shape[1])))


def by_energy(logits: Array, temperature: float) -> Scores:
    """Return the energy of each row at this temperature."""
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    return np.asarray(-temperature * (top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))))


SCORES: Final[Mapping[str, Score]] = {
    "confidence": by_confidence,
    "entropy": by_entropy,
    "energy": by_energy,
}
