"""The simulated disk: commits take time and take in all that waits; a crash leaves one done, or not."""

from __future__ import annotations

import pytest

from conductor.core.actions import CommitFailed, Committed, Looked
from conductor.core.records import FindTask, Finished, Submitted
from hive.ids import TaskId
from simulation.sim.scenario import load
from simulation.sim.store import Disk, SimStore
from simulation.sim.world import World

MS = 1_000


def submitted(number: int) -> Submitted:
    return Submitted("c", ident(number), "", b"", "text.echo", (), 0, 1, b"", ())


def ident(number: int) -> TaskId:
    return TaskId(number.to_bytes(16, "big"))


class Bench:
    """A store of an otherwise empty world."""

    def __init__(self) -> None:
        self.world = World(load("smoke"), 1)
        self.disk = Disk(1, 4 * MS)
        self.store = SimStore(self.world, self.disk)
        self.calls = 0
        self.store.wake(self._called)
        assert self.store.open() == 1

    def _called(self) -> None:
        self.calls += 1

    def run(self, us: int) -> None:
        self.world.run(self.world.now + us)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_commit_takes_time_and_the_next_takes_in_all_that_came_meanwhile(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.store.write(number, submitted(number))
    assert bench.store.events() == []
    bench.run(1_000 * MS)
    assert bench.store.events() == [Committed((1,)), Committed((2, 3))]
    assert (bench.calls, bench.disk.commits) == (2, 2)


def test_a_question_sees_what_was_written_before_it(bench: Bench) -> None:
    bench.store.write(1, submitted(1))
    bench.store.ask(2, FindTask("c", ident(1)))
    bench.run(1_000 * MS)
    _, looked = bench.store.events()
    assert isinstance(looked, Looked)
    assert looked.answer is not None


def test_a_full_disk_keeps_nothing_and_says_so(bench: Bench) -> None:
    bench.disk.full = 1
    bench.store.write(1, submitted(1))
    bench.run(1_000 * MS)
    assert bench.store.events() == [CommitFailed((1,), "the disk is full")]
    assert bench.disk.tables.tasks == {}


@pytest.mark.parametrize("committed", [True, False])
def test_a_crash_leaves_the_commit_under_way_done_or_not_and_loses_what_waited(
    bench: Bench, *, committed: bool
) -> None:
    bench.store.write(1, submitted(1))
    bench.store.write(2, Finished("c", ident(1), "done", "", 1, b"", None))
    bench.store.crash(committed=committed)
    bench.run(1_000 * MS)
    assert (bench.store.events(), bench.calls) == ([], 0)
    after = SimStore(bench.world, bench.disk)
    assert after.open() == 2
    assert len(after.recover().open) == (1 if committed else 0)
