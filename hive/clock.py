"""Time as a port: cores take `now_us` as an argument, shells ask a Clock for it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Source of monotonic time and, for people only, of wall time."""

    def now_us(self) -> int:
        """Return monotonic microseconds; never goes back, has no relation to another machine's."""
        ...

    def wall_s(self) -> float:
        """Return seconds since 1970 for display; no decision may depend on it."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        """Return CLOCK_MONOTONIC in microseconds."""
        return time.monotonic_ns() // 1000

    def wall_s(self) -> float:
        """Return CLOCK_REALTIME in seconds."""
        return time.time()


class ManualClock:
    """A clock that moves only when told to; shared by tests and the simulator."""

    def __init__(self, now_us: int = 1_000_000, wall_s: float = 1_700_000_000.0) -> None:
        """Start at the given instants."""
        self._now_us = now_us
        self._wall_s = wall_s

    def now_us(self) -> int:
        """Return the current virtual instant in microseconds."""
        return self._now_us

    def wall_s(self) -> float:
        """Return the current virtual wall time in seconds."""
        return self._wall_s

    def advance(self, by_us: int) -> int:
        """Move both clocks forward by `by_us` microseconds and return the new instant."""
        self._now_us += by_us
        self._wall_s += by_us / 1e6
        return self._now_us
