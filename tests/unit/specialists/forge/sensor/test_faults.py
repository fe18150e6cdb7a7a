"""Faults change the rows that they say, and ordinary signals are of many kinds."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.forge.sensor.faults import KINDS, inject
from specialists.forge.sensor.signals import MAKERS, ordinary


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_changes_only_its_rows(kind: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        before = rng.normal(size=600)
        values = before.copy()
        fault = inject(values, kind, 300, rng)
        assert fault is not None
        assert (fault.kind, fault.start) == (kind, 300)
        changed = np.flatnonzero((values != before) | np.isnan(values))
        assert fault.start <= changed.min()
        assert changed.max() < fault.end
        assert fault.end <= 600


def test_what_stands_still_anyway_cannot_be_stuck() -> None:
    rng = np.random.default_rng(0)
    assert inject(np.repeat(rng.normal(size=60), 10), "stuck", 300, rng) is None


def test_what_is_missing_anyway_cannot_go_missing() -> None:
    values = np.concatenate([np.zeros(100), np.full(100, np.nan)])
    assert inject(values, "missing", 120, np.random.default_rng(0)) is None


def test_a_fault_needs_room() -> None:
    assert inject(np.zeros(100), "level_shift", 95, np.random.default_rng(0)) is None


def test_a_seed_gives_the_same_fault() -> None:
    one, other = np.zeros(400), np.zeros(400)
    made = [inject(values, "noise", 100, np.random.default_rng(8)) for values in (one, other)]
    assert made[0] == made[1]
    assert np.array_equal(one, other)


@pytest.mark.parametrize("number", range(len(MAKERS)))
def test_made_up_signals_are_finite(number: int) -> None:
    values = MAKERS[number](500, np.random.default_rng(number))
    assert values.shape == (500,)
    assert np.isfinite(values).all()


def test_ordinary_signals_have_many_units() -> None:
    rng = np.random.default_rng(1)
    spreads = [ordinary(200, rng).std() for _ in range(60)]
    assert max(spreads) / np.median(spreads) > 10
