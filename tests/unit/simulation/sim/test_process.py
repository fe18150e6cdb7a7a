"""Processes: clocks of their own, standing still, and waking up in time."""

from __future__ import annotations

from typing import Any

from simulation.sim.network import End
from simulation.sim.process import Process
from simulation.sim.scenario import load
from simulation.sim.world import World

S = 1_000_000


class Sleeper(Process):
    """Notes when it wakes up, by its own clock."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "sleeper", "plant")
        self.woken: list[int] = []

    def heard(self, end: End, message: Any) -> None:
        raise AssertionError(end, message)

    def woke(self) -> None:
        self.woken.append(self.clock_us())


def make() -> tuple[World, Sleeper]:
    world = World(load("smoke"), 1)
    sleeper = Sleeper(world)
    sleeper.start()
    return world, sleeper


def test_a_clock_drifts_and_never_goes_back() -> None:
    world, sleeper = make()
    began = sleeper.clock_us()
    sleeper.drift(500)
    world.run(10 * S)
    assert sleeper.clock_us() - began == 10 * S + 5_000
    sleeper.drift(-500)
    assert sleeper.clock_us() - began == 10 * S + 5_000
    world.run(20 * S)
    assert sleeper.clock_us() - began == 20 * S


def test_it_wakes_once_its_own_clock_says_so_and_the_earliest_wish_counts() -> None:
    world, sleeper = make()
    began = sleeper.clock_us()
    sleeper.wake_at(began + 3 * S)
    sleeper.wake_at(began + 2 * S)
    sleeper.wake_at(began + 5 * S)
    world.run(10 * S)
    assert sleeper.woken == [began + 2 * S]


def test_a_frozen_process_does_not_wake_and_learns_for_how_long_it_stood_still() -> None:
    world, sleeper = make()
    sleeper.wake_at(sleeper.clock_us() + S)
    sleeper.freeze()
    world.run(4 * S)
    assert sleeper.woken == []
    sleeper.thaw()
    assert len(sleeper.woken) == 1
    assert sleeper.lag_us == 4 * S


def test_a_crawling_process_looks_only_so_often() -> None:
    world, sleeper = make()
    sleeper.crawl(100_000)
    world.run(S)
    assert len(sleeper.woken) == 10
    sleeper.crawl(0)
    world.run(2 * S)
    assert len(sleeper.woken) == 11, "once more as it goes on"


def test_a_dead_process_does_not_wake() -> None:
    world, sleeper = make()
    sleeper.wake_at(sleeper.clock_us() + S)
    sleeper.die()
    world.run(2 * S)
    assert sleeper.woken == []
