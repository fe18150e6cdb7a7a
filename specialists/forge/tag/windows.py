"""Long texts in pieces of a length that an encoder learns from well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from specialists.forge.sources.values import MarkedText, Span

MOST_WORDS: Final = 100
_GAP: Final = re.compile(r"\s+")
_SENTENCE_END: Final = frozenset(".!?:;\n")


def in_windows(text: MarkedText, most_words: int = MOST_WORDS) -> list[MarkedText]:
    """Return `text` in pieces of at most `most_words` words, cut after a sentence if one ends there.

    No span is cut; a piece may get longer for that.

    All pieces have the text's group; the first alone has its intent, for the rest may not show it.
    """
    if len(text.text.split()) <= most_words:
        return [text]
    group = text.group or f"long:{text.text[:80]}"
    pieces = [_piece(text, start, end) for start, end in _bounds(text, most_words)]
    return [
        replace(piece, group=group, intent=text.intent if n == 0 else "") for n, piece in enumerate(pieces)
    ]


def _bounds(text: MarkedText, most_words: int) -> Iterator[tuple[int, int]]:
    """Yield the characters [start, end) of each piece."""
    inside = iter(sorted((span.start, span.end) for span in text.spans))
    span = next(inside, None)
    begin, words = 0, 0
    last: tuple[int, int] | None = None
    for gap in _GAP.finditer(text.text):
        while span is not None and span[1] <= gap.start():
            span = next(inside, None)
        words += 1
        free = span is None or gap.end() <= span[0]
        ends = text.text[gap.start() - 1 : gap.start()] in _SENTENCE_END or "\n" in gap[0]
        if free and (ends or (words >= most_words and last is None)):
            last = gap.span()
        if words >= most_words and last is not None:
            yield begin, last[0]
            begin = last[1]
            words = len(text.text[begin : gap.start()].split())
            last = None
    if text.text[begin:].strip():
        yield begin, len(text.text)


def _piece(text: MarkedText, start: int, end: int) -> MarkedText:
    spans = (
        Span(s.start - start, s.end - start, s.kind) for s in text.spans if start <= s.start and s.end <= end
    )
    return replace(text, text=text.text[start:end], spans=tuple(spans))
