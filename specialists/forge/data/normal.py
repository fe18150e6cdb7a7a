"""When two texts count as the same, or nearly: what is told apart by case, spaces and punctuation alone is the same.

Near-duplicates are found by MinHash (Broder 1997) over runs of four characters with banding (Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, chapter 3), and confirmed by the Jaccard similarity of those runs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

NEAR: Final = 0.8
"""The Jaccard similarity from which two texts are near-duplicates."""
_RUN: Final = 4
_BANDS: Final = 8
_PER_BAND: Final = 4
_LOOKED_AT: Final = 1000
_LOT: Final = 4_000_000
_NO_WORD: Final = re.compile(r"[\W_]+")
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def normalised(text: str) -> str:
    """Return `text` in one case, with words parted by one space; one without letters and digits stays as it is."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub(" ", folded).strip() or folded.strip()


def near_groups(keys: Sequence[str], near: float = NEAR) -> Ints:
    """Return a group number for each normalised text: equal and nearly equal texts share one.

    The number is the position of the group's first text. A chain of near-duplicates is one group.
    """
    first = {key: n for n, key in reversed(list(enumerate(keys)))}
    unique = list(dict.fromkeys(keys))
    parent = np.arange(len(unique))
    for a, b in _pairs(unique, near):
        root_a, root_b = _root(parent, a), _root(parent, b)
        parent[max(root_a, root_b)] = min(root_a, root_b)
    places = {key: first[unique[_root(parent, n)]] for n, key in enumerate(unique)}
    return np.array([places[key] for key in keys], dtype=np.int64)


def _root(parent: Ints, at: int) -> int:
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = int(parent[at])
    return at


def _pairs(texts: Sequence[str], near: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of texts that share a band of their signatures and are as similar as `near`."""
    if len(texts) < 2:
        return
    marks = _signatures(texts)
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        part = marks[:, band * _PER_BAND : (band + 1) * _PER_BAND]
        order = np.lexsort(part.T[::-1])
        same = (part[order[1:]] == part[order[:-1]]).all(axis=1)
        for at in np.flatnonzero(same):
            a, b = sorted((int(order[at]), int(order[at + 1])))
            alike = (marks[a] == marks[b]).mean()
            if (a, b) not in seen and alike >= near - 0.2:
                seen.add((a, b))
                if _jaccard(texts[a], texts[b]) >= near:
                    yield a, b


def _jaccard(one: str, other: str) -> float:
    a, b = _runs(one), _runs(other)
    return len(a & b) / len(a | b)


def _runs(text: str) -> set[str]:
    padded = _padded(text)
    return {padded[n : n + _RUN] for n in range(len(padded) - _RUN + 1)}


def _padded(text: str) -> str:
    return f"  {text[:_LOOKED_AT]}  "


def _signatures(texts: Sequence[str]) -> Words:
    """Return MinHash signatures [texts, bands x rows]."""
    rng = np.random.default_rng(0)
    factors = rng.integers(1, 2**63, _BANDS * _PER_BAND, dtype=np.uint64) | np.uint64(1)
    out = np.empty((len(texts), len(factors)), dtype=np.uint64)
    begin, size = 0, 0
    for n, text in enumerate(texts):
        size += len(text)
        if size > _LOT or n == len(texts) - 1:
            out[begin : n + 1] = _lot(texts[begin : n + 1], factors)
            begin, size = n + 1, 0
    return out


def _lot(texts: Sequence[str], factors: Words) -> Words:
    padded = [_padded(text) for text in texts]
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(
        np.uint64
    )
    lengths = np.array([len(text) for text in padded])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    runs = points[: -_RUN + 1].copy()
    for n in range(1, _RUN):
        runs = runs * np.uint64(0x100000001B3) + points[n : len(points) - _RUN + 1 + n]
    # A run that reaches into the next text gets the largest value, so that it is nowhere the smallest.
    across = (starts[1:, None] - np.arange(1, _RUN)).ravel()
    mixed = _stirred(runs)
    out = np.empty((len(texts), len(factors)), dtype=np.uint64)
    for n, factor in enumerate(factors):
        values = _stirred(mixed * factor)
        values[across] = np.iinfo(np.uint64).max
        out[:, n] = np.minimum.reduceat(values, starts)
    return out


def _stirred(values: Words) -> Words:
    """Return the values with high bits mixed into low ones (the finalizer of SplitMix64, Steele et al. 2014)."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(27))
