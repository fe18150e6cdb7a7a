"""Thresholds come from validation texts: the best mean F2 that is precise enough, and doubt where something is left."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.forge.redact.thresholds import Words, best_cuts, best_doubt, f_measure, marked, precision

TYPES = ("PERSON", "LOCATION", "ORGANIZATION", "DATE")
EVEN = np.full(len(TYPES), 0.5)


def words(chances: list[float], wanted: list[bool], kind: int = 0) -> Words:
    """Return words that the model takes for one type with these chances; those not wanted are harmless."""
    count, must = len(chances), np.array(wanted)
    table = np.zeros((count, len(TYPES)))
    table[:, kind] = chances
    return Words(
        text=np.arange(count),
        size=np.full(count, 4.0),
        chances=table,
        wanted=must,
        harmless=~must,
        vouched=must,
        left=np.array(chances),
        covered=np.zeros(count, dtype=bool),
    )


def test_recall_weighs_more_than_precision() -> None:
    some = words([0.9, 0.5], [True, False])
    both, one = np.array([True, True]), np.array([False, True])
    assert precision(some, both) == 0.5
    assert f_measure(some, both, 2.0) == pytest.approx(5 * 4 / (5 * 4 + 4))
    assert f_measure(some, one, 2.0) == 0.0


def test_chances_of_several_types_add_up() -> None:
    some = words([0.4], [True])
    assert not marked(some, EVEN)[0]
    some.chances[0, 1] = 0.2
    assert marked(some, EVEN)[0]


def test_each_type_has_the_cut_that_separates_it() -> None:
    persons = words([0.9, 0.4, 0.3, 0.1], [True, True, False, False])
    places = words([0.9, 0.8, 0.7, 0.1], [True, True, False, False], kind=1)
    cuts = best_cuts([persons, places], [persons, places], TYPES, 0.95)
    assert 0.3 < cuts[0] <= 0.4
    assert 0.7 < cuts[1] <= 0.8
    assert cuts[3] == 0.5


def test_precision_on_the_even_corpora_comes_first() -> None:
    some = words([0.9, 0.5, 0.5], [True, True, False])
    assert best_cuts([some], [some], TYPES, 0.5)[0] <= 0.5
    assert best_cuts([some], [some], TYPES, 0.95)[0] > 0.5


def test_what_is_left_in_texts_that_seem_sure_sets_the_doubt() -> None:
    chances = [0.05] * 20 + [0.2] * 20
    leaks = [False] * 20 + [True] + [False] * 19
    assert best_doubt(words(chances, leaks), EVEN) <= 0.2
    assert best_doubt(words(chances, [False] * 40), EVEN) == 0.5


def test_what_a_pattern_covers_is_gone_whatever_the_model_says() -> None:
    some = words([0.0], [True])
    some.covered[0] = True
    assert f_measure(some, np.array([False]), 2.0) == 1.0
    assert best_doubt(some, EVEN) == 0.5
