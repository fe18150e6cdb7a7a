"""A descriptor that is readable after something happened, for sources that have none of their own."""

from __future__ import annotations

import os


class Wakeup:
    """A pipe, made when somebody asks for its descriptor. May be woken from any thread."""

    __slots__ = ("_pipe",)

    def __init__(self) -> None:
        """Start without a pipe."""
        self._pipe: tuple[int, int] | None = None

    def fileno(self, *, ready: bool) -> int:
        """Return the descriptor; a new one is readable if `ready`."""
        if self._pipe is None:
            self._pipe = os.pipe()
            for end in self._pipe:
                os.set_blocking(end, False)
            if ready:
                self.wake()
        return self._pipe[0]

    def wake(self) -> None:
        """Make the descriptor readable."""
        if self._pipe is not None:
            try:
                os.write(self._pipe[1], b"\0")
            except BlockingIOError:
                return  # full, so readable

    def settle(self) -> None:
        """Make the descriptor unreadable until it is woken again; look for news after this, not before."""
        if self._pipe is not None:
            try:
                os.read(self._pipe[0], 1 << 16)
            except BlockingIOError:
                return

    def close(self) -> None:
        """Release the descriptor."""
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None
