"""The names that a tagger chooses from, and the way between spans of characters and tags of words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from specialists.forge.sources.values import MarkedText, Span

OUTSIDE: Final = "O"


@dataclass(frozen=True, slots=True)
class Inventory:
    """The names that a tagger chooses from: `tags` in BIO form (Ramshaw and Marcus 1995), "O" first; `intents`."""

    tags: tuple[str, ...]
    intents: tuple[str, ...]

    @classmethod
    def of(cls, examples: Iterable[MarkedText]) -> Inventory:
        """Return what occurs in `examples`, in order of the alphabet."""
        kinds: set[str] = set()
        intents: set[str] = set()
        for example in examples:
            kinds.update(span.kind for span in example.spans)
            intents.add(example.intent)
        tags = [f"{place}-{kind}" for kind in sorted(kinds) for place in "BI"]
        return cls((OUTSIDE, *tags), tuple(sorted(intents - {""})))


def tags_of(spans: Sequence[Span], words: Sequence[tuple[int, int]]) -> list[str]:
    """Return the BIO tag of each word, given as characters [start, end); a word cut by a span belongs to it."""
    tags = []
    at, begun = 0, -1
    for start, end in words:
        while at < len(spans) and spans[at].end <= start:
            at += 1
        if at < len(spans) and spans[at].start < end:
            tags.append(f"{'I' if begun == at else 'B'}-{spans[at].kind}")
            begun = at
        else:
            tags.append(OUTSIDE)
    return tags
