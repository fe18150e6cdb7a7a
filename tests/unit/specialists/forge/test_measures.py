"""Figures are computed as their definitions say, checked on cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the forge is not installed")

from specialists.forge.measures import (
    best_cut,
    bootstrap,
    calibration_error,
    confusion,
    ranking,
    reliability,
    share,
    softmax,
    temperature_of,
)


def test_a_share_lies_in_its_interval_and_is_the_same_each_time() -> None:
    hits = np.array([True] * 80 + [False] * 20)
    measure = share(hits, "test")
    assert measure.value == 0.8
    assert 0.70 < measure.low < 0.76
    assert 0.84 < measure.high < 0.90
    assert (measure.n, measure.data) == (100, "test")
    assert share(hits, "test") == measure


def test_ranking_is_the_share_of_pairs_in_the_right_order() -> None:
    positive = np.array([False, False, True, True])
    assert ranking(positive, np.array([0.1, 0.4, 0.35, 0.8]), "test").value == 0.75


def test_a_measure_is_written_rounded() -> None:
    measure = bootstrap(lambda rows: float(len(rows)) / 3, 2, "here", rounds=2)
    assert measure.as_json() == {"value": 0.6667, "low": 0.6667, "high": 0.6667, "n": 2, "data": "here"}


def test_calibration_error_is_the_mean_gap_between_confidence_and_truth() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False])
    assert calibration_error(confidence, right) == pytest.approx(0.05)


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(4000, 3))
    labels = np.array([rng.choice(3, p=p) for p in softmax(logits)])
    assert temperature_of(logits * 3, labels) == pytest.approx(3, rel=0.1)


def test_a_few_texts_that_are_all_right_make_nobody_certain() -> None:
    labels = np.arange(50) % 3
    logits = 9.0 * np.eye(3)[labels]
    sure = softmax(logits, temperature_of(logits, labels)).max(axis=1)
    assert sure == pytest.approx(51 / 52, abs=0.002)
    many = np.tile(labels, 200)
    surer = softmax(9.0 * np.eye(3)[many], temperature_of(9.0 * np.eye(3)[many], many)).max()
    assert surer > 0.9995


def test_the_best_cut_parts_good_from_bad() -> None:
    assert best_cut(np.array([0.7, 0.8, 0.9]), np.array([0.1, 0.2])) == 0.7


def test_mistakes_are_counted_worst_first() -> None:
    assert confusion(["a", "a", "b", "a"], ["b", "b", "a", "a"]) == [("a", "b", 2), ("b", "a", 1)]


def test_reliability_bins_hold_every_answer_once() -> None:
    confidence = np.array([0.95, 1.0, 0.55, 0.51])
    right = np.array([True, False, True, False])
    assert reliability(confidence, right) == [
        {"confidence": 0.53, "accuracy": 0.5, "count": 2},
        {"confidence": 0.975, "accuracy": 0.5, "count": 2},
    ]
