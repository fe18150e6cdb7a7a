"""The network: order within a connection, delay by loss, silence by cuts, and what a crash takes along."""

from __future__ import annotations

from typing import Any

import pytest

from hive.wire.messages import EMPTY, Beat
from simulation.sim.network import CLOSED, QUEUE_MOST, End
from simulation.sim.process import Process
from simulation.sim.scenario import load
from simulation.sim.world import World

MS = 1_000


class Listener(Process):
    """Notes what it hears, and when."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name, "plant")
        self.told: list[Any] = []

    def heard(self, end: End, message: Any) -> None:
        if message is CLOSED:
            self.told.append("closed")
            self.shut(end)
        else:
            self.told.append(message.turns)

    def woke(self) -> None:
        pass


class Pair:
    """Two processes in an empty world, and a connection between them."""

    def __init__(self) -> None:
        self.world = World(load("smoke"), 1)
        self.a, self.b = Listener(self.world, "a"), Listener(self.world, "b")
        self.a.start()
        self.b.start()
        self.end = self.world.network.connect(self.a, self.b)
        self.far = next(iter(self.b.ends))

    def send(self, *numbers: int) -> None:
        for number in numbers:
            assert self.end.out.send(Beat(EMPTY, number))

    def run(self, us: int) -> None:
        self.world.run(self.world.now + us)


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_messages_arrive_in_order_whatever_each_takes(pair: Pair) -> None:
    path = pair.world.network.path(pair.a, pair.b)
    path.jitter_us, path.loss = 50 * MS, 0.3
    pair.send(*range(50))
    pair.run(100_000 * MS)
    assert pair.b.told == list(range(50))


def test_what_is_sent_into_a_cut_arrives_when_it_is_healed(pair: Pair) -> None:
    pair.world.network.cut(pair.a, pair.b)
    pair.send(1, 2)
    pair.run(1_000 * MS)
    assert pair.b.told == []
    assert pair.far.out.send(Beat(EMPTY, 9)), "the other direction is whole"
    pair.run(10 * MS)
    assert pair.a.told == [9]
    pair.world.network.heal(pair.a, pair.b, breaks=False)
    pair.send(3)
    pair.run(1_000 * MS)
    assert pair.b.told == [1, 2, 3]


def test_what_is_under_way_is_cut_off_too(pair: Pair) -> None:
    pair.send(1)
    pair.world.network.cut(pair.a, pair.b)
    pair.run(1_000 * MS)
    assert pair.b.told == []


def test_a_connection_may_not_outlive_a_cut(pair: Pair) -> None:
    pair.world.network.cut(pair.a, pair.b)
    pair.send(1)
    pair.world.network.heal(pair.a, pair.b, breaks=True)
    pair.run(1_000 * MS)
    assert (pair.a.told, pair.b.told) == (["closed"], ["closed"])


def test_a_killed_process_takes_along_what_had_not_left_it(pair: Pair) -> None:
    pair.send(1, 2, 3, 4)
    pair.a.die(0.5)
    pair.run(100 * MS)
    assert pair.b.told == [1, 2, "closed"]


def test_a_process_without_power_says_nothing_and_hears_nothing(pair: Pair) -> None:
    pair.b.die(dark=True)
    pair.send(1)
    pair.run(1_000 * MS)
    assert pair.a.told == []
    pair.b.start()
    pair.send(2)
    pair.run(1_000 * MS)
    assert (pair.a.told, pair.b.told) == (["closed"], [])


def test_nobody_listens_at_a_dead_process(pair: Pair) -> None:
    pair.b.die()
    pair.world.network.connect(pair.a, pair.b)
    pair.run(10 * MS)
    assert pair.a.told == ["closed", "closed"], "of the old connection, and of the new one"


def test_a_queue_is_bounded_while_the_other_side_stands_still(pair: Pair) -> None:
    pair.b.freeze()
    pair.send(*range(QUEUE_MOST))
    pair.run(100 * MS)
    assert not pair.end.out.send(Beat(EMPTY, -1))
    pair.b.thaw()
    assert pair.b.told == list(range(QUEUE_MOST))
    assert pair.end.out.send(Beat(EMPTY, -1))
