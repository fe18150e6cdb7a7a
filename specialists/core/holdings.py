"""The attempts that a node holds, and the account of credit: the one place where `inflight` changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hive.wire.messages import AttemptRef, Work
from specialists.core.batching import Item, WorkQueue
from specialists.core.grantor import Grantor
from specialists.core.states import ItemState, NodeFaultError

_BUSY = (ItemState.RUNNING, ItemState.ABANDONED)


class Holdings:
    """Queued and running attempts of every grantor. An abandoned one runs on, but uses nobody's credit."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.queue = WorkQueue()
        self.running: list[Item] = []
        self._items: dict[tuple[int, AttemptRef], Item] = {}

    def __len__(self) -> int:
        """Return how many attempts are held."""
        return len(self._items)

    def find(self, grantor: Grantor, ref: AttemptRef) -> Item | None:
        """Return the held attempt that the grantor means, if any."""
        return self._items.get((grantor.key, ref))

    def of(self, key: int) -> tuple[Item, ...]:
        """Return the attempts that use a grantor's credit."""
        items = self._items.values()
        return tuple(item for item in items if item.grantor == key and item.state is not ItemState.ABANDONED)

    def admit(self, grantor: Grantor, item: Item) -> None:
        """Queue an attempt; it takes one slot of its grantor's credit."""
        grantor.inflight += 1
        self._items[item.grantor, item.ref] = item
        self.queue.push(item)

    def drop(self, grantor: Grantor, item: Item) -> None:
        """Forget an attempt that its grantor no longer counts. One that runs is finished for nobody."""
        queued = item.state is ItemState.QUEUED
        item.step("dropped")
        grantor.inflight -= 1
        if queued:
            self.queue.withdraw()
            del self._items[item.grantor, item.ref]

    def withdraw(self, grantor: Grantor, item: Item) -> None:
        """Take a queued attempt back, to be refused."""
        self.queue.withdraw()
        self.rejected(grantor, item)

    def rejected(self, grantor: Grantor, item: Item) -> None:
        """Give the slot of an attempt back that has already left the queue, to be refused."""
        grantor.inflight -= 1
        del self._items[item.grantor, item.ref]

    def start(self, most: int, keep: Callable[[Item], bool], now_us: int) -> tuple[Work, ...]:
        """Start the next batch, unless one runs; return its works."""
        if self.running or not self.queue.count:
            return ()
        self.running = self.queue.take(most, keep)
        for item in self.running:
            item.step("started")
            item.started_us = now_us
        return tuple([item.work for item in self.running])

    def finish(self, grantors: dict[int, Grantor]) -> list[tuple[Item, Grantor | None]]:
        """End the batch and return its slots; the grantor is None where nobody wants the result any more."""
        ended: list[tuple[Item, Grantor | None]] = []
        for item in self.running:
            wanted = item.state is not ItemState.ABANDONED
            item.step("finished")
            del self._items[item.grantor, item.ref]
            grantor = grantors[item.grantor] if wanted else None
            if grantor is not None:
                grantor.inflight -= 1
            ended.append((item, grantor))
        self.running = []
        return ended

    def validate(self, grantors: Iterable[Grantor], max_batch: int) -> None:
        """Raise NodeFaultError if an invariant does not hold."""
        for grantor in grantors:
            mine = self.of(grantor.key)
            check(len(mine) == grantor.inflight, "the count of what is in flight is wrong")
            check(grantor.inflight <= grantor.credit, "more is in flight than was granted")
            check(not any(item.ref in grantor.outbox for item in mine), "an attempt is held and answered")
        queued = self.queue.queued()
        check(len(queued) == self.queue.count, "the count of what is queued is wrong")
        check(all(item.state in _BUSY for item in self.running), "what runs is not marked so")
        check(len(queued) + len(self.running) == len(self._items), "an attempt is neither queued nor running")
        check(len(self.running) <= max_batch, "the batch is too large")


def check(holds: object, what: str) -> None:
    """Raise NodeFaultError(what) unless `holds`."""
    if not holds:
        raise NodeFaultError(what)
