"""What may happen to what travels over a link, and what of it arrives when. Pure: times and chance come in.

A relay of a TCP connection cannot lose a packet: what a link loses shows as the wait for TCP to send it again, and
what comes behind waits too. While a way is cut nothing arrives; what was sent meanwhile arrives once it is healed.
(TCP itself would try again only after a pause that doubles with each try, RFC 6298; here it arrives at once.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_SEGMENT_BYTES: Final = 1_448
"""What one Ethernet frame holds of a TCP stream."""
_AGAIN_US: Final = 200_000
"""The least time before Linux sends a segment again; it doubles with each try."""
_TRIES_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to what is sent in one direction. Times in milliseconds, loss in percent of the segments."""

    cut: bool = False
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_percent: float = 0.0

    @property
    def plain(self) -> bool:
        """Say whether everything arrives at once."""
        return not (self.cut or self.delay_ms or self.jitter_ms or self.loss_percent)


PLAIN: Final = Fate()


class Way:
    """One direction of one connection: bytes with the time at which they arrive, in their order."""

    __slots__ = ("_due_us", "_queue", "_rand", "size_bytes")

    def __init__(self, rand: Callable[[], float]) -> None:
        """Begin empty; `rand` gives floats in [0, 1)."""
        self._queue: deque[tuple[int, bytes]] = deque()
        self._due_us = 0
        self._rand = rand
        self.size_bytes = 0

    def put(self, data: bytes, now_us: int, fate: Fate) -> None:
        """Take what was sent."""
        due_us = now_us
        if not fate.plain:
            jitter_ms = fate.jitter_ms * self._rand() if fate.jitter_ms else 0.0
            due_us += int(1000 * (fate.delay_ms + jitter_ms)) + self._lost_us(len(data), fate)
        self._due_us = max(self._due_us, due_us)  # a stream keeps its order
        self._queue.append((self._due_us, data))
        self.size_bytes += len(data)

    def arrived(self, now_us: int, fate: Fate) -> list[bytes]:
        """Return what has arrived by now, and forget it."""
        found: list[bytes] = []
        while self._queue and not fate.cut and self._queue[0][0] <= now_us:
            data = self._queue.popleft()[1]
            self.size_bytes -= len(data)
            found.append(data)
        return found

    def next_us(self, fate: Fate) -> int | None:
        """Return when more arrives; None if nothing is on its way or the way is cut."""
        return self._queue[0][0] if self._queue and not fate.cut else None

    def __bool__(self) -> bool:
        """Say whether something is on its way."""
        return bool(self._queue)

    def _lost_us(self, size: int, fate: Fate) -> int:
        """Return how much later the last of the segments arrives because some were lost."""
        latest = 0
        for _ in range(-(-size // _SEGMENT_BYTES) if fate.loss_percent else 0):
            tries = 0
            while tries < _TRIES_MAX and self._rand() * 100 < fate.loss_percent:
                tries += 1
            latest = max(latest, _AGAIN_US * ((1 << tries) - 1))
        return latest
