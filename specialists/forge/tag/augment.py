"""Other texts with the same marks: swapped values, lost words, typing mistakes, other cases of letters.

Labels stay true by making, so a tagger learns from them as from the originals (Dai and Adel 2020 compare such ways).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from specialists.forge.sources.values import MarkedText, Span

Segment = tuple[str, str]
"""A part of a text and its kind, "" where it is not marked."""

_WORD: Final = re.compile(r"\S+")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST: Final = 4


def segments_of(example: MarkedText) -> list[Segment]:
    """Return the text of `example`, cut where spans begin and end."""
    parts: list[Segment] = []
    at = 0
    for span in example.spans:
        if span.start > at:
            parts.append((example.text[at : span.start], ""))
        parts.append((example.text[span.start : span.end], span.kind))
        at = span.end
    if at < len(example.text):
        parts.append((example.text[at:], ""))
    return parts


def joined(parts: Iterable[Segment], intent: str) -> MarkedText:
    """Return the example that `parts` make."""
    text, spans = "", []
    for piece, kind in parts:
        if kind and piece:
            spans.append(Span(len(text), len(text) + len(piece), kind))
        text += piece
    return MarkedText(text, tuple(spans), intent=intent)


def values_of(examples: Iterable[MarkedText]) -> dict[str, list[str]]:
    """Return the marked texts of each kind, as often as they occur, in order."""
    found: dict[str, list[str]] = {}
    for example in examples:
        for span in example.spans:
            found.setdefault(span.kind, []).append(example.text[span.start : span.end])
    return {kind: sorted(found[kind]) for kind in sorted(found)}


def swapped(
    example: MarkedText, values: Mapping[str, Sequence[str]], rng: random.Random, rate: float
) -> MarkedText:
    """Return `example` with each marked text replaced, at chance `rate`, by another of its kind."""
    parts = [
        (rng.choice(values[kind]) if kind and rng.random() < rate else piece, kind)
        for piece, kind in segments_of(example)
    ]
    return joined(parts, example.intent)


def worn(example: MarkedText, rng: random.Random, typos: float, losses: float) -> MarkedText:
    """Return `example` with typing mistakes in words, and unmarked words left out, at these chances per word.

    The last word is never left out.
    """
    parts: list[Segment] = []
    words = len(example.text.split())
    for piece, kind in segments_of(example):
        text, at = "", 0
        for match in _WORD.finditer(piece):
            text += piece[at : match.start()]
            at = match.end()
            if not kind and words > 1 and rng.random() < losses:
                words -= 1
                at += at < len(piece)  # the space goes with its word
                continue
            text += mistyped(match[0], rng) if rng.random() < typos else match[0]
        parts.append((text + piece[at:], kind))
    return joined(parts, example.intent)


def mistyped(word: str, rng: random.Random) -> str:
    """Return `word` with one letter lost, doubled, swapped with the next or replaced; short words stay."""
    if len(word) < _SHORTEST:
        return word
    place = rng.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    ways = (before + after, before + letter * 2 + after, before + after[0] + letter + after[1:])
    return rng.choice((*ways, before + rng.choice(_LETTERS) + after))


def recased(example: MarkedText, rng: random.Random, rate: float) -> MarkedText:
    """Return `example`, at chance `rate`, in lower case, capitals, or with a capital for each word or the first.

    Where another case has another length (as of German sharp s), the example stays.
    """
    if rng.random() >= rate:
        return example
    text = example.text
    ways = (text.lower(), text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:])
    other = rng.choice(ways)
    return replace(example, text=other) if len(other) == len(text) else example
