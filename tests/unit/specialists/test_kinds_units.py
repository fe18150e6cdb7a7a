"""Words take the word of their most suspicious token, and neighbours become one part."""

from __future__ import annotations

import numpy as np

from specialists.engine.tokenize import Tokens
from specialists.kinds.patterns import Found
from specialists.kinds.units import inside, marked, merged, units_of, unreadable

TYPES = ("PERSON", "PHONE")


def tokens(*offsets: tuple[int, int]) -> Tokens:
    return Tokens([5] * len(offsets), list(offsets), list(range(len(offsets))))


def test_a_word_is_as_suspicious_as_its_worst_token() -> None:
    chances = np.array([[0.1, 0.0], [0.8, 0.1], [0.2, 0.0]])
    units = units_of("Annabel left", tokens((0, 3), (3, 7), (8, 12)), chances, TYPES)
    assert units.spans == [(0, 7), (8, 12)]
    assert units.chances.tolist() == [[0.8, 0.0], [0.2, 0.0]]
    assert units.pieces == [2, 1]


def test_a_word_without_a_digit_is_no_number() -> None:
    units = units_of("call 77", tokens((0, 4), (5, 7)), np.array([[0.0, 0.9], [0.0, 0.9]]), TYPES)
    assert units.chances[:, 1].tolist() == [0.0, 0.9]
    assert units.digits.tolist() == [False, True]


def test_neighbours_of_one_type_are_one_part() -> None:
    text = "Ann Lee, Bo and 55-66"
    offsets = ((0, 3), (4, 7), (9, 11), (12, 15), (16, 18), (19, 21))
    chances = np.array([[0.9, 0], [0.8, 0], [0.9, 0], [0.1, 0], [0, 0.9], [0.6, 0.5]])
    units = units_of(text, tokens(*offsets), chances, TYPES)
    found = marked(text, units, units.chances.sum(axis=1) >= 0.5, TYPES)
    assert [(text[f.start : f.end], f.kind) for f in found] == [("Ann Lee, Bo", "PERSON"), ("55-66", "PHONE")]


def test_a_letter_with_an_apostrophe_takes_the_rest_of_the_name_along() -> None:
    text = "ask O'Brien's men"
    offsets = ((0, 3), (4, 5), (6, 11), (12, 13), (14, 17))
    units = units_of(text, tokens(*offsets), np.array([[0, 0], [0.9, 0], [0.2, 0], [0, 0], [0, 0]]), TYPES)
    found = marked(text, units, units.chances.sum(axis=1) >= 0.5, TYPES)
    assert [text[f.start : f.end] for f in found] == ["O'Brien"]


def test_overlapping_parts_are_one_with_the_type_of_the_pattern() -> None:
    likely = [Found(0, 6, "ID", 0.99), Found(9, 12, "PERSON", 0.9)]
    whole = [Found(0, 9, "PHONE", 0.93), Found(9, 12, "PERSON", 0.9)]
    assert merged([Found(5, 9, "PHONE", 0.93)], likely) == whole


def test_a_word_is_inside_only_as_a_whole() -> None:
    units = units_of("one two", tokens((0, 3), (4, 7)), np.zeros((2, 2)), TYPES)
    assert inside(units, [Found(0, 5, "PERSON", 1.0)]) == [True, False]


def test_other_scripts_and_unknown_letters_cannot_be_read() -> None:
    latin = frozenset({"LATIN"})
    assert unreadable("Иван", tokens((0, 4)), latin)
    assert not unreadable("José", tokens((0, 4)), latin)
    assert unreadable("ab", Tokens([1], [(0, 2)], [0]), latin)
    assert not unreadable("--", Tokens([1], [(0, 2)], [0]), latin)
