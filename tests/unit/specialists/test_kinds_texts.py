"""Texts are taken out of inputs, checked, tokenized and asked whether the vocabulary can spell them."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from specialists.engine.tokenize import UNKNOWN, Tokens
from specialists.kinds.texts import Text, text_of, unknown_share


def refusal(value: object) -> str:
    with pytest.raises(HiveError) as caught:
        text_of({"note": value}, "note", 10)
    assert caught.value.code == "input_invalid"
    return caught.value.detail


def test_a_string_and_a_redacted_text_are_texts() -> None:
    assert text_of({"note": "hello"}, "note", 10) == "hello"
    assert text_of({"note": {"text": "[PERSON]", "spans": []}}, "note", 10) == "[PERSON]"


def test_what_is_no_text_is_named() -> None:
    assert refusal(7) == "`note` must be a string, not int."
    assert refusal(b"hello") == "`note` must be a string, not bytes."
    assert refusal({"spans": []}) == "`note` must be a string, not NoneType."
    assert refusal("x" * 11) == "`note` has 11 characters; this specialist takes 10."
    assert refusal("ab\ud800") == "`note` is not UTF-8: it holds a lone surrogate at 2."


@pytest.mark.parametrize(
    ("text", "ids", "offsets", "share"),
    [
        ("hello you", [5, 6], [(0, 5), (6, 9)], 0.0),
        ("hello 图书馆", [5, UNKNOWN], [(0, 5), (6, 9)], 3 / 8),
        ("图书馆", [UNKNOWN], [(0, 3)], 1.0),
        ("?!", [7, UNKNOWN], [(0, 1), (1, 2)], 1.0),
        ("", [UNKNOWN], [(0, 0)], 1.0),
    ],
)
def test_what_the_vocabulary_cannot_spell_is_counted_in_letters(
    text: str, ids: list[int], offsets: list[tuple[int, int]], share: float
) -> None:
    assert unknown_share(Text(text, Tokens(ids, offsets, list(range(len(ids)))))) == share
