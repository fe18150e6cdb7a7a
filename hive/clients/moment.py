"""How old something on the disk is, although clocks jump: instants that survive the process that took them."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Final

from hive.record import record

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@record
class Moment:
    """An instant: `up_us` since the start of the machine named `boot`, and the wall clock at that time.

    `boot` is empty where the system does not tell its starts apart.
    """

    boot: str
    up_us: int
    wall_us: int

    def age_us(self, now: Moment) -> int:
        """Return how long before `now` this was, in microseconds; never negative.

        Within one start of the machine that is exact, whatever the wall clock does and however long the machine slept.
        Across a start only the wall clock can tell; it counts for no less than the time since the start.
        """
        if self.boot and self.boot == now.boot:
            return max(0, now.up_us - self.up_us)
        least_us = now.up_us if now.boot else 0
        return max(least_us, now.wall_us - self.wall_us)


def this_moment() -> Moment:
    """Return now, by the machine's clocks."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Moment(_boot(), time.clock_gettime_ns(clock) // 1000, time.time_ns() // 1000)


@cache
def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
