"""Signals as something that a loop can wait for and read: a handler itself only notes them."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

_READ_BYTES: Final = 512


class Signals:
    """Collects the given signals of this process from now on; must be made in the main thread."""

    def __init__(self, *numbers: int) -> None:
        """Install handlers; `wake_fd` becomes readable when one of them arrives."""
        self.wake_fd, write_fd = os.pipe()
        self._last = 0
        os.set_blocking(self.wake_fd, False)
        os.set_blocking(write_fd, False)
        for number in numbers:
            signal.signal(number, lambda received, _: self._note(received))
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)

    def _note(self, number: int) -> None:
        self._last = number

    def seen(self) -> int:
        """Return the last signal that arrived since the last call, 0 if none did."""
        if not self._last:
            return 0
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake_fd, _READ_BYTES)
        number, self._last = self._last, 0
        return number
