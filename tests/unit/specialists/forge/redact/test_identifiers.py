"""Made-up identifiers carry true checksums, and the patterns find every one of them, and all of it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.forge.redact.identifiers import Identifiers
from specialists.kinds.patterns import find_patterns

MAKERS: dict[str, Callable[[Identifiers], str]] = {
    "card": Identifiers.card,
    "iban": Identifiers.iban,
    "phone": Identifiers.phone,
    "ip": Identifiers.ip,
    "social_security": Identifiers.social_security,
    "email": lambda ids: ids.email("Jane", "O'Neil", "contoso"),
}
SENTENCES = (
    "{}", "please note {}, thanks", "({})", "it is {} now.", "Value:\n{}\nEnd", "is it {}?", "'{}'",
    "room 12 {} is wrong", "number 5 {} belongs to her", "for {} at 10 Main Street", "account {} for 3 weeks",
    "{} and 12 more",
)  # fmt: skip


@pytest.mark.parametrize("maker", MAKERS)
@settings(max_examples=300, derandomize=True)
@given(seed=st.integers(0, 2**32), sentence=st.sampled_from(SENTENCES))
def test_the_patterns_cover_an_identifier_in_any_sentence(maker: str, seed: int, sentence: str) -> None:
    value = MAKERS[maker](Identifiers(random.Random(seed)))
    text = sentence.format(value)
    start = text.index(value)
    hidden = {i for found in find_patterns(text) for i in range(found.start, found.end)}
    assert all(i in hidden for i in range(start, start + len(value)) if text[i].isalnum()), text


@settings(max_examples=100, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_the_same_random_source_makes_the_same_identifiers(seed: int) -> None:
    one, two = Identifiers(random.Random(seed)), Identifiers(random.Random(seed))
    assert [make(one) for make in MAKERS.values()] == [make(two) for make in MAKERS.values()]


def test_forms_are_filled_sign_by_sign() -> None:
    value = Identifiers(random.Random(1)).filled("A#-N")
    assert value[0].isupper()
    assert value[1].isdigit()
    assert value[2] == "-"
    assert value[3] in "23456789"
