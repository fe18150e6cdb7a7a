"""Delta debugging: make a list that fails smaller until no piece of it can go.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002: the algorithm ddmin.
The result is 1-minimal: without any single element it would not fail any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

Item = TypeVar("Item")


def ddmin(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> tuple[Item, ...]:
    """Return a smallest part of `items`, in order, that still fails; `fails(items)` must hold.

    Calls `fails` at most O(n^2) times, about O(k log n) for k elements that matter. A `fails` that gives up and says no
    from some time on ends it quickly, with what was reached by then.
    """
    if fails(()):
        return ()
    kept, pieces = tuple(items), 2
    while len(kept) > 1:
        bounds = [len(kept) * i // pieces for i in range(pieces + 1)]
        spans = list(pairwise(bounds))
        smaller = _part(kept, spans, fails)
        if smaller is not None:
            kept, pieces = smaller, 2
            continue
        smaller = _without(kept, spans, fails) if pieces > 2 else None  # noqa: PLR2004 - halves were tried just now
        if smaller is not None:
            kept, pieces = smaller, max(2, pieces - 1)
        elif pieces >= len(kept):
            break
        else:
            pieces = min(len(kept), 2 * pieces)
    return kept


def _part(
    kept: tuple[Item, ...], spans: Sequence[tuple[int, int]], fails: Callable[[Sequence[Item]], bool]
) -> tuple[Item, ...] | None:
    return next((kept[a:b] for a, b in spans if fails(kept[a:b])), None)


def _without(
    kept: tuple[Item, ...], spans: Sequence[tuple[int, int]], fails: Callable[[Sequence[Item]], bool]
) -> tuple[Item, ...] | None:
    return next((kept[:a] + kept[b:] for a, b in spans if fails(kept[:a] + kept[b:])), None)
