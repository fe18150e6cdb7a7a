"""Scores of strangeness grow where logits are flat or small."""

import numpy as np
import pytest

from specialists.kinds.strange import SCORES

SURE = np.array([[9.0, 0.0, 0.0]])
FLAT = np.array([[0.1, 0.0, 0.0]])


@pytest.mark.parametrize("name", sorted(SCORES))
def test_flat_logits_are_stranger_than_clear_ones(name: str) -> None:
    assert SCORES[name](FLAT, 1.0)[0] > SCORES[name](SURE, 1.0)[0]


def test_values_are_those_of_the_definitions() -> None:
    even = np.zeros((1, 4))
    assert SCORES["confidence"](even, 2.0)[0] == pytest.approx(0.75)
    assert SCORES["entropy"](even, 2.0)[0] == pytest.approx(1.0)
    assert SCORES["energy"](even, 2.0)[0] == pytest.approx(-2.0 * np.log(4))


def test_large_logits_overflow_nothing() -> None:
    assert all(np.isfinite(score(np.array([[1e4, -1e4]]), 0.5)).all() for score in SCORES.values())
