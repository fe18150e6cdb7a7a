"""Spans and tags, changed texts, windows, and counts of what was found."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pandas")

from specialists.forge.sources.values import MarkedText, Span
from specialists.forge.tag.augment import joined, recased, segments_of, swapped, values_of, worn
from specialists.forge.tag.inventory import Inventory, tags_of
from specialists.forge.tag.scores import by_kind, f1, span_counts
from specialists.forge.tag.windows import in_windows

WAKE = MarkedText(
    "wake me at five am in the morning", (Span(11, 18, "time"), Span(26, 33, "part")), intent="alarm"
)
WORDS = [(0, 4), (5, 7), (8, 10), (11, 15), (16, 18), (19, 21), (22, 25), (26, 33)]


def parts(text: MarkedText) -> list[tuple[str, str]]:
    return [(text.text[span.start : span.end], span.kind) for span in text.spans]


def test_tags_of_spans() -> None:
    assert tags_of(WAKE.spans, WORDS) == ["O", "O", "O", "B-time", "I-time", "O", "O", "B-part"]


def test_neighbours_keep_apart_and_cut_words_belong_to_their_span() -> None:
    assert tags_of((Span(0, 2, "a"), Span(3, 6, "a")), [(0, 2), (3, 6)]) == ["B-a", "B-a"]
    assert tags_of((Span(0, 1, "a"),), [(0, 3), (4, 5)]) == ["B-a", "O"]


def test_the_inventory_names_each_tag_once() -> None:
    found = Inventory.of([WAKE, MarkedText("stop", ())])
    assert found == Inventory(("O", "B-part", "I-part", "B-time", "I-time"), ("alarm",))


def test_segments_join_to_the_same_text() -> None:
    assert joined(segments_of(WAKE), WAKE.intent) == WAKE


def test_swapped_values_keep_their_type() -> None:
    values = values_of(
        [MarkedText("at ten pm", (Span(3, 9, "time"),)), MarkedText("noon", (Span(0, 4, "part"),))]
    )
    other = swapped(WAKE, values, random.Random(1), rate=1.0)
    assert other.text == "wake me at ten pm in the noon"
    assert parts(other) == [("ten pm", "time"), ("noon", "part")]
    assert other.intent == "alarm"


@given(st.integers(0, 10_000))
def test_worn_and_recased_texts_keep_their_spans(seed: int) -> None:
    rng = random.Random(seed)
    other = recased(worn(WAKE, rng, typos=0.5, losses=0.5), rng, rate=0.5)
    assert [kind for _, kind in parts(other)] == ["time", "part"]
    first, second = (words.split() for words, _ in parts(other))
    assert (len(first), len(second)) == (2, 1)
    assert other.text.split()


def test_a_letter_that_grows_in_capitals_leaves_the_text_as_it_is() -> None:
    text = MarkedText("straße", (Span(0, 6, "a"),))
    seen = {recased(text, random.Random(n), rate=1.0).text for n in range(20)}
    assert seen == {"straße", "Straße"}


def test_long_texts_are_cut_after_sentences_and_never_in_a_span() -> None:
    text = "One two three. Four five six seven eight nine ten eleven twelve. End here"
    start = text.index("seven")
    long = MarkedText(text, (Span(start, start + len("seven eight nine ten"), "run"),), intent="count")
    pieces = in_windows(long, most_words=6)
    assert [piece.text for piece in pieces] == [
        "One two three.",
        "Four five six seven eight nine ten",
        "eleven twelve. End here",
    ]
    assert [part for piece in pieces for part in parts(piece)] == [("seven eight nine ten", "run")]
    assert [piece.intent for piece in pieces] == ["count", "", ""]
    assert len({piece.group for piece in pieces}) == 1
    assert in_windows(WAKE) == [WAKE]


def test_counts_are_of_exact_spans() -> None:
    wanted = [(Span(0, 2, "a"), Span(3, 4, "b")), ()]
    got = [(Span(0, 2, "a"), Span(3, 5, "b")), (Span(0, 1, "a"),)]
    counts = span_counts(wanted, got)
    assert counts.tolist() == [[1, 2, 2], [0, 1, 0]]
    assert f1(counts) == pytest.approx(2 / 5)
    assert {kind: row.tolist() for kind, row in by_kind(wanted, got).items()} == {
        "a": [[1, 2, 1]],
        "b": [[0, 1, 1]],
    }
    assert f1(span_counts([()], [()])) == 1.0
