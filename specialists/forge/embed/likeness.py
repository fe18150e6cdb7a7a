"""How well vectors keep what their teacher's say: the order of similarities, and what is nearest to what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_PAIRS: Final = 20_000
_NEAREST: Final = 5


def unit(vectors: Floats) -> Floats:
    """Return the rows brought to length 1."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))


def pairs_of(count: int) -> npt.NDArray[np.int64]:
    """Return pairs of different rows, [pairs, 2], the same for each count."""
    pairs = np.random.default_rng(0).integers(0, count, (_PAIRS, 2))
    return pairs[pairs[:, 0] != pairs[:, 1]]


def similarities(vectors: Floats, pairs: npt.NDArray[np.int64]) -> Floats:
    """Return the cosine of each pair."""
    even = unit(vectors)
    return np.asarray((even[pairs[:, 0]] * even[pairs[:, 1]]).sum(axis=1))


def rank_correlation(vectors: Floats, wanted: Floats) -> float:
    """Return Spearman's correlation of the cosines of random pairs of rows, here and there."""
    pairs = pairs_of(len(vectors))
    return spearman(similarities(vectors, pairs), similarities(wanted, pairs))


def spearman(one: Floats, other: Floats) -> float:
    """Return the correlation of the ranks."""
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def nearest_labels(known: Floats, labels: Sequence[str], asked: Floats) -> list[str]:
    """Return the label of each asked row by its five nearest known rows, each voting with its cosine."""
    names = sorted(set(labels))
    numbers = np.array([names.index(label) for label in labels])
    alike = unit(asked) @ unit(known).T
    near = np.argsort(-alike, axis=1, kind="stable")[:, :_NEAREST]
    votes = np.zeros((len(asked), len(names)))
    rows = np.repeat(np.arange(len(asked)), _NEAREST)
    np.add.at(votes, (rows, numbers[near].ravel()), np.take_along_axis(alike, near, axis=1).ravel())
    return [names[n] for n in votes.argmax(axis=1)]
