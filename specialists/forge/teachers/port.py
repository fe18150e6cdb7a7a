"""The port of a teacher that labels texts, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError

Chances = npt.NDArray[np.float64]


class Labeller(Protocol):
    """Says of texts how likely each of the classes is that it was made for."""

    name: str
    """What it is, for the card."""

    def label(self, texts: Sequence[str]) -> Chances:
        """Return probabilities [texts, classes]; a row sums to 1. Who cannot tell gives all classes the same."""
        ...


def columns_of(labels: Mapping[int, str], classes: Sequence[str], where: str) -> list[int]:
    """Return the output of a model that stands for each class, by name, whatever its case.

    Raises HiveError(recipe_invalid) if the model lacks one of the classes.
    """
    known = {name.strip().casefold(): number for number, name in labels.items()}
    lacking = [name for name in classes if name.strip().casefold() not in known]
    if lacking:
        raise HiveError(
            "recipe_invalid",
            f"The teacher {where} does not know the class {lacking[0]!r} (and {len(lacking) - 1} more). It knows "
            f"{', '.join(sorted(labels.values())[:12])}.",
        )
    return [known[name.strip().casefold()] for name in classes]


def chances(logits: npt.NDArray[np.floating]) -> Chances:
    """Return the softmax of logits [texts, classes]."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    grown = np.exp(shifted)
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
