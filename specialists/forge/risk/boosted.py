"""The teacher: gradient boosted trees (Friedman 2001) over histograms (Ke et al. 2017), chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold

from specialists.forge.records.search import tree_s
from specialists.kinds.table import Records, Table

Floats = npt.NDArray[np.float64]
Model: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor
STEPS: Final = (20, 40, 60, 80, 120, 160, 220, 300, 400)
_FOLDS: Final = 5
_MOST_LOG_ODDS: Final = 12.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How trees are grown: learning rate, most leaves, fewest rows of a leaf, L2 penalty."""

    learning_rate: float
    max_leaf_nodes: int
    min_samples_leaf: int
    l2_regularization: float


GRID: Final = (
    Setting(0.05, 8, 10, 1.0),
    Setting(0.05, 16, 20, 1.0),
    Setting(0.05, 4, 10, 1.0),
    Setting(0.05, 31, 20, 1.0),
    Setting(0.05, 8, 5, 5.0),
    Setting(0.05, 3, 30, 1.0),
)
"""In the order in which they are tried, as far as the budget goes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The setting and number of trees that did best, its loss, and its scores of the rows out of fold [n]."""

    setting: Setting
    trees: int
    loss: float
    scores: Floats

    def as_json(self) -> dict[str, object]:
        """Return what the report shows."""
        return {**asdict(self.setting), "trees": self.trees, "loss": round(self.loss, 5)}


def teacher_rows(table: Table, records: Records) -> npt.NDArray[np.float32]:
    """Return what the teacher takes [n, width]: the student's rows, but NaN for a number that is missing."""
    rows = table.rows(records)
    numbers = rows[:, : len(table.scaled)]
    numbers[np.isnan(table.all_numbers(records))] = np.nan
    return rows


def settings_within(budget_s: float, rows: int, width: int, trees: int) -> tuple[Setting, ...]:
    """Return the settings whose cross-validation with that many trees fits into the budget; at least one."""
    one = _FOLDS * trees * tree_s(rows, width)
    return GRID[: max(1, int(budget_s / one))]


def chosen(
    rows: Floats,
    target: Floats,
    settings: Sequence[Setting],
    most: int,
    seed: int,
    tick: Callable[[], None],
    *,
    classes: bool,
) -> Choice:
    """Return the best of `settings` and numbers of trees up to `most`, by cross-validated loss.

    That is the log loss of a class, or the squared error of a number.
    """
    steps = tuple(step for step in STEPS if step <= most) or (most,)
    best: Choice | None = None
    for setting in settings:
        staged = _staged_scores(rows, target, setting, steps, seed, classes=classes)
        losses = [float(loss_of(scores, target, classes=classes).mean()) for scores in staged]
        at = int(np.argmin(losses))
        if best is None or losses[at] < best.loss:
            best = Choice(setting, steps[at], losses[at], staged[at])
        tick()
    assert best is not None, "there is at least one setting"
    return best


def out_of_fold(rows: Floats, target: Floats, choice: Choice, seed: int) -> Floats:
    """Return the log-odds of another class, such as a mode, out of fold, with the setting that was chosen."""
    scores = np.empty(len(target))
    for train, test in _folds(rows, target, seed, classes=True):
        scores[test] = _raw(fit(rows[train], target[train], choice, seed, classes=True), rows[test])
    return scores


def fit(rows: Floats, target: Floats, choice: Choice, seed: int, *, classes: bool) -> Model:
    """Return trees grown on all rows."""
    return _model(choice.setting, choice.trees, seed, classes=classes).fit(rows, target)


def loss_of(scores: Floats, target: Floats, *, classes: bool) -> Floats:
    """Return the loss of each row, from log-odds or from numbers."""
    if not classes:
        return np.asarray((scores - target) ** 2)
    # log(1 + exp(-s)) for what happened, log(1 + exp(s)) for what did not
    return np.asarray(np.logaddexp(0.0, np.where(target > 0, -scores, scores)))


def _staged_scores(
    rows: Floats, target: Floats, setting: Setting, steps: Sequence[int], seed: int, *, classes: bool
) -> Floats:
    """Return scores [steps, n] out of fold after each of `steps` trees."""
    staged = np.empty((len(steps), len(target)))
    for train, test in _folds(rows, target, seed, classes=classes):
        model = _model(setting, steps[-1], seed, classes=classes).fit(rows[train], target[train])
        course = model.staged_decision_function(rows[test]) if classes else model.staged_predict(rows[test])
        for count, scores in enumerate(course, 1):
            if count in steps:
                staged[steps.index(count), test] = np.ravel(scores)
    return np.clip(staged, -_MOST_LOG_ODDS, _MOST_LOG_ODDS) if classes else staged


def _folds(
    rows: Floats, target: Floats, seed: int, *, classes: bool
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    if classes and target.sum() >= _FOLDS:
        return list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(rows, target))
    return list(KFold(_FOLDS, shuffle=True, random_state=seed).split(rows))


def _model(setting: Setting, trees: int, seed: int, *, classes: bool) -> Model:
    make = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return make(**asdict(setting), max_iter=trees, early_stopping=False, random_state=seed)


def _raw(model: Model, rows: Floats) -> Floats:
    return np.clip(np.ravel(model.decision_function(rows)), -_MOST_LOG_ODDS, _MOST_LOG_ODDS)
