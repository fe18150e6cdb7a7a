"""Counts the garbage collector's pauses in the dispatcher, so that goal P11 can be read off a running mesh."""

from __future__ import annotations

import gc
import time
from typing import Final

_LONG_NS: Final = 1_000_000
_THRESHOLDS: Final = (50_000, 20, 1_000)
"""Finished work leaves no cycles, so collections may be rare; the figures were chosen with `hive bench dispatch`."""


class PauseCounter:
    """Adds `gc_pauses` and `gc_pauses_over_1ms` to the counters that the control process publishes."""

    def __init__(self, counts: dict[str, int]) -> None:
        """Count into `counts`."""
        self._counts = counts
        self._started_ns = 0

    def start(self) -> None:
        """Watch the collector from now on, with thresholds for a long-lived process."""
        gc.set_threshold(*_THRESHOLDS)
        gc.callbacks.append(self._called)

    def _called(self, phase: str, info: dict[str, int]) -> None:
        del info
        if phase == "start":
            self._started_ns = time.perf_counter_ns()
            return
        self._counts["gc_pauses"] = self._counts.get("gc_pauses", 0) + 1
        if time.perf_counter_ns() - self._started_ns > _LONG_NS:
            self._counts["gc_pauses_over_1ms"] = self._counts.get("gc_pauses_over_1ms", 0) + 1
