"""Ctrl-C that arrives only where nothing can be left half done."""

from __future__ import annotations

import signal
import time
from types import FrameType


class Interrupts:
    """Turns SIGINT and SIGTERM into a KeyboardInterrupt, but only inside `pause`; must be made in the main thread.

    Python raises it wherever the program happens to be. Inside `subprocess.Popen.poll` it can leave the lock behind
    that `wait` then waits for, and the program would never end.
    """

    def __init__(self) -> None:
        """Take the signals from now on. A shell that starts a program in the background has SIGINT ignored."""
        self._asked = False
        self._pausing = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._arrived)

    def pause(self, seconds: float) -> None:
        """Sleep for so long. Raises KeyboardInterrupt, at once, when a signal arrives now or came before."""
        self._pausing = True
        try:
            if self._asked:
                raise KeyboardInterrupt
            time.sleep(seconds)
        finally:
            self._pausing = False

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._pausing:
            self._pausing = False  # a second one while the first is being raised adds nothing
            raise KeyboardInterrupt
