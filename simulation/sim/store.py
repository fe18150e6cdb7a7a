"""A store on a simulated disk: a commit takes time, takes in all that waits, and fails while the disk is full.

A crash cuts it short: then it has happened, or it has not, and nobody heard of it.
It implements the port of conductor/store/base.py over the tables of the store in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from conductor.core.records import FindTask, ListTasks, Question, Record, Recovery
from conductor.store import memory
from simulation.sim.chance import mixed, spread

if TYPE_CHECKING:
    from conductor.store.base import Event
    from simulation.sim.world import World

Waiting = list[tuple[int, Record | Question]]


class Disk:
    """What outlives a crash of the conductor."""

    def __init__(self, seed: int, commit_us: int) -> None:
        """Begin empty."""
        self.tables = memory.Tables()
        self.epoch = 0
        self.full = 0  # how many faults fill it now
        self.slow = 1
        self.commits = 0
        self._seed = seed
        self._commit_us = commit_us

    def takes_us(self) -> int:
        """Return how long the next commit takes."""
        self.commits += 1
        return spread(self._commit_us * self.slow, mixed(self._seed, self.commits))


class SimStore:
    """One conductor's store, from its start to its end."""

    def __init__(self, world: World, disk: Disk) -> None:
        """Open what is on the disk."""
        self._world = world
        self.disk = disk
        self._memory = memory.MemoryStore(
            tables=disk.tables
        )  # what is decided, and in which order it is told
        self._waiting: Waiting = []
        self._under_way: Waiting = []
        self._told: list[Event] = []
        self._open = False
        self._call: Callable[[], None] = lambda: None

    def open(self) -> int:
        """Return the epoch of this start, which is on the disk by then."""
        self._open = True
        self.disk.epoch += 1
        return self.disk.epoch

    def recover(self) -> Recovery:
        """Return what is on the disk."""
        return self._memory.recover()

    def write(self, token: int, record: Record) -> None:
        """Queue a record."""
        self._waiting.append((token, record))
        self._begin()

    def ask(self, token: int, question: Question) -> None:
        """Queue a question."""
        self._waiting.append((token, question))
        self._begin()

    def events(self) -> list[Event]:
        """Return what has been decided since the last call."""
        told, self._told = self._told, []
        return told

    def wake(self, call: Callable[[], None]) -> None:
        """Call back when there are events."""
        self._call = call

    def close(self) -> None:
        """Commit what was written, as far as that can be, and stop."""
        self._under_way += self._waiting
        self.crash(committed=True)

    def crash(self, *, committed: bool) -> None:
        """The process ends now. The commit that is under way has happened, or has not; nobody hears of it."""
        self._open = False
        if committed and not self.disk.full:
            for _, item in self._under_way:
                if not isinstance(item, FindTask | ListTasks):
                    self.disk.tables.apply(item)

    def _begin(self) -> None:
        if self._under_way or not self._waiting or not self._open:
            return
        self._under_way, self._waiting = self._waiting, []
        self._world.at(self._world.now + self.disk.takes_us(), self._commit)

    def _commit(self, _: object) -> None:
        if not self._open:
            return
        batch, self._under_way = self._under_way, []
        self._memory.failing = "the disk is full" if self.disk.full else ""
        for token, item in batch:
            if isinstance(item, FindTask | ListTasks):
                self._memory.ask(token, item)
            else:
                self._memory.write(token, item)
        self._told += self._memory.events()
        self._begin()
        if self._told:
            self._call()
