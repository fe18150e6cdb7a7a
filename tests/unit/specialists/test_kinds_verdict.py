"""Scores have two bands; news is told once; a short fault and a long window do not hide each other."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.kinds.situations import LEARNING_ROWS
from specialists.kinds.usual import NEWS_BEGIN, first_usual
from specialists.kinds.verdict import alone_in, chances_of, fault_of, news_of, score_of

KNOWN = np.array([float(LEARNING_ROWS)])


def test_a_fault_is_between_mean_and_maximum() -> None:
    chances = np.zeros(64)
    chances[10] = 1.0
    assert fault_of(chances) == pytest.approx((1 / 64) ** (1 / 8))
    assert fault_of(np.full(64, 0.3)) == pytest.approx(0.3)


def test_a_long_window_has_the_score_of_its_worst_block() -> None:
    chances = np.zeros(1000)
    chances[500] = 1.0
    assert fault_of(chances) == pytest.approx((1 / 64) ** (1 / 8))


def test_a_short_window_counts_as_filled_up_with_calm_rows() -> None:
    assert fault_of(np.array([0.7])) == pytest.approx(0.7 * (1 / 64) ** (1 / 8))
    assert fault_of(np.full(32, 0.7)) == pytest.approx(0.7 * (1 / 2) ** (1 / 8))


def test_chances_of_extreme_logits_are_chances() -> None:
    assert list(chances_of(np.array([-1e9, 0.0, 1e9])).round(6)) == [0.0, 0.5, 1.0]


def test_news_is_told_once_and_again_when_it_is_newer() -> None:
    novelty = np.zeros((1, 64))
    novelty[0, 10:20] = 2.0
    first = news_of(novelty, KNOWN, 0.0)
    assert (first.size, first.row) == (2.0, 10)
    again = news_of(np.full((1, 4), 1.2), KNOWN, first.alarm)
    assert again.size == 0.0
    newer = news_of(np.full((1, 4), 9.0), KNOWN, first.alarm)
    assert (newer.size, newer.row) == (9.0, 0)


def test_what_was_told_fades_by_half_in_a_hundred_rows() -> None:
    assert news_of(np.zeros((1, 100)), KNOWN, 4.0).alarm == pytest.approx(2.0)


def test_small_news_is_none() -> None:
    assert news_of(np.full((1, 8), NEWS_BEGIN * 0.99), KNOWN, 0.0).size == 0.0


def test_there_is_no_news_while_a_channel_is_learned() -> None:
    novelty = np.full((1, 10), 5.0)
    assert news_of(novelty, np.array([0.0]), 0.0).size == 0.0
    late = news_of(novelty, KNOWN - 4, 0.0)
    assert (late.size, late.row) == (5.0, 4)


def test_a_devices_news_is_the_root_mean_square_of_its_channels() -> None:
    novelty = np.array([[4.0], [0.0], [0.0], [0.0]])
    assert news_of(novelty, np.repeat(KNOWN, 4), 0.0).size == pytest.approx(2.0)


def test_scores_have_two_bands() -> None:
    assert score_of(0.9, 0.0) == 0.45
    assert score_of(0.9, 1.0) == 0.75
    assert score_of(0.0, NEWS_BEGIN) > 0.5


def test_what_stands_alone_in_a_first_window_is_found() -> None:
    values = np.sin(np.arange(64) / 5)[None].repeat(2, axis=0)
    assert alone_in(values, first_usual(values)).size == 0.0
    values[1, 40] = 30.0
    found = alone_in(values, first_usual(values))
    assert found.row == 40
    assert found.size > 5


def test_a_burst_among_many_does_not_stand_alone() -> None:
    values = np.random.default_rng(0).normal(size=(1, 100))
    values[0, ::10] = 30.0
    assert alone_in(values, first_usual(values)).size == 0.0
