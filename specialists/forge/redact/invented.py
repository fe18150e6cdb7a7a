"""Sentences with made-up personal data in the forms of the training texts, new ones for every epoch."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from specialists.forge.redact.examples import PLAIN, TAGS, Example, example_of, patterns_of
from specialists.forge.redact.persons import Inventor
from specialists.forge.redact.sentences import HELD_OUT

SOURCE: Final = "made up"
_NAMES: Final = {tag: tag for tag in TAGS} | {"ADDRESS": "LOCATION"}
_NAMED: Final = ("PERSON", "LOCATION", "ORGANIZATION")
_VALUE: Final = re.compile(r"[^\W\d_][\w.' &-]{1,28}")
_LOWER, _UPPER = 0.3, 0.35
# Without names there is nothing to make new ones of.
_FEWEST: Final = 20


class Invented:
    """Makes examples from the names and the sentences of the training texts."""

    def __init__(self, train: Sequence[Example]) -> None:
        """Collect the names and the sentences."""
        self._known: dict[str, list[str]] = {kind: [] for kind in _NAMED}
        for example in train:
            for mark in example.marks:
                kind = next(iter(mark.allowed)) if len(mark.allowed) == 1 else ""
                value = " ".join(example.text[mark.start : mark.end].split())
                if kind in self._known and _VALUE.fullmatch(value):
                    self._known[kind].append(value.title() if value.islower() else value)
        self.possible = all(len(set(values)) >= _FEWEST for values in self._known.values())
        self._patterns = patterns_of(train)

    def examples(self, count: int, rng: random.Random) -> list[Example]:
        """Return `count` examples to learn from; none where the training texts have too few names of a type."""
        if not self.possible:
            return []
        texts = Inventor(self._known, rng).sentences(count, self._patterns)
        return [example_of(text, _NAMES, PLAIN, SOURCE, text.group) for text in texts]

    def held_out(self, each: int, rng: random.Random) -> list[Example]:
        """Return `each` examples of every sentence that is only measured on."""
        if not self.possible:
            return []
        inventor = Inventor(self._known, rng)
        texts = [inventor.sentence(pattern) for pattern in HELD_OUT for _ in range(each)]
        return [example_of(text, _NAMES, PLAIN, SOURCE, text.group) for text in texts]


def recased(example: Example, rng: random.Random) -> Example:
    """Return the example in lower case (3 of 10), upper case (1 of 20), or as it is."""
    roll = rng.random()
    text = example.text.lower() if roll < _LOWER else example.text.upper() if roll < _UPPER else example.text
    return replace(example, text=text) if len(text) == len(example.text) else example
