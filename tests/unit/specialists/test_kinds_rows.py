"""Rows are judged by what came before, without units, and what lasts becomes usual."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.kinds.rows import CHUNK, FEATURES, judge
from specialists.kinds.situations import LEARNING_ROWS
from specialists.kinds.usual import Floats, Usual, first_usual

DISTANCE = 8


def noise(rows: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(1, rows))


def learnt(rows: int = 640) -> Usual:
    values = noise(rows)
    return judge(values, first_usual(values[:, :64])).usual


def test_rows_have_bounded_finite_features() -> None:
    values = noise(300) * 1e6
    values[0, 100] = 1e30
    values[0, 150:180] = np.nan
    seen = judge(values, first_usual(values[:, :64]))
    assert seen.features.shape == (1, 300, FEATURES)
    assert np.isfinite(seen.features).all()
    assert np.abs(seen.features).max() <= 6.0


def test_no_row_knows_what_follows() -> None:
    values = noise(128)
    start = first_usual(values[:, :64])
    whole = judge(values, start)
    changed = values.copy()
    changed[0, 100:] = 50.0
    again = judge(changed, start)
    assert np.array_equal(whole.features[:, :100], again.features[:, :100])
    assert np.array_equal(whole.novelty[:, :100], again.novelty[:, :100])


def test_windows_of_whole_chunks_are_judged_as_one_long_one() -> None:
    values = noise(4 * CHUNK)
    start = first_usual(values)
    state, parts = start, []
    for begin in range(0, values.shape[1], CHUNK):
        seen = judge(values[:, begin : begin + CHUNK], state)
        state = seen.usual
        parts.append(seen.features)
    assert np.array_equal(np.concatenate(parts, axis=1), judge(values, start).features)


def test_channels_do_not_see_each_other() -> None:
    values = np.concatenate([noise(200, 1), 1000 + noise(200, 2), noise(200, 3) * 1e-3])
    together = judge(values, first_usual(values[:, :64])).features
    for channel in range(3):
        line = values[channel : channel + 1]
        assert np.allclose(judge(line, first_usual(line[:, :64])).features[0], together[channel])


def test_units_and_offsets_make_no_difference() -> None:
    values = noise(400)
    plain = judge(values, first_usual(values[:, :64])).features
    scaled = 7000.0 + 250.0 * values
    assert np.allclose(judge(scaled, first_usual(scaled[:, :64])).features, plain, atol=1e-3)


def test_what_is_far_from_all_before_is_news_once() -> None:
    state = learnt()
    level = noise(64, 9) + 12
    seen = judge(level, state)
    assert seen.novelty[0, :4].max() > 2
    assert judge(level, seen.usual).novelty.max() < 1


def test_a_new_level_stays_unusual_until_it_has_lasted() -> None:
    state = learnt()
    far = []
    for part in range(30):
        seen = judge(noise(64, part) + 12, state)
        state = seen.usual
        far.append(float(seen.features[0, :, DISTANCE].mean()))
    assert min(far[1:7]) > far[-1] + 1
    assert far[-1] < 0


def test_what_is_seen_while_learning_is_usual_at_once() -> None:
    values = np.concatenate([noise(128), noise(128, 1) + 12, noise(LEARNING_ROWS, 2)], axis=1)
    state = judge(values, first_usual(values[:, :64])).usual
    again = judge(noise(64, 3) + 12, state)
    assert again.features[0, 32:, DISTANCE].max() < 0.2


def test_missing_values_are_counted_and_change_no_level() -> None:
    values = noise(200)
    values[0, ::3] = np.nan
    state = judge(values, first_usual(values[:, :64])).usual
    assert state.rows[0] == np.isfinite(values).sum()
    assert abs(state.level[0]) < 0.3
    assert state.gaps[0, 1] == pytest.approx(1 / 3, abs=0.08)


def test_a_constant_channel_is_judged_without_trouble() -> None:
    values = np.full((1, 200), 5.0)
    seen = judge(values, first_usual(values))
    assert np.isfinite(seen.features).all()
    assert seen.novelty[0, 1:].max() < 0.5
    moved = judge(np.full((1, 8), 6.0), seen.usual)
    assert moved.novelty[0, 0] > 10


def test_great_numbers_keep_their_small_differences() -> None:
    values = 1e9 + noise(600)
    state = judge(values, first_usual(values[:, :64])).usual
    assert 0.8 < state.spread[0] < 1.25
    assert judge(1e9 + noise(64, 4), state).novelty.max() < 1.5
