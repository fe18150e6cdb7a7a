"""NAB's score against cases that were computed by hand from its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specialists.forge import nab

STANDARD, LOW_FP, LOW_FN = nab.PROFILES
WINDOW = (10, 13)


def run(*rows: int, count: int = 20, windows: tuple[nab.Window, ...] = (WINDOW,)) -> nab.Marked:
    scores = np.zeros(count)
    scores[list(rows)] = 1.0
    return nab.Marked(scores, windows)


def at_one(marked: nab.Marked, profile: nab.Profile = STANDARD) -> float:
    return nab.score([marked], profile, 1.0).score


def test_the_scaled_sigmoid_has_the_published_values() -> None:
    got = nab.scaled_sigmoid(np.array([-1.0, -0.5, 0.0, 1.0, 2.999, 3.0, 50.0]))
    assert np.allclose(got[:4], [0.98661430, 0.84828364, 0.0, -0.98661430])
    assert -1.0 < got[4] < -0.999999
    assert list(got[5:]) == [-1.0, -1.0]


def test_probation_is_15_percent_and_750_rows_at_most() -> None:
    assert [nab.probation(rows) for rows in (20, 1000, 4032, 5000, 22695)] == [3, 150, 604, 750, 750]


def test_the_perfect_detector_gets_100_and_the_silent_one_0() -> None:
    for profile in nab.PROFILES:
        assert at_one(run(10), profile) == 100.0
        assert at_one(run(), profile) == 0.0


def test_a_false_alarm_far_from_windows_costs_its_whole_weight() -> None:
    assert at_one(run(10, 5)) == pytest.approx(100 * (1 - 0.11 + 1) / 2)
    assert at_one(run(10, 5), LOW_FP) == pytest.approx(100 * (1 - 0.22 + 1) / 2)
    assert at_one(run(10, 5), LOW_FN) == pytest.approx(100 * (1 - 0.11 + 2) / 3)


def test_only_the_earliest_detection_in_a_window_counts_and_a_late_one_less() -> None:
    assert at_one(run(10, 11, 12, 13)) == 100.0
    late = (2 / (1 + math.exp(5 * -0.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    assert at_one(run(12)) == pytest.approx(100 * (late + 1) / 2)


def test_a_detection_just_behind_a_window_costs_little() -> None:
    near = 0.11 * (2 / (1 + math.exp(5 / 3)) - 1)
    assert at_one(run(10, 14)) == pytest.approx(100 * (1 + near + 1) / 2)
    far = 0.11 * (2 / (1 + math.exp(5 * 6 / 3)) - 1)
    assert at_one(run(10, 19)) == pytest.approx(100 * (1 + far + 1) / 2)


def test_what_is_detected_in_probation_counts_nothing() -> None:
    assert at_one(run(0, 1, 2, 10)) == 100.0


def test_the_best_threshold_serves_all_series_together() -> None:
    one = nab.Marked(np.linspace(0, 0.5, 20), ())
    other = run(10)
    result = nab.score([one, other], STANDARD)
    assert (result.score, result.threshold) == (100.0, 1.0)
    assert (result.windows, result.windows_hit, result.false_alarms) == (1, 1, 0)
    low = nab.score([one, other], STANDARD, 0.4)
    assert low.false_alarms == 4
    assert low.raw == pytest.approx(1 - 4 * 0.11)


def test_a_threshold_above_all_scores_detects_nothing() -> None:
    result = nab.score([run(10)], STANDARD, 2.0)
    assert (result.score, result.windows_hit, result.false_alarms) == (0.0, 0, 0)


def test_a_sweep_agrees_with_scoring_each_threshold_by_itself() -> None:
    rng = np.random.default_rng(3)
    marked = [
        nab.Marked(rng.integers(0, 30, 400) / 30, ((100, 140), (141, 141), (300, 390))) for _ in range(3)
    ]
    thresholds, totals = nab.sweep(marked, LOW_FP)
    assert len(thresholds) == 31
    for threshold, total in zip(thresholds[1:], totals[1:], strict=True):
        expected = 0.0
        for series in marked:
            worth, inside = nab.weights(400, series.windows, LOW_FP)
            found = (series.scores >= threshold) & (np.arange(400) >= nab.probation(400))
            expected += worth[found & (inside < 0)].sum()
            expected += sum(worth[found & (inside == n)].max(initial=-1.0) for n in range(3))
        assert total == pytest.approx(expected)


def test_without_windows_there_is_nothing_to_find() -> None:
    assert math.isnan(nab.score([run(5, windows=())], STANDARD).score)


def test_windows_are_the_runs_of_marked_rows() -> None:
    assert nab.windows_of(np.array([True, True, False, True, False, False, True])) == [(0, 1), (3, 3), (6, 6)]
    assert nab.windows_of(np.zeros(3, dtype=bool)) == []
