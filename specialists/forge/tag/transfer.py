"""Transfer texts: many more like the given ones, for the teacher to label and the student to learn from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from specialists.forge.classify.transfer import Neighbours
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.augment import Segment, joined, recased, segments_of, swapped, values_of, worn

_SPACES: Final = re.compile(r"(\s+)")
_RECASED: Final = 0.2


@dataclass(frozen=True, slots=True)
class Transfer:
    """A text to learn from. Where `sure`, its own marks and intent are right, else the teacher's word alone counts."""

    text: MarkedText
    sure: bool


class Maker:
    """Makes texts like the given ones: values swapped, words exchanged for near ones, two joined, typing worn.

    What keeps the marks true is sure; of the rest the teacher says what it now is.
    """

    def __init__(self, texts: Sequence[MarkedText], near: Neighbours, seed: int) -> None:
        """Learn from `texts` which values each type has."""
        self._texts = texts
        self._near = near
        self._values: Mapping[str, Sequence[str]] = values_of(texts)
        self._rng = random.Random(f"transfer:{seed}")
        self._ways: tuple[Callable[[MarkedText], Transfer], ...] = (
            self._swapped,
            self._exchanged,
            self._swapped,
            self._exchanged,
            self._spliced,
        )

    def more(self, count: int) -> list[Transfer]:
        """Return `count` more texts, made from each given one in turn."""
        found = []
        for n in range(count):
            given = self._texts[n % len(self._texts)]
            way = self._ways[(n // len(self._texts) + n) % len(self._ways)]
            made = way(given)
            if not made.text.text.strip():
                made = Transfer(given, sure=True)
            found.append(replace(made, text=recased(made.text, self._rng, _RECASED)))
        return found

    def _swapped(self, text: MarkedText) -> Transfer:
        other = swapped(text, self._values, self._rng, rate=0.7)
        return Transfer(worn(other, self._rng, typos=0.08, losses=0.05), sure=True)

    def _exchanged(self, text: MarkedText) -> Transfer:
        rate = self._rng.choice((0.15, 0.3, 0.45))
        parts = [(self._other_words(piece, rate), kind) for piece, kind in segments_of(text)]
        return Transfer(joined(parts, ""), sure=False)

    def _spliced(self, text: MarkedText) -> Transfer:
        one, other = segments_of(text), segments_of(self._rng.choice(self._texts))
        parts: list[Segment] = [*one[: self._rng.randint(0, len(one))], (" ", "")]
        parts += other[self._rng.randint(0, len(other)) :]
        return Transfer(MarkedText(" ".join(joined(parts, "").text.split()), ()), sure=False)

    def _other_words(self, piece: str, rate: float) -> str:
        words = _SPACES.split(piece)
        return "".join(
            self._other(word) if word.strip() and self._rng.random() < rate else word for word in words
        )

    def _other(self, word: str) -> str:
        if word.isdigit():
            return "".join(self._rng.choice("0123456789") for _ in word)
        options = self._near.of(word.lower())
        other = self._rng.choice(options) if options else word
        return other.title() if word.istitle() else other.upper() if word.isupper() else other
