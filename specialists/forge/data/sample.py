"""A stratified sample of a file that is larger than what is needed, drawn in one pass within bounded memory.

Each row gets a number between 0 and 1 from a seeded hash of its key, and the rows with the smallest numbers stay
(bottom-k sampling, Cohen and Kaplan 2007). So equal keys stay or go together, the order of the rows does not matter,
and each class keeps its share, but for small ones, which keep `FLOOR` rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

FLOOR: Final = 50
_SLACK: Final = 1.5


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that stay, in the order of the file, and how many there were."""

    rows: pd.DataFrame
    seen: int


def sampled(
    chunks: Iterable[pd.DataFrame],
    most: int,
    key: Callable[[pd.DataFrame], pd.Series],
    stratum: Callable[[pd.DataFrame], pd.Series] | None,
    seed: int,
) -> Sample:
    """Return about `most` rows of `chunks`; all of them if there are no more.

    `key` gives a text for each row; rows with equal keys share their fate. `stratum` gives the class of each row, of
    which the first `FLOOR` in hash order stay in any case. At most 1.5 times `most` rows and one chunk are held.
    """
    held: list[pd.DataFrame] = []
    seen, count, cut = 0, 0, 1.0
    for chunk in chunks:
        seen += len(chunk)
        fresh = chunk.assign(**{_DRAWN: drawn(key(chunk), seed)})
        if stratum is not None:
            fresh = fresh.assign(**{_CLASS: stratum(chunk)})
        held.append(fresh)
        count += len(fresh)
        if count > _SLACK * most:
            rows, cut = _trimmed(pd.concat(held), most, cut)
            held, count = [rows], len(rows)
    if not held:
        return Sample(pd.DataFrame(), 0)
    rows = pd.concat(held)
    if seen > most:
        rows, _ = _trimmed(rows, most, cut)
    return Sample(rows.drop(columns=[_DRAWN, _CLASS], errors="ignore").sort_index(), seen)


def drawn(keys: Iterable[object], seed: int) -> npt.NDArray[np.float64]:
    """Return a number from 0 to 1 for each key, the same for equal keys and the same in each run."""
    salt = seed.to_bytes(8, "big", signed=True)
    hashes = (
        hashlib.blake2b(str(key).encode("utf-8", "replace"), digest_size=8, key=salt).digest() for key in keys
    )
    return np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.float64) / 2.0**64


_DRAWN: Final = "\0drawn"
_CLASS: Final = "\0class"


def _trimmed(rows: pd.DataFrame, most: int, cut: float) -> tuple[pd.DataFrame, float]:
    """Return the rows below the new cut, and those that a small class keeps; the cut never grows."""
    numbers = np.sort(rows[_DRAWN].to_numpy())
    cut = min(cut, float(numbers[most])) if len(numbers) > most else cut
    keep = rows[_DRAWN] < cut
    if _CLASS in rows:
        # Missing classes are one class here; the checks of labels see to them.
        rank = rows.groupby(rows[_CLASS].astype(str))[_DRAWN].rank(method="min")
        keep = keep | (rank <= FLOOR)
    return rows[keep], cut
