"""Looks for products, differences and ratios of two columns that say more than the columns do alone.

A small network, and trees with few leaves, approximate such a number only with effort. Candidates are ranked by how
much of what boosting leaves unexplained lies between their quantile bins, beyond what their two columns reach;
the best one must then make boosting better in cross-validation (forward selection, Guyon and Elisseeff 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold

from specialists.forge.records.leaks import ranks
from specialists.kinds.table import Records, Table, derive

Floats = npt.NDArray[np.float64]
_EDGES: Final = np.array(
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995]
)
"""Finer at both ends: what is rare happens there."""
_MOST_COLUMNS: Final = 12
TRIALS: Final = 10
"""Candidates that are tried before one is taken."""
_ROWS: Final = 8000
_FOLDS: Final = 4
_TREES: Final = 60
_CELL_S: Final = 1.5e-8
_COLUMN_S: Final = 3e-5
_TREE_S: Final = 4e-4
_ALIKE: Final = 0.99
_SURE: Final = 1.5
"""A candidate must improve the loss by so many standard errors of the paired differences,"""
_WORTH: Final = 0.01
"""and by this share of it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation on two numeric columns, by their places."""

    op: str
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: at most `most` derived columns, in `budget_s` nominal seconds."""

    most: int
    budget_s: float


def tree_s(rows: int, width: int) -> float:
    """Return the nominal seconds in which one boosted tree grows on a table."""
    return rows * width * _CELL_S + width * _COLUMN_S + _TREE_S


def found(
    table: Table,
    records: Records,
    target: Floats,
    seed: int,
    effort: Effort,
    tick: Callable[[], None],
    *,
    classes: bool,
) -> list[Candidate]:
    """Return at most `effort.most` candidates that help; `records` and `target` are training rows only."""
    rng = np.random.default_rng(seed)
    one = _FOLDS * _TREES * tree_s(min(len(records), _ROWS), table.width)
    left = int(effort.budget_s / one)
    if len(table.numeric) < 2 or not effort.most or not left:
        return []
    if len(records) > _ROWS:
        rows = np.sort(rng.choice(len(records), _ROWS, replace=False))
        records, target = records.take(rows), target[rows]
    base = table.rows(records).astype(np.float64)
    base[:, : len(table.numeric)][np.isnan(records.numbers)] = np.nan
    chosen: list[Candidate] = []
    guess = _guesses(base, target, seed, classes=classes)
    while len(chosen) < effort.most and left > 0:
        loss = _losses(guess, target, classes=classes)
        trials = []
        for candidate in _ranked(records.numbers, target - guess, chosen)[: min(TRIALS, left)]:
            left -= 1
            wider = np.column_stack([base, _values(records, candidate)])
            tried = _guesses(wider, target, seed, classes=classes)
            gain = loss - _losses(tried, target, classes=classes)
            if gain.mean() > max(_SURE * gain.std() / len(gain) ** 0.5, _WORTH * loss.mean()):
                trials.append((float(gain.mean()), candidate, wider, tried))
            tick()
        if not trials:
            break
        _, best, base, guess = max(trials, key=lambda trial: trial[0])
        chosen.append(best)
    return chosen


def _values(records: Records, candidate: Candidate) -> Floats:
    numbers = records.numbers
    return derive(candidate.op, numbers[:, candidate.left], numbers[:, candidate.right])


def _ranked(numbers: Floats, target: Floats, without: list[Candidate]) -> list[Candidate]:
    alone = np.array([_between(column, target) for column in numbers.T])
    useful = [int(at) for at in np.argsort(-alone, kind="stable")[:_MOST_COLUMNS]]
    scored = []
    for candidate in _candidates(sorted(useful)):
        values = derive(candidate.op, numbers[:, candidate.left], numbers[:, candidate.right])
        gain = _between(values, target) - max(alone[candidate.left], alone[candidate.right])
        if gain > 0 and not any(_alike(values, numbers[:, at]) for at in (candidate.left, candidate.right)):
            scored.append((gain, candidate))
    scored.sort(key=lambda entry: -entry[0])
    return [candidate for _, candidate in scored if candidate not in without]


def _candidates(places: list[int]) -> Iterator[Candidate]:
    for left, right in combinations(places, 2):
        yield Candidate("product", left, right)
        yield Candidate("difference", left, right)
    for left, right in permutations(places, 2):
        yield Candidate("ratio", left, right)


def _alike(values: Floats, column: Floats) -> bool:
    """Say whether two columns put the rows into nearly the same order: one then says little beside the other."""
    both = np.isfinite(values) & np.isfinite(column)
    if both.sum() < 3 or values[both].std() == 0 or column[both].std() == 0:
        return True
    return bool(abs(np.corrcoef(ranks(values[both]), ranks(column[both]))[0, 1]) > _ALIKE)


def _between(values: Floats, target: Floats) -> float:
    """Return the share of the target's variance between quantile bins of `values`, adjusted for their number."""
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], _EDGES)) if known.any() else np.empty(0)
    codes = np.where(known, np.searchsorted(edges, values, side="right") + 1, 0)
    counts = np.bincount(codes, minlength=len(edges) + 2)
    means = np.bincount(codes, target, minlength=len(edges) + 2) / np.maximum(counts, 1)
    total = max(float(target.var()), 1e-12)
    within = float(((target - means[codes]) ** 2).mean()) / total
    bins = int((counts > 0).sum())
    return 1 - within * (len(target) - 1) / max(1, len(target) - bins)


def _guesses(rows: Floats, target: Floats, seed: int, *, classes: bool) -> Floats:
    """Return what boosting says of each row out of fold: a probability, or a number."""
    out = np.empty(len(target))
    common = {
        "max_iter": _TREES,
        "max_leaf_nodes": 8,
        "learning_rate": 0.1,
        "early_stopping": False,
        "random_state": seed,
    }
    if classes:
        for train, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(rows, target):
            model = HistGradientBoostingClassifier(**common).fit(rows[train], target[train])
            out[test] = model.predict_proba(rows[test])[:, 1]
        return out
    for train, test in KFold(_FOLDS, shuffle=True, random_state=seed).split(rows):
        out[test] = (
            HistGradientBoostingRegressor(**common).fit(rows[train], target[train]).predict(rows[test])
        )
    return out


def _losses(guess: Floats, target: Floats, *, classes: bool) -> Floats:
    """Return the loss of each row: the log loss of a class, or the squared error of a number."""
    if not classes:
        return np.asarray((guess - target) ** 2)
    chance = np.clip(guess, 1e-6, 1 - 1e-6)
    return np.asarray(-np.where(target > 0, np.log(chance), np.log(1 - chance)))
