"""Ends a run that does not end by itself: a thread that looks a few times in the time that a run may take.

A signal could not do it, because Python handles one only when the run is over. The thread sleeps nearly always. It
counts its own looks and asks no clock, so a process that was stopped or starved meanwhile ends nothing too early.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Final

_LOOKS: Final = 4
_OFTEN_S: Final = 0.25


class RunBound:
    """Calls `end` once for a run that has taken longer than `bound_s`; it is called from another thread."""

    def __init__(self, bound_s: float, end: Callable[[], None]) -> None:
        """Watch nothing yet."""
        self.bound_s = bound_s
        self._end = end
        self._pause_s = min(_OFTEN_S, bound_s / _LOOKS)
        self._looks = 1 + math.ceil(bound_s / self._pause_s)
        self._left = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """A run begins."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="run-bound", daemon=True)
            self._thread.start()
        self._left = self._looks

    def over(self) -> None:
        """It is over: nothing is ended any more when this returns."""
        with self._lock:
            self._left = 0

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self._pause_s)
            self.look()

    def look(self) -> None:
        """Look once: one of the looks that a run has is used up."""
        with self._lock:
            if self._left:
                self._left -= 1
                if not self._left:
                    self._end()
