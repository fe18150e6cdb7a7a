"""From a raw table to a dataset: target read, repeats out, columns understood, split, leaks out, scales fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from specialists.forge.data.findings import Findings, counted, listed
from specialists.forge.data.split import split
from specialists.forge.records import search
from specialists.forge.records.dataset import Dataset
from specialists.forge.records.fit import derived, fitted
from specialists.forge.records.leaks import Bools, screened, screened_numbers
from specialists.forge.records.loading import RawTable, row_keys, without_repeats
from specialists.forge.records.target import MIN_PER_CLASS, Target, number_target, risk_target
from specialists.forge.records.understand import Cells, continuous, understood
from specialists.kinds.table import Table

_SMALL: Final = 2000
_SHARES: Final = (0.15, 0.2)
_SHARES_SMALL: Final = (0.15, 0.25)
"""Of validation and test. Few test rows say little, so a small table gives more of them."""
_MOST_HELD_OUT: Final = 20_000
_MOST_COLUMNS: Final = 200
_BANDS: Final = 10


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user decided about a table.

    `positive` is the value that means that it happens, `modes` columns that say how it happened, `keep` and `drop`
    columns to use and not to use whatever they look like, `titles` better names for columns, and `effort` how
    much may be done to find derived columns.
    """

    positive: str = ""
    modes: Sequence[str] = ()
    keep: Sequence[str] = ()
    drop: Sequence[str] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    effort: search.Effort = field(default_factory=lambda: search.Effort(4, 60.0))


def prepared(
    raw: RawTable, wishes: Wishes, seed: int, findings: Findings, tick: Callable[[], None], *, classes: bool
) -> Dataset:
    """Return the dataset of a table; `classes` for a risk, else a number is to be estimated.

    Raises HiveError(data_invalid) with every fatal finding.
    """
    raw = without_repeats(raw, findings, continuous=continuous(raw.frame))
    cells = raw.frame[raw.target]
    if classes:
        target = risk_target(cells, wishes.positive, findings)
    else:
        target = number_target(cells, findings, comma_first=raw.comma_first)
    frame = raw.frame.iloc[target.rows].drop(columns=[raw.target])
    columns = understood(
        frame.drop(columns=[name for name in wishes.modes if name in frame.columns]),
        wishes.keep,
        wishes.drop,
        findings,
        comma_first=raw.comma_first,
    )
    given = None if raw.given is None else raw.given[target.rows]
    part = _parts(frame[[column.name for column in columns]], target, given, seed, classes=classes)
    train = part == 0
    names, modes = _named_modes(frame, wishes.modes, target, findings)
    if classes:
        order = [str(name) for name in frame.columns]
        seen = screened(columns, target.numbers, train, order, wishes.keep, findings)
        columns = seen.columns
        if not names and len(seen.flags) > 1:
            names, modes = _flag_modes(seen.flags, findings)
    else:
        columns = screened_numbers(columns, target.numbers, train, wishes.keep, findings)
    columns = _not_too_many(columns, findings)
    fixed, records = fitted(columns, train, wishes.titles)
    table, rows = Table(fixed), np.flatnonzero(train)
    candidates = search.found(
        table, records.take(rows), target.numbers[rows], seed, wishes.effort, tick, classes=classes
    )
    more = [
        derived(c.op, (table.numeric[c.left], table.numeric[c.right]), records, table, train)
        for c in candidates
    ]
    if more:
        words = listed([f"{entry.op} of {entry.of[0]!r} and {entry.of[1]!r}" for entry in more])
        findings.note("columns_derived", f"Derived columns that help in cross-validation: {words}.")
    about = {
        "target": raw.target,
        "positive": target.positive,
        "file": dict(raw.facts),
        "findings": [finding.as_json() for finding in findings.items],
    }
    return Dataset(fixed, more, records, target.numbers, modes, names, part, about)


def _parts(
    frame: pd.DataFrame, target: Target, given: npt.NDArray[np.int8] | None, seed: int, *, classes: bool
) -> npt.NDArray[np.int8]:
    """Return the part of each row; rows that are equal in what is learned from stay together.

    Where the user gave files for some parts, only the others are split off.
    """
    total = len(frame)
    shares = [min(share, _MOST_HELD_OUT / total) for share in (_SHARES_SMALL if total < _SMALL else _SHARES)]
    if classes:
        strata = target.numbers + (0 if target.mode is None else target.mode + 1)
    else:
        edges = np.quantile(target.numbers, np.linspace(0, 1, _BANDS + 1)[1:-1])
        strata = np.searchsorted(edges, target.numbers).astype(np.float64)
    keys = row_keys(frame)
    if given is None:
        return split(keys.tolist(), strata.tolist(), shares, seed)
    part = given.copy()
    mine = given == 0
    shares = [0.0 if (given == at).any() else share for at, share in enumerate(shares, 1)]
    part[mine] = split(keys[mine].tolist(), strata[mine].tolist(), shares, seed)
    return part


def _named_modes(
    frame: pd.DataFrame, wanted: Sequence[str], target: Target, findings: Findings
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Return the modes of the target itself, or of the columns that the user named for them."""
    if target.mode is not None:
        flags = target.mode[:, None] == np.arange(len(target.modes))
        return target.modes, flags.astype(np.float64)
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        findings.fatal("column_missing", f"data.modes: there is no column {missing[0]!r}.")
        findings.refuse_fatal()
    kept = [name for name in wanted if _marked(frame[name]).sum() >= MIN_PER_CLASS]
    if len(kept) < len(wanted):
        rare = [repr(name) for name in wanted if name not in kept]
        findings.warn(
            "modes_rare",
            f"{listed(rare)} happened in fewer than {MIN_PER_CLASS} rows; not told apart as a mode.",
        )
    if not kept:
        return (), np.empty((len(frame), 0))
    return tuple(kept), np.column_stack([_marked(frame[name]) for name in kept]).astype(np.float64)


def _marked(cells: pd.Series) -> Bools:
    texts = cells.map(lambda value: str(value).strip().casefold())
    return np.asarray(texts.isin({"1", "1.0", "true", "yes", "y", "x"}), dtype=bool)


def _flag_modes(
    flags: Mapping[str, Bools], findings: Findings
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Return the flags of the outcome as its modes, so that an answer can say how it would happen."""
    kept = {name: where for name, where in flags.items() if where.sum() >= MIN_PER_CLASS}
    if len(kept) < 2:
        return (), np.empty((len(next(iter(flags.values()))), 0))
    findings.note(
        "modes_found",
        f"{listed([repr(name) for name in kept], 12)} are used as the modes of the outcome: an answer names the "
        "likeliest.",
    )
    return tuple(kept), np.column_stack(list(kept.values())).astype(np.float64)


def _not_too_many(columns: list[Cells], findings: Findings) -> list[Cells]:
    if len(columns) > _MOST_COLUMNS:
        findings.warn(
            "columns_many",
            f"{counted(len(columns), 'column')}: the first {_MOST_COLUMNS} are used. Choose yours with "
            "--set data.drop.",
        )
    return columns[:_MOST_COLUMNS]
