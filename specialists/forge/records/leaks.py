"""Columns that know the answer: written down after it, or made from it. A model that has them fails at work.

This is leakage in the sense of Kaufman et al. (2012). What looks like it is left out and named, never silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.data.findings import Findings, listed
from specialists.forge.records.understand import Cells, NumberCells

_PERFECT: Final = 0.995
_PURE: Final = 0.98
_CHANCE: Final = 1e-6
_ALIKE: Final = 0.9998
_BINS: Final = 64
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Screened:
    """The columns that are left, and flags that are set only where it happened: name -> where they are set."""

    columns: list[Cells]
    flags: dict[str, Bools]


def screened(
    columns: Sequence[Cells],
    happened: Floats,
    train: Bools,
    order: Sequence[str],
    keep: Sequence[str],
    findings: Findings,
) -> Screened:
    """Return the columns without those that know the answer of a risk; only rows of `train` are looked at.

    `order` are the names of all columns as the file has them: a flag between flags that know the answer is taken for
    one of them.
    """
    told = {cells.name: why for cells in columns if (why := _tells(cells, happened, train)) is not None}
    flags = _block([cells for cells in columns if _set(cells) is not None], told, order)
    for name in [name for name in told if name not in flags and name not in keep]:
        findings.warn(
            "column_leaks",
            f"{name!r} {told[name]}. It is left out: if it is written down only after the outcome, the model "
            f'would fail at work. If it is known before, --set "data.keep=[{name!r}]".',
        )
    gone = {name: where for name, where in flags.items() if name not in keep}
    if gone:
        findings.warn(
            "column_leaks",
            f"{listed([repr(name) for name in gone], 12)} {'is' if len(gone) == 1 else 'are'} set (nearly) only where "
            "it happened, as part of the outcome. Left out of what is learned from. If one is known "
            'before, --set "data.keep=[NAME]".',
        )
    left = [c for c in columns if c.name in keep or (c.name not in told and c.name not in gone)]
    if not left:
        findings.fatal("no_columns", "Every column knows the answer, so nothing is left to learn from.")
    findings.refuse_fatal()
    return Screened(left, gone)


def screened_numbers(
    columns: Sequence[Cells], values: Floats, train: Bools, keep: Sequence[str], findings: Findings
) -> list[Cells]:
    """Return the columns without those from which the number to be estimated can be read off."""
    left = []
    for cells in columns:
        if cells.name not in keep and _explains(cells, values, train) >= _PERFECT:
            findings.warn(
                "column_leaks",
                f"{cells.name!r} alone tells the target (nearly) exactly. It is left out; if it is known before the "
                f'target is, --set "data.keep=[{cells.name!r}]".',
            )
        else:
            left.append(cells)
    if not left:
        findings.fatal("no_columns", "Every column tells the target, so nothing is left to learn from.")
    findings.refuse_fatal()
    return left


def _tells(cells: Cells, happened: Floats, train: Bools) -> str | None:
    """Return what a column alone tells of the outcome, None if not suspiciously much."""
    codes, y = _codes(cells)[train], happened[train]
    share = y.mean()
    if share in (0.0, 1.0):
        return None
    score = _out_of_fold(codes, y)
    area = auroc(score, y)
    if area >= _PERFECT:
        return f"alone tells the outcome nearly perfectly (area under the ROC curve {area:.3f})"
    where = _set(cells)
    if where is None:
        where = _present(cells)
    for marked, words in ((where[train], "set"), (~where[train], "not set")):
        count = int(marked.sum())
        # So many of the marked rows would be of the common outcome by chance only if that were common itself.
        if 0 < count <= len(y) / 2 and y[marked].mean() >= _PURE and share**count < _CHANCE:
            return f"is {words} in {count} rows, and in {y[marked].mean():.0%} of them it happened ({share:.1%} of all)"
    return None


def _block(flags: Sequence[Cells], told: dict[str, str], order: Sequence[str]) -> dict[str, Bools]:
    """Return the flags that tell, and rarer-than-half ones next to two or more of them in the file."""
    known = {cells.name: where for cells in flags if (where := _set(cells)) is not None}
    found = {name: known[name] for name in known if name in told}
    if len(found) < 2:
        return found
    places = {name: at for at, name in enumerate(order)}
    grown = True
    while grown:
        beside = {places[name] + step for name in found for step in (-1, 1)}
        more = {n: w for n, w in known.items() if n not in found and places[n] in beside}
        found |= more
        grown = bool(more)
    return dict(sorted(found.items(), key=lambda item: places[item[0]]))


def _set(cells: Cells) -> Bools | None:
    """Return where a column of two values has the rarer one, None if it is no flag."""
    if isinstance(cells, NumberCells):
        values = np.unique(cells.values[np.isfinite(cells.values)])
        if len(values) != 2:
            return None
        where: Bools = cells.values == values[1]
    else:
        if len(cells.values) != 2:
            return None
        where = cells.texts == cells.values[1]
    return where if where.mean() <= 0.5 else None


def _present(cells: Cells) -> Bools:
    return np.isfinite(cells.values) if isinstance(cells, NumberCells) else cells.texts != ""


def _codes(cells: Cells) -> npt.NDArray[np.int64]:
    """Return small whole numbers: values where there are few, bins by rank otherwise; 0 where missing."""
    if isinstance(cells, NumberCells):
        known = cells.values[np.isfinite(cells.values)]
        values = np.unique(known)
        if len(values) > _BINS:
            values = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)))[:-1]
        codes = np.searchsorted(values, cells.values, side="right")
        return np.where(np.isfinite(cells.values), codes, 0).astype(np.int64)
    place = {value: at for at, value in enumerate(cells.values, 2)}
    return np.array([place.get(text, 1 if text else 0) for text in cells.texts], dtype=np.int64)


def _out_of_fold(codes: npt.NDArray[np.int64], y: Floats) -> Floats:
    """Return for each row the mean outcome of the other half's rows with its code."""
    score = np.empty(len(y))
    half = np.arange(len(y)) % 2 == 0
    for mine, other in ((half, ~half), (~half, half)):
        sums = np.bincount(codes[other], y[other], minlength=codes.max() + 1)
        counts = np.bincount(codes[other], minlength=codes.max() + 1)
        score[mine] = ((sums + y.mean()) / (counts + 1))[codes[mine]]
    return score


def auroc(score: Floats, y: Floats) -> float:
    """Return the area under the ROC curve of scores for outcomes 0 and 1; ties count half (Mann and Whitney 1947)."""
    positive = y.sum()
    return float(
        (ranks(score)[y > 0].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive))
    )


def ranks(values: Floats) -> Floats:
    """Return the rank of each value from 1, equal ones sharing theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _explains(cells: Cells, target: Floats, train: Bools) -> float:
    """Return the share of the target's variance that lies between bins of equal code, 1 if its ranks are theirs."""
    if isinstance(cells, NumberCells):
        both = np.isfinite(cells.values) & train
        if (
            both.sum() > 2
            and abs(np.corrcoef(ranks(cells.values[both]), ranks(target[both]))[0, 1]) >= _ALIKE
        ):
            return 1.0
    codes, values = _codes(cells)[train], target[train]
    guess = _out_of_fold(codes, values)
    return float(1 - ((values - guess) ** 2).mean() / max(values.var(), 1e-12))
