"""A hashed timing wheel (Varghese and Lauck 1987): set, move and cancel in constant time.

Deadlines of finished work must not pile up in a heap for half a minute each, so a timer belongs to its owner and is
removed with it. An owner has at most one timer; firing is up to one bucket late and never early.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
_BUCKET_US = 4_096


class TimerWheel(Generic[Owner]):
    """Timers by owner, in buckets of about four milliseconds."""

    __slots__ = ("_bucket_of", "_buckets", "_order")

    def __init__(self) -> None:
        """Start empty."""
        self._buckets: dict[int, dict[Owner, None]] = {}
        self._bucket_of: dict[Owner, int] = {}
        self._order: list[int] = []

    def set(self, owner: Owner, due_us: int) -> None:
        """Set or move the owner's timer."""
        bucket = due_us // _BUCKET_US + 1
        old = self._bucket_of.get(owner)
        if old == bucket:
            return
        if old is not None:
            del self._buckets[old][owner]
        self._bucket_of[owner] = bucket
        owners = self._buckets.get(bucket)
        if owners is None:
            self._buckets[bucket] = {owner: None}
            heapq.heappush(self._order, bucket)
        else:
            owners[owner] = None

    def cancel(self, owner: Owner) -> None:
        """Remove the owner's timer, if there is one."""
        bucket = self._bucket_of.pop(owner, None)
        if bucket is not None:
            del self._buckets[bucket][owner]

    def due(self, now_us: int) -> list[Owner]:
        """Remove and return the owners whose time has come, earliest bucket first."""
        fired: list[Owner] = []
        reached = now_us // _BUCKET_US
        while self._order and self._order[0] <= reached:
            owners = self._buckets.pop(heapq.heappop(self._order))
            for owner in owners:
                del self._bucket_of[owner]
            fired += owners
        return fired

    def next_us(self) -> int:
        """Return when to look again, in microseconds; -1 when nothing is set. May be early, is never late."""
        while self._order and not self._buckets[self._order[0]]:
            del self._buckets[
                heapq.heappop(self._order)
            ]  # all of it was cancelled: nobody is to be woken for it
        return self._order[0] * _BUCKET_US if self._order else -1

    def __contains__(self, owner: Owner) -> bool:
        """Say whether the owner has a timer."""
        return owner in self._bucket_of

    def __len__(self) -> int:
        """Return the number of set timers."""
        return len(self._bucket_of)
