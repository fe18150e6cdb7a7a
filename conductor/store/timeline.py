"""One timeline for a store that many processes write, one after the other, on machines whose clocks jump.

An instant in the store is the core's monotonic clock plus an offset. Within one boot of a machine the offset stays what
it was, so nothing that happens to the wall clock moves a deadline. After a reboot the wall clock says how long the
machine was away, but the timeline never goes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from hive.record import record

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@record
class Moment:
    """What the machine's clocks say at once: which boot it is, its monotonic clock and its wall clock."""

    boot: str
    mono_us: int
    wall_us: int


Now = Callable[[], Moment]


@record
class Line:
    """How the clock of one boot and the store's timeline lie to each other; `last_us` is the latest commit."""

    boot: str = ""
    offset_us: int = 0
    last_us: int = 0

    def to_store(self, core_us: int) -> int:
        """Return an instant of the core's clock as one of the store."""
        return core_us + self.offset_us

    def to_core(self, store_us: int) -> int:
        """Return an instant of the store in the core's clock; before the boot it is negative."""
        return store_us - self.offset_us


def system_now() -> Moment:
    """Return what this machine's clocks say. Where no boot has a name, every start counts as one."""
    return Moment(_boot(), time.monotonic_ns() // 1000, time.time_ns() // 1000)


@cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def carry_on(line: Line, now: Moment) -> Line:
    """Return the line for this start, after that of the start before."""
    same = now.boot != "" and now.boot == line.boot and now.mono_us + line.offset_us >= line.last_us
    if same:
        return line
    here_us = max(now.wall_us, line.last_us)
    return Line(now.boot, here_us - now.mono_us, line.last_us)
