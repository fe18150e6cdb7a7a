"""Transfer text: many more texts like the given ones, for the teacher to label and the student to learn from.

Nothing here knows the labels: whatever a change does to the meaning, the teacher says what it now is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import torch
from tokenizers import Tokenizer

from specialists.forge.typos import worn

_NEIGHBOURS: Final = 12
_MIN_LETTERS: Final = 3


class Neighbours:
    """The words nearest to a word by an encoder's own word embeddings (as Jiao et al. 2020, TinyBERT, used GloVe)."""

    def __init__(self, tokenizer: Tokenizer, table: torch.Tensor, most: int = 12_000) -> None:
        """Take the `most` first whole words of the vocabulary, and their rows of `table`."""
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        words = [(word, row) for word, row in vocabulary if word.isalpha() and len(word) >= _MIN_LETTERS][
            :most
        ]
        self._words = [word for word, _ in words]
        self._rows = {word: n for n, word in enumerate(self._words)}
        vectors = table[[row for _, row in words]]
        self._vectors = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)
        self._found: dict[str, list[str]] = {}

    def of(self, word: str) -> list[str]:
        """Return the nearest words to `word`, nearest first; none for a word that the vocabulary lacks."""
        if word not in self._found:
            row = self._rows.get(word)
            if row is None:
                return []
            near = (
                (self._vectors @ self._vectors[row])
                .topk(min(_NEIGHBOURS + 1, len(self._words)))
                .indices.tolist()
            )
            self._found[word] = [self._words[n] for n in near if n != row]
        return self._found[word]


def more_texts(texts: Sequence[str], count: int, near: Neighbours, rng: random.Random) -> list[str]:
    """Return `count` new texts: words exchanged for near ones, texts spliced, shortened, and worn by typing."""
    makers = (_exchanged, _exchanged, _spliced, _worn, _worn_and_exchanged)
    found = []
    for n in range(count):
        made = makers[n % len(makers)](texts, near, rng)
        found.append(made if made.strip() else rng.choice(texts))
    return found


def _exchanged(texts: Sequence[str], near: Neighbours, rng: random.Random) -> str:
    return _swap(rng.choice(texts), near, rng, rate=rng.choice((0.15, 0.3, 0.45)))


def _spliced(texts: Sequence[str], near: Neighbours, rng: random.Random) -> str:
    one, other = rng.choice(texts).split(), rng.choice(texts).split()
    joined = one[: rng.randint(0, len(one))] + other[rng.randint(0, len(other)) :]
    return _swap(" ".join(joined), near, rng, rate=0.1)


def _worn(texts: Sequence[str], _near: Neighbours, rng: random.Random) -> str:
    return worn(rng.choice(texts), rng, rng.choice((0.15, 0.3)))


def _worn_and_exchanged(texts: Sequence[str], near: Neighbours, rng: random.Random) -> str:
    return worn(_swap(rng.choice(texts), near, rng, rate=0.2), rng, 0.15)


def _swap(text: str, near: Neighbours, rng: random.Random, rate: float) -> str:
    words = text.split()
    for n, word in enumerate(words):
        if rng.random() < rate:
            if word.isdigit():
                words[n] = "".join(rng.choice("0123456789") for _ in word)
            else:
                options = near.of(word.lower())
                words[n] = rng.choice(options) if options else word
    return " ".join(words)
