"""What is chosen where validation data teaches little: no texts of no class, and next to no mistakes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from specialists.forge.classify.calibrated import _strangeness
from specialists.kinds.strange import SCORES


def rows(energies: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return logits of one class beside one that is out of question, so that the first is minus the energy."""
    return np.array([[-energy, -1e3] for energy in energies])


def test_of_few_texts_none_is_strange_and_the_limit_lies_beyond_them() -> None:
    name, limit = _strangeness(rows([-12.0, -11.0, -10.0, -8.0]), None, 1.0, 0.01)
    assert name == "energy"
    assert limit == pytest.approx(-5.5)  # the strangest is 2.5 above the middle, the limit twice as far


def test_of_many_texts_at_most_the_wanted_share_is_strange() -> None:
    energies = [float(value) for value in range(-999, 0)]
    name, limit = _strangeness(rows(energies), None, 1.0, 0.01)
    strange = SCORES[name](rows(energies), 1.0) >= limit
    assert strange.sum() == 9
    assert not (SCORES[name](rows([-10.0]), 1.0) >= limit).any()
