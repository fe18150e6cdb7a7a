"""Streams are marked where their faults are, and recordings are split by time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from specialists.forge.sensor.recording import Recording, load, pool_of, save, split_by_time
from specialists.forge.sensor.streams import joined, row_set, streams
from specialists.kinds.rows import FEATURES


def test_streams_have_faults_and_rows_that_count_nothing_behind_them() -> None:
    made = streams([], 12, 800, np.random.default_rng(0), 0.0)
    assert made.values.shape == made.faulty.shape == made.weight.shape == (12, 800)
    assert made.faulty.any(1).sum() >= 10
    assert made.weight[made.faulty].min() == 1
    assert made.weight.max() == 8
    assert 0.02 < (made.weight == 0).mean() < 0.5


def test_rows_keep_every_beginning_of_a_fault() -> None:
    made = streams([], 6, 600, np.random.default_rng(1), 0.0)
    rows = row_set(made, np.random.default_rng(2), 0.1)
    assert rows.features.shape == (len(rows), FEATURES)
    begins = made.faulty & ~np.pad(made.faulty, ((0, 0), (1, 0)))[:, :-1]
    assert (rows.weight[rows.faulty] >= 1).sum() >= begins.sum()
    assert len(joined([rows, rows])) == 2 * len(rows)
    assert len(joined([])) == 0


def test_recorded_signals_are_cut_from_the_pool() -> None:
    pool = [np.arange(1000.0), np.arange(50.0)]
    made = streams(pool, 30, 200, np.random.default_rng(3), 1.0)
    quiet = ~made.faulty & (made.weight == 1) & np.isfinite(made.values)
    assert made.values[quiet].min() >= 0
    assert np.all(made.values[quiet] % 1 == 0)


def recording(rows: int = 400) -> Recording:
    values = np.random.default_rng(0).normal(size=(rows, 2))
    values[5, 0] = np.nan
    marked = np.zeros(rows, dtype=bool)
    marked[150:160] = True
    return Recording("pump", ("a", "b"), values, marked)


def test_recordings_are_split_by_time() -> None:
    parts = split_by_time([recording()])
    assert [len(part[0].values) for part in parts.values()] == [240, 60, 100]
    assert parts["train"][0].marked is not None
    assert parts["train"][0].marked.sum() == 10


def test_only_long_quiet_stretches_are_learned_from() -> None:
    assert [len(line) for line in recording().quiet()] == [150, 150, 240, 240]
    assert pool_of([recording(80)]) == []


def test_recordings_come_back_as_they_were(tmp_path: Path) -> None:
    plain = Recording("other", ("x",), np.ones((70, 1)))
    save(tmp_path, {"train": [recording(), plain], "validation": [], "test": []}, {"files": []})
    one, other = load(tmp_path, "train")
    assert (one.name, one.channels) == ("pump", ("a", "b"))
    assert np.array_equal(one.values, recording().values, equal_nan=True)
    assert one.marked is not None
    assert other.marked is None
    assert load(tmp_path, "test") == []
