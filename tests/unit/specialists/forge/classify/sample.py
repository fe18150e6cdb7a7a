"""Texts of three classes that a few words tell apart."""

from __future__ import annotations

import random

WORDS = {
    "light": ("lamp", "light", "dark", "bulb"),
    "music": ("song", "play", "tune", "loud"),
    "weather": ("rain", "sunny", "storm", "wind"),
}
FILLERS = ("please", "now", "the", "in", "my", "kitchen", "tomorrow", "a", "bit", "more", "could", "you")


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    """Return texts and labels; each text holds one word that tells its class."""
    rng = random.Random(seed)
    rows = []
    for n in range(count):
        label = sorted(WORDS)[n % 3]
        words = [rng.choice(FILLERS) for _ in range(rng.randint(3, 7))]
        words.insert(rng.randint(0, len(words)), rng.choice(WORDS[label]))
        rows.append((" ".join(words), label))
    return rows
