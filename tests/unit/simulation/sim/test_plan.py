"""What a seed makes of a scenario: plain values, each from a stream of its own."""

from __future__ import annotations

from typing import get_args

import pytest

from simulation.sim.breaker import Breaker
from simulation.sim.chance import mixed, spread, stream
from simulation.sim.plan import Fault
from simulation.sim.run import plan_of
from simulation.sim.scenario import load, names
from simulation.sim.scenario_models import Kind
from simulation.sim.trouble import Victims
from simulation.sim.workload import flood


@pytest.mark.parametrize("name", names())
def test_faults_hit_who_is_there_while_there_is_time_to_recover(name: str) -> None:
    scenario = load(name)
    plan = plan_of(scenario, 1)
    victims = Victims(scenario)
    assert len(plan.faults) == scenario.file.faults.count
    assert [fault.at_us for fault in plan.faults] == sorted(fault.at_us for fault in plan.faults)
    assert all(fault.target in victims.of(fault.kind) for fault in plan.faults)
    assert all(1_500_000 <= fault.at_us <= 1_000_000 + scenario.file.seconds * 1e6 for fault in plan.faults)


@pytest.mark.parametrize("name", names())
def test_no_two_submissions_have_the_same_payload(name: str) -> None:
    scenario = load(name)
    plan = plan_of(scenario, 2)
    asked = list(plan.submissions)
    for fault in plan.faults:
        if fault.kind in ("flood", "poison"):
            asked += flood(fault, scenario.file.callers[0], 2)
    assert len({ask.number for ask in asked}) == len(asked)


def test_every_kind_of_fault_can_be_carried_out() -> None:
    done = {name.removeprefix("_") for name in dir(Breaker)} | {"flood", "poison"}
    assert set(get_args(Kind)) - done == set()


def test_a_fault_says_how() -> None:
    fault = Fault(1, "node_crash", "a/b", (("for_us", 5),))
    assert (fault.arg("for_us"), fault.arg("lost"), fault.arg("lost", 7)) == (5, 0, 7)


def test_streams_are_apart_and_times_are_around_their_median() -> None:
    assert stream(1, "a").random() == stream(1, "a").random() != stream(1, "b").random()
    assert mixed(1, 2) == mixed(1, 2) != mixed(2, 1)
    times = sorted(spread(1000, mixed(number)) for number in range(999))
    assert 900 < times[499] < 1100
    assert times[0] > 200
