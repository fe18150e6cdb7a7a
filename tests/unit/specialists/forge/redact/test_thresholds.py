"""Thresholds come from validation texts: the best mean F2 that is precise enough, and doubt where something is left."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.forge.redact.thresholds import Words, best_doubt, best_replacing, f_measure, precision


def words(
    personal: list[float], wanted: list[bool], size: float = 4.0, text: list[int] | None = None
) -> Words:
    """Return words of which the model says `personal`; those not wanted are harmless."""
    count, must = len(personal), np.array(wanted)
    return Words(
        text=np.array(text or range(count)),
        size=np.full(count, size),
        personal=np.array(personal),
        other=np.zeros(count),
        wanted=must,
        harmless=~must,
        vouched=must,
        left=np.array(personal),
        covered=np.zeros(count, dtype=bool),
    )


def test_recall_weighs_more_than_precision() -> None:
    some = words([0.9, 0.5], [True, False])
    both, one = np.array([True, True]), np.array([False, True])
    assert precision(some, both) == 0.5
    assert f_measure(some, both, 2.0) == pytest.approx(5 * 4 / (5 * 4 + 4))
    assert f_measure(some, one, 2.0) == 0.0


def test_the_threshold_separates_what_can_be_separated() -> None:
    some = words([0.9, 0.7, 0.3, 0.1], [True, True, False, False])
    replace_from, others_from = best_replacing([some], [some], 0.95)
    assert 0.3 < replace_from <= 0.7
    assert others_from >= replace_from


def test_precision_on_the_even_corpora_comes_first() -> None:
    main = words([0.9, 0.5, 0.5], [True, True, False])
    loose, _ = best_replacing([main], [main], 0.5)
    strict, _ = best_replacing([main], [main], 0.95)
    assert loose <= 0.5 < strict


def test_what_is_left_in_texts_that_seem_sure_sets_the_doubt() -> None:
    chances = [0.05] * 20 + [0.2] * 20
    leaks = [False] * 20 + [True] + [False] * 19
    assert best_doubt(words(chances, leaks), (0.5, 0.5)) <= 0.2
    assert best_doubt(words(chances, [False] * 40), (0.5, 0.5)) == 0.5


def test_what_a_pattern_covers_is_gone_whatever_the_model_says() -> None:
    some = words([0.0], [True])
    covered = Words(**{name: getattr(some, name) for name in Words.__slots__} | {"covered": np.array([True])})
    assert f_measure(covered, np.array([False]), 2.0) == 1.0
    assert best_doubt(covered, (0.5, 0.5)) == 0.5
