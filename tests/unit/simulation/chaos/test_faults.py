"""Schedules of faults: the same seed is the same schedule, numbers are exact, and every kind comes."""

from __future__ import annotations

from collections import Counter

import pytest

from hive.errors import HiveError
from simulation.chaos.faults import KINDS, chosen, parse_faults, schedule


def test_a_seed_is_a_schedule() -> None:
    wanted = parse_faults("kill=5,stop,partition")
    assert schedule(wanted, 7, 60.0, 2.0) == schedule(wanted, 7, 60.0, 2.0)
    assert schedule(wanted, 7, 60.0, 2.0) != schedule(wanted, 8, 60.0, 2.0)


def test_numbers_are_exact_and_the_rest_share_the_rate() -> None:
    strikes = schedule(parse_faults("kill=100,conductor-kill=20,stop,slow"), 1, 100.0, 2.0)
    assert Counter(strike.kind for strike in strikes) == {
        "kill": 100, "conductor-kill": 20, "stop": 22, "slow": 22,
    }  # fmt: skip


def test_every_kind_comes_even_in_a_short_run() -> None:
    strikes = schedule(parse_faults(",".join(KINDS)), 1, 5.0, 10.0)
    assert {strike.kind for strike in strikes} == set(KINDS)


def test_faults_are_in_order_and_leave_load_before_and_after() -> None:
    strikes = schedule(parse_faults("kill=50,stop=50"), 3, 100.0, 1.0)
    assert [s.at_s for s in strikes] == sorted(s.at_s for s in strikes)
    assert strikes[0].at_s >= 4.0
    assert strikes[-1].at_s <= 92.0


def test_what_lasts_lasts_as_long_as_its_kind_may() -> None:
    for strike in schedule(parse_faults(",".join(f"{kind}=9" for kind in KINDS)), 5, 60.0, 1.0):
        about = KINDS[strike.kind]
        assert about.shortest_s <= strike.lasts_s <= about.longest_s


@pytest.mark.parametrize(
    ("text", "said"), [("kill,bang", "'bang'; there are: kill, stop"), ("kill=0", "kill=10")]
)
def test_a_fault_that_there_is_not_is_refused_with_the_list(text: str, said: str) -> None:
    with pytest.raises(HiveError, match=said) as caught:
        parse_faults(text)
    assert caught.value.code == "bad_request"


def test_chance_chooses_among_all() -> None:
    assert [chosen(["a", "b", "c"], chance) for chance in (0.0, 0.34, 0.99)] == ["a", "b", "c"]
