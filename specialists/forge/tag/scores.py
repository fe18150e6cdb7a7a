"""How right spans are: exact matches, counted over all texts as the CoNLL 2000 and 2003 tasks do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from specialists.forge.sources.values import Span

Counts = npt.NDArray[np.int64]


def span_counts(wanted: Sequence[Sequence[Span]], given: Sequence[Sequence[Span]]) -> Counts:
    """Return for each text the numbers of spans found exactly (place and type), of spans given, and of spans wanted."""
    rows = [
        (len(set(want) & set(got)), len(set(got)), len(set(want)))
        for want, got in zip(wanted, given, strict=True)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def f1(counts: Counts) -> float:
    """Return the F1 of the summed counts: 1 where there was nothing to find and nothing was given."""
    found, given, wanted = (int(total) for total in counts.sum(axis=0))
    return 2 * found / (given + wanted) if given + wanted else 1.0


def by_kind(wanted: Sequence[Iterable[Span]], given: Sequence[Iterable[Span]]) -> dict[str, Counts]:
    """Return the counts of each type that was wanted or given, one row per type."""
    totals: dict[str, Counts] = {}
    for want, got in zip(wanted, given, strict=True):
        right, some = set(want), set(got)
        for span in right | some:
            row = totals.setdefault(span.kind, np.zeros((1, 3), dtype=np.int64))
            row += (span in right and span in some, span in some, span in right)
    return {kind: totals[kind] for kind in sorted(totals)}
