"""Texts as they are typed in a hurry: words lost, letters doubled, swapped or lost."""

from __future__ import annotations

import random


def worn(text: str, rng: random.Random, rate: float) -> str:
    """Return `text` with words dropped, doubled letters, swaps and losses, each word with chance `rate`."""
    words = [_typo(word, rng) if rng.random() < rate else word for word in text.split()]
    kept = [word for word in words if rng.random() >= rate / 2]
    return " ".join(kept or words)


def _typo(word: str, rng: random.Random) -> str:
    if len(word) < 4:
        return word
    place = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:place] + word[place + 1 :]
    if kind == 1:
        return word[:place] + word[place] + word[place:]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
