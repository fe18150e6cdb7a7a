"""The shape of a token: how its characters are written, which a lower-case vocabulary does not tell."""

from __future__ import annotations

from typing import Final

from specialists.engine.tokenize import Tokens

LOWER, TITLE, UPPER, MIXED, DIGIT, SIGN, UNCASED = range(1, 8)
AFTER_SPACE: Final = 8
SHAPES: Final = 16


def shapes(text: str, tokens: Tokens) -> list[int]:
    """Return one number below SHAPES per token; 0 is left for padding."""
    return [_shape(text, start, end) for start, end in tokens.offsets]


def _shape(text: str, start: int, end: int) -> int:
    spaced = AFTER_SPACE if start == 0 or text[start - 1].isspace() else 0
    return spaced + _written(text[start:end])


def _written(piece: str) -> int:
    if piece.isdigit():
        return DIGIT
    if not piece.isalpha():
        return SIGN
    if piece.islower():
        return LOWER
    if piece.isupper():
        return TITLE if len(piece) == 1 else UPPER
    return TITLE if piece.istitle() else MIXED if piece.lower() != piece.upper() else UNCASED
