"""Measures count characters and whole marks, and only what a corpus says."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="the forge is not installed")

from specialists.forge.redact.examples import EVERY, Example, Mark
from specialists.forge.redact.measure import measured
from specialists.kinds.patterns import Found

KINDS = EVERY - {"O"}
PLAIN = frozenset({"O"})
PERSON = frozenset({"PERSON"})


def figures(
    text: str, marks: tuple[Mark, ...], found: list[Found], outside: frozenset[str] = PLAIN
) -> dict[str, float]:
    example = Example(text, marks, outside, "presidio", "one")
    return {
        name.removeprefix("presidio_"): m.value
        for name, m in measured(lambda _: found, [example], KINDS).items()
    }


def test_half_of_a_name_is_not_found_and_counts_by_its_characters() -> None:
    out = figures("Anna Smith left", (Mark(0, 10, "PERSON", PERSON),), [Found(0, 4, "PERSON", 1.0)])
    assert out["found_person"] == 0.0
    assert out["character_recall"] == pytest.approx(4 / 9)
    assert out["character_precision"] == 1.0


def test_what_is_hidden_without_need_costs_precision() -> None:
    out = figures("Anna left", (Mark(0, 4, "PERSON", PERSON),), [Found(0, 9, "PERSON", 1.0)])
    assert out["found_person"] == 1.0
    assert out["character_precision"] == 0.5


def test_titles_and_unknown_types_count_neither_way() -> None:
    marks = (Mark(0, 3, "TITLE", PLAIN), Mark(4, 8, "PERSON", PERSON))
    assert figures("Mrs Anna left", marks, [Found(0, 8, "PERSON", 1.0)])["character_precision"] == 1.0
    marks = (Mark(0, 8, "PERSON", PERSON),)
    out = figures("Mrs Anna left", marks, [Found(4, 8, "PERSON", 1.0)])
    assert out["character_recall"] == 1.0


def test_a_corpus_says_nothing_of_types_that_it_does_not_mark() -> None:
    silent = EVERY - {"PERSON"}
    out = figures(
        "Anna left on Monday",
        (Mark(0, 4, "PERSON", PERSON),),
        [Found(0, 4, "PERSON", 1.0), Found(13, 19, "DATE", 1.0)],
        silent,
    )
    assert out["character_precision"] == 1.0


def test_structured_identifiers_and_addresses_are_counted_apart() -> None:
    marks = (Mark(0, 5, "STREET_ADDRESS", frozenset({"LOCATION"})), Mark(6, 9, "US_SSN", frozenset({"ID"})))
    out = figures("5 Way 123", marks, [Found(0, 5, "LOCATION", 1.0)])
    assert out["found_address"] == 1.0
    assert out["found_structured"] == 0.0
    assert "found_location" not in out
    assert out["typed"] == 1.0
