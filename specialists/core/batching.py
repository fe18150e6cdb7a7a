"""The queue of a node: the most urgent first, then the earliest; micro-batches of what is already there.

A batch never waits to fill up: a single caller pays nothing for it, and under load the queue fills it.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from hive.wire.messages import AttemptRef, Work
from specialists.core.states import ItemState, next_item


class Item:
    """One attempt that the node holds."""

    __slots__ = ("arrived_us", "deadline_us", "grantor", "ref", "started_us", "state", "work")

    def __init__(self, grantor: int, work: Work, arrived_us: int, deadline_us: int | None) -> None:
        """Make a queued item; `deadline_us` is an instant of this node's clock, None without a deadline."""
        self.grantor = grantor
        self.work = work
        self.ref: AttemptRef = (work.header.epoch, work.header.attempt)
        self.arrived_us = arrived_us
        self.deadline_us = deadline_us
        self.started_us = 0
        self.state = ItemState.QUEUED

    def step(self, event: str) -> None:
        """Take a transition of the table; raise NodeFaultError if there is none."""
        self.state = next_item(self.state, event)


class WorkQueue:
    """Queued items by priority (larger first), then by arrival. Items that left it otherwise are skipped."""

    __slots__ = ("_arrivals", "_heap", "count")

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, Item]] = []
        self._arrivals = 0
        self.count = 0

    def push(self, item: Item) -> None:
        """Queue an item."""
        self._arrivals += 1
        heappush(self._heap, (-item.work.header.priority, self._arrivals, item))
        self.count += 1

    def withdraw(self) -> None:
        """Note that a queued item has taken another state."""
        self.count -= 1
        if not self.count:
            self._heap.clear()

    def ahead_of(self, priority: int) -> int:
        """Return how many queued items would run before a new one of this priority."""
        return sum(1 for rank, _, item in self._heap if -rank >= priority and item.state is ItemState.QUEUED)

    def take(self, most: int, keep: Callable[[Item], bool]) -> list[Item]:
        """Remove and return up to `most` items for which `keep` is true; it deals with the others itself.

        `keep` may change the state of an item that it rejects; the item has then left the queue.
        """
        batch: list[Item] = []
        while self._heap and len(batch) < most:
            item = heappop(self._heap)[2]
            if item.state is not ItemState.QUEUED:
                continue
            self.count -= 1
            if keep(item):
                batch.append(item)
        return batch

    def queued(self) -> list[Item]:
        """Return the queued items, in no particular order."""
        return [item for _, _, item in self._heap if item.state is ItemState.QUEUED]
