"""Placeholders are the same for the same person or number, and different for others."""

from __future__ import annotations

import re

from specialists.kinds.patterns import Found
from specialists.kinds.placeholders import placeholders, placeholders_in, replaced


def spans_of(text: str, kind: str, *values: str) -> list[Found]:
    found = [m for value in dict.fromkeys(values) for m in re.finditer(rf"\b{re.escape(value)}\b", text)]
    return [Found(*m.span(), kind, 1.0) for m in sorted(found, key=lambda m: m.start())]


def persons(text: str, *names: str) -> str:
    spans = spans_of(text, "PERSON", *names)
    return replaced(text, spans, placeholders(text, spans))


def test_parts_of_a_name_mean_the_one_who_has_it() -> None:
    assert persons("Dr Keller saw Maria Keller, MARIA left.", "Dr Keller", "Maria Keller", "MARIA") == (
        "[PERSON_1] saw [PERSON_1], [PERSON_1] left."
    )


def test_a_part_that_two_have_means_neither() -> None:
    out = persons("Tom Keller met Ann Keller. Keller spoke.", "Tom Keller", "Ann Keller", "Keller spoke"[:6])
    assert out.endswith("[PERSON_3] spoke.")


def test_numbers_are_the_same_whatever_separates_their_digits() -> None:
    text = "4111 1111 1111 1111 or 4111-1111-1111-1111 or 5555555555554444"
    spans = [Found(0, 19, "CARD", 1.0), Found(23, 42, "CARD", 1.0), Found(46, 62, "CARD", 1.0)]
    assert placeholders(text, spans) == ["[CARD_1]", "[CARD_1]", "[CARD_2]"]


def test_types_count_apart() -> None:
    spans = [Found(0, 5, "PERSON", 1.0), Found(9, 15, "LOCATION", 1.0)]
    assert placeholders("Maria in Lisbon", spans) == ["[PERSON_1]", "[LOCATION_1]"]


def test_placeholders_that_are_there_are_known_by_their_types_only() -> None:
    text = "[PERSON_3] paid [SMITH_555] and [PERSON_12345]"
    held = placeholders_in(text, ["PERSON", "LOCATION"])
    assert held == [Found(0, 10, "PERSON", 1.0)]
    assert placeholders("[PERSON_3] Ann", [Found(11, 14, "PERSON", 1.0)], held) == ["[PERSON_4]"]


def test_signs_alone_are_each_their_own() -> None:
    spans = [Found(0, 1, "PERSON", 1.0), Found(2, 3, "PERSON", 1.0)]
    assert len(placeholders("- +", spans)) == 2
