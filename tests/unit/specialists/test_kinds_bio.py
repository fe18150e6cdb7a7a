"""Tags become the likeliest spans that are spans, with probabilities that follow from those of the words."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import HiveError
from specialists.kinds.bio import TaggedSpan, TagSet

TAGS = ("O", "B-a", "I-a", "B-b", "I-b")
SET = TagSet(TAGS)
WORDS = [(0, 2), (3, 5), (6, 8), (9, 12)]


def chances(*rows: list[float]) -> np.ndarray:
    return np.array(rows)


def legal(path: tuple[int, ...]) -> bool:
    names = ["O", *(TAGS[place] for place in path)]
    return all(now[0] != "I" or before[2:] == now[2:] for before, now in pairwise(names))


def test_spans_of_words_with_their_probabilities() -> None:
    rows = chances(
        [0.1, 0.8, 0.0, 0.1, 0.0], [0.1, 0.1, 0.7, 0.1, 0.0], [0.6, 0.0, 0.4, 0.0, 0.0], [0.2, 0, 0, 0.8, 0]
    )
    path = SET.path(rows)
    assert [TAGS[place] for place in path] == ["B-a", "I-a", "O", "B-b"]
    assert SET.spans(path, rows, WORDS) == [
        TaggedSpan(0, 5, "a", pytest.approx(0.8 * 0.7 * 0.6)),
        TaggedSpan(9, 12, "b", pytest.approx(0.8)),
    ]


def test_what_did_not_begin_does_not_go_on() -> None:
    rows = chances([0.4, 0.3, 0.1, 0.1, 0.1], [0.05, 0.05, 0.8, 0.05, 0.05])
    assert [TAGS[place] for place in SET.path(rows)] == ["B-a", "I-a"]
    rows = chances([0.9, 0.0, 0.0, 0.1, 0.0], [0.3, 0.2, 0.5, 0.0, 0.0])
    assert [TAGS[place] for place in SET.path(rows)] == ["O", "O"]


def test_neighbours_of_one_type_are_two_spans() -> None:
    rows = chances([0, 1.0, 0, 0, 0], [0, 1.0, 0, 0, 0], [0, 0, 1.0, 0, 0], [1.0, 0, 0, 0, 0])
    assert [(s.start, s.end) for s in SET.spans(SET.path(rows), rows, WORDS)] == [(0, 2), (3, 8)]


@given(
    st.lists(st.lists(st.integers(1, 50), min_size=5, max_size=5), min_size=1, max_size=4),
)
def test_no_legal_sequence_is_likelier(weights: list[list[int]]) -> None:
    rows = np.array(weights, dtype=np.float64)
    rows /= rows.sum(axis=1, keepdims=True)
    path = tuple(int(place) for place in SET.path(rows))
    assert legal(path)

    def chance(other: tuple[int, ...]) -> float:
        return float(np.prod(rows[np.arange(len(rows)), list(other)]))

    best = max(chance(other) for other in product(range(5), repeat=len(rows)) if legal(other))
    assert chance(path) == pytest.approx(best)


@pytest.mark.parametrize(
    "tags", [("B-a", "I-a"), ("O", "B-a"), ("O", "I-a", "B-b", "I-b"), ("O", "O"), ("O", "a")]
)
def test_tags_that_are_none(tags: tuple[str, ...]) -> None:
    with pytest.raises(HiveError) as caught:
        TagSet(tags)
    assert caught.value.code == "manifest_invalid"
