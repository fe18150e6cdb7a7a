from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.sim.ddmin import ddmin


@given(st.integers(1, 60), st.data())
def test_exactly_what_matters_is_left_in_its_order(size: int, data: st.DataObject) -> None:
    matters = data.draw(st.sets(st.integers(0, size - 1)))
    kept = ddmin(range(size), matters.issubset)
    assert kept == tuple(sorted(matters))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.data())
def test_no_single_element_of_the_result_can_go(items: list[int], data: st.DataObject) -> None:
    least = data.draw(st.integers(0, sum(items)))

    def fails(part: Sequence[int]) -> bool:
        return sum(part) >= least

    kept = ddmin(items, fails)
    assert fails(kept)
    assert not any(fails(kept[:i] + kept[i + 1 :]) for i in range(len(kept)))


@pytest.mark.parametrize("size", [100, 1000])
def test_two_that_matter_among_many_are_found_in_few_runs(size: int) -> None:
    runs = 0

    def fails(part: Sequence[int]) -> bool:
        nonlocal runs
        runs += 1
        return {size // 3, size - 7}.issubset(part)

    assert ddmin(range(size), fails) == (size // 3, size - 7)
    assert runs < 120


def test_a_caller_that_gives_up_gets_what_was_reached() -> None:
    runs = 0

    def fails(part: Sequence[int]) -> bool:
        nonlocal runs
        runs += 1
        return runs <= 4 and 17 in part

    kept = ddmin(range(64), fails)
    assert 17 in kept
    assert len(kept) < 64
