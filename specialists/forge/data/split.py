"""Splits rows into train, validation and test so that what belongs together stays together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.data.sample import drawn

PARTS: Final = ("train", "validation", "test")
_ROOM: Final = 1.5
Ints = npt.NDArray[np.int64]


def split(
    groups: Sequence[object], strata: Sequence[object], shares: Sequence[float], seed: int
) -> npt.NDArray[np.int8]:
    """Return the part of each row: 0 train, 1 validation, 2 test. `shares` are those of validation and test.

    Rows of one group stay in one part. Each stratum (a class, for example) is split by itself, in the order of a
    seeded hash of its groups, and a group that holds several strata counts as its commonest. So a row's part depends
    little on which other rows there are. A stratum of one group is all train; one of two is train and test.
    """
    numbers, sizes, homes = _grouped(groups, strata)
    order = drawn([*dict.fromkeys(groups)], seed)
    part = np.zeros(len(sizes), dtype=np.int8)
    for stratum in range(int(homes.max(initial=-1)) + 1):
        mine = np.flatnonzero(homes == stratum)
        mine = mine[np.argsort(order[mine], kind="stable")]
        _deal(mine, sizes, part, shares)
    return part[numbers]


def _grouped(groups: Sequence[object], strata: Sequence[object]) -> tuple[Ints, Ints, Ints]:
    """Return each row's group number, each group's size, and each group's commonest stratum."""
    names = {name: n for n, name in enumerate(dict.fromkeys(groups))}
    kinds = {name: n for n, name in enumerate(dict.fromkeys(strata))}
    numbers = np.array([names[group] for group in groups], dtype=np.int64)
    labels = np.array([kinds[stratum] for stratum in strata], dtype=np.int64)
    sizes = np.bincount(numbers, minlength=len(names))
    pairs, counts = np.unique(numbers * max(1, len(kinds)) + labels, return_counts=True)
    homes = np.zeros(len(names), dtype=np.int64)
    # In ascending order of counts, so that the commonest stratum of a group is written last.
    for pair in pairs[np.argsort(counts, kind="stable")]:
        homes[pair // len(kinds)] = pair % len(kinds)
    return numbers, sizes.astype(np.int64), homes


def _deal(groups: Ints, sizes: Ints, part: npt.NDArray[np.int8], shares: Sequence[float]) -> None:
    """Give the groups of one stratum to test first, then to validation, until each has its share; the rest trains.

    A group much larger than the share is passed over, unless there is no other.
    """
    total, left = int(sizes[groups].sum()), groups
    for number, share, later in ((2, shares[1], 1 + (shares[0] > 0)), (1, shares[0], 1)):
        if share <= 0 or len(left) < 2:
            continue
        want = total * share
        fitting = left[sizes[left] <= max(1.0, _ROOM * want)]
        if not len(fitting):
            fitting = left[[int(np.argmin(sizes[left]))]]
        before = np.concatenate([[0], np.cumsum(sizes[fitting])[:-1]])
        # The next group is taken if that brings the part nearer to what it wants; the first one in any case.
        taken = fitting[(before + sizes[fitting] / 2 <= want) | (before == 0)]
        taken = taken[: max(1, len(left) - later)]
        part[taken] = number
        left = left[~np.isin(left, taken)]
