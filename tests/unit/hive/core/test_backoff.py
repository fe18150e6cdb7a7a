"""The waits between tries: bounded, jittered over the whole range, reset by a success."""

from __future__ import annotations

import random

import pytest

from hive.core.backoff import Backoff


def test_ceiling_doubles_up_to_the_cap_and_resets() -> None:
    backoff = Backoff(random.Random(1), base_us=100, cap_us=1000)
    ceilings = []
    for _ in range(6):
        ceilings.append(backoff.ceiling_us)
        assert 0 <= backoff.next_us() <= ceilings[-1]
    assert ceilings == [100, 200, 400, 800, 1000, 1000]
    assert backoff.attempt == 6
    backoff.reset()
    assert backoff.ceiling_us == 100


def test_jitter_is_full() -> None:
    backoff = Backoff(random.Random(7), base_us=1000, cap_us=1000)
    waits = [backoff.next_us() for _ in range(500)]
    assert min(waits) < 50
    assert max(waits) > 950
    assert 400 < sum(waits) / len(waits) < 600


def test_what_the_other_side_asks_for_is_a_floor() -> None:
    backoff = Backoff(random.Random(3), base_us=10, cap_us=10)
    assert all(5000 <= backoff.next_us(5000) <= 5010 for _ in range(20))


def test_ten_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(random.Random(3))
    assert all(backoff.next_us() <= 1_000_000 for _ in range(10_000))


@pytest.mark.parametrize(("base_us", "cap_us"), [(0, 10), (11, 10), (-1, 5)])
def test_senseless_bounds_are_refused(base_us: int, cap_us: int) -> None:
    with pytest.raises(ValueError, match="base_us"):
        Backoff(random.Random(1), base_us, cap_us)
