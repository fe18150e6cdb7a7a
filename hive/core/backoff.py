"""Exponential back-off with full jitter: how long to wait before the next try.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: the wait is uniform on
[0, min(cap, base * 2^attempt)], which spreads a crowd that lost the same peer at the same moment better than
any fixed fraction of jitter does.
"""

from __future__ import annotations

from typing import Final, Protocol

RECONNECT_CAP_US: Final = 1_000_000
_MAX_DOUBLINGS: Final = 40


class Chance(Protocol):
    """Where randomness comes from: `random.Random`, or a caller's own."""

    def randint(self, a: int, b: int, /) -> int:
        """Return a whole number from a to b, both included."""
        ...


class Backoff:
    """Counts failed tries and draws the wait before the next one. The randomness is the caller's."""

    __slots__ = ("_attempt", "_base_us", "_cap_us", "_rng")

    def __init__(self, rng: Chance, base_us: int = 20_000, cap_us: int = RECONNECT_CAP_US) -> None:
        """Wait at most `base_us` after the first failure and twice that after each more, up to `cap_us`.

        Both are microseconds. Raises ValueError unless 0 < base_us <= cap_us.
        """
        if not 0 < base_us <= cap_us:
            raise ValueError(f"want 0 < base_us <= cap_us, got {base_us} and {cap_us}")
        self._rng = rng
        self._base_us = base_us
        self._cap_us = cap_us
        self._attempt = 0

    @property
    def attempt(self) -> int:
        """The number of waits drawn since the last reset."""
        return self._attempt

    @property
    def ceiling_us(self) -> int:
        """The longest wait that `next_us` may draw now, in microseconds."""
        return min(self._cap_us, self._base_us << min(self._attempt, _MAX_DOUBLINGS))

    def next_us(self, at_least_us: int = 0) -> int:
        """Return the next wait in microseconds, not under `at_least_us` (what the other side asked for)."""
        wait_us = self._rng.randint(0, self.ceiling_us)
        self._attempt += 1
        return at_least_us + wait_us if at_least_us else wait_us

    def reset(self) -> None:
        """Forget the failures: a try has succeeded."""
        self._attempt = 0
