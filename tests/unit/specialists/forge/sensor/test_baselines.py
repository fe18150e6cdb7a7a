"""The baselines do what their descriptions say."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the forge is not installed")

from specialists.forge.sensor.baselines import BASELINES, expose, relative_entropy, windowed_gaussian


def test_windowed_gaussian_is_the_tail_of_the_values_before() -> None:
    values = np.array([1.0, 3.0, 1.0, 3.0, 5.0])
    scores = windowed_gaussian(values)
    assert scores[0] == 0.0
    assert scores[4] == pytest.approx(1 - 0.5 * math.erfc(3 / math.sqrt(2)))


def test_windowed_gaussian_moves_its_window_by_whole_steps() -> None:
    values = np.array([0.0, 2.0, 0.0, 2.0, 10.0, 12.0, 10.0, 12.0, 11.0])
    scores = windowed_gaussian(values, window=4, step=4)
    assert scores[7] == pytest.approx(1 - 0.5 * math.erfc(11 / math.sqrt(2)))
    assert scores[8] == pytest.approx(0.5)


def test_relative_entropy_tells_a_new_kind_of_window_once() -> None:
    values = np.concatenate([np.tile([0.0, 1.0], 100), np.tile([9.0, 10.0], 100), np.tile([0.0, 1.0], 100)])
    scores = relative_entropy(values)
    assert scores[:200].sum() == 0
    assert 0 < scores[200:].sum() < 20
    assert scores[470:].sum() == 0
    assert relative_entropy(np.full(100, 3.0)).sum() == 0


def test_expose_finds_a_value_unlike_the_others() -> None:
    values = np.zeros(300)
    values[200] = 50.0
    scores = expose(values)
    assert int(scores.argmax()) == 200
    assert scores[199] < 0.05
    assert scores[200] > 0.9


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_no_baseline_looks_ahead(name: str) -> None:
    values = np.random.default_rng(1).normal(size=400)
    values[0], values[1] = -9.0, 9.0
    whole = BASELINES[name](values)
    assert len(whole) == 400
    if name != "random":
        assert np.allclose(BASELINES[name](values[:300]), whole[:300])
