"""How long a message queued on its way, without comparing two machines' clocks.

The smallest difference (receipt minus send time) that a window has seen stands for an unqueued trip; what a message
took beyond that is queueing. Minimum filter over two half windows, as in Jacobson's clock filter and BBR's min_rtt.
"""

from __future__ import annotations

from typing import Final

_HALF_WINDOW_US: Final = 30_000_000


class MinDelay:
    """Minimum-delay filter of one direction of one connection."""

    __slots__ = ("_current_us", "_previous_us", "_turn_us")

    def __init__(self) -> None:
        """Start without knowledge: the first message counts as unqueued."""
        self._current_us: int | None = None
        self._previous_us: int | None = None
        self._turn_us = 0

    def queued_us(self, sent_us: int, now_us: int) -> int:
        """Return how many microseconds longer than the fastest recent message this one took."""
        difference = now_us - sent_us
        if self._current_us is None or now_us >= self._turn_us:
            self._previous_us, self._current_us = self._current_us, difference
            self._turn_us = now_us + _HALF_WINDOW_US
        elif difference < self._current_us:
            self._current_us = difference
        least = self._current_us
        if self._previous_us is not None and self._previous_us < least:
            least = self._previous_us
        return difference - least
