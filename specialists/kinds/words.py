"""The words of a text that was cut into tokens: a tagger decides at the first token of each."""

from __future__ import annotations

from collections.abc import Sequence

from specialists.engine.tokenize import Tokens


def word_starts(tokens: Tokens) -> list[int]:
    """Return the place of the first token of each word."""
    words = tokens.words
    return [at for at, word in enumerate(words) if at == 0 or word != words[at - 1]]


def word_offsets(tokens: Tokens, starts: Sequence[int]) -> list[tuple[int, int]]:
    """Return the characters [start, end) of each word."""
    stops = [*starts[1:], len(tokens.offsets)]
    return [(tokens.offsets[a][0], tokens.offsets[b - 1][1]) for a, b in zip(starts, stops, strict=True)]
