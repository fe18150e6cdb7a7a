"""Keeping child processes running: start, restart with back-off, stop. POSIX; death of the parent stops the child.

Synchronous and clockless in spirit: `Child.look` is called from somebody's loop with the time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_PR_SET_PDEATHSIG: Final = 1
_PAUSES_S: Final = (0.2, 5.0)
"""The first and the longest pause before a process that failed is started again."""
_WORKED_PAUSES_S: Final = (0.05, 0.4)
"""The same for one that had worked: whatever ended it, its work waits."""
_STABLE_S: Final = 10.0


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux; elsewhere nothing happens)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


class Child:
    """One process that is kept running. A fast failure lengthens the pause before the next start."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        stdout: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the process; `stdout` may be subprocess.PIPE, else both streams go to the log file.

        `environment` is added to that of this process.
        """
        self.name = name
        self.command = list(command)
        self.log = log
        self.restarts = 0
        self.failures = 0
        self.process: subprocess.Popen[str] | None = None
        self._stdout = stdout
        self._environment = dict(environment or {})
        self._started_s = 0.0
        self._again_s = 0.0
        self._worked = False

    @property
    def pid(self) -> int:
        """Return the running process's id, or 0."""
        return self.process.pid if self.process is not None and self.process.returncode is None else 0

    @property
    def output(self) -> IO[str] | None:
        """Return the pipe of its standard output, if one was asked for."""
        return self.process.stdout if self.process is not None else None

    def start(self, now_s: float) -> None:
        """Start it now."""
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log if self._stdout is None else self._stdout,
                stderr=log,
                text=True,
                env=os.environ | self._environment,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - our supervisors have one thread
            )
        self._started_s = now_s
        self._worked = False

    def works(self) -> None:
        """Note that it said so itself: if it ends now, it is worth starting again soon."""
        self._worked = True

    def look(self, now_s: float) -> int | None:
        """Notice an exit and return its status once; start again when the pause is over."""
        if self.process is None:
            return None
        if self.process.returncode is None:
            status = self.process.poll()
            if status is None:
                return None
            stable = now_s - self._started_s >= _STABLE_S
            self.failures = 1 if stable else self.failures + 1
            first_s, longest_s = _WORKED_PAUSES_S if self._worked else _PAUSES_S
            self._again_s = now_s + min(longest_s, first_s * 2.0 ** (self.failures - 1))
            return status
        if now_s >= self._again_s:
            self.restarts += 1
            self.start(now_s)
        return None

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it runs."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)

    def wait_stopped(self, timeout_s: float) -> bool:
        """Wait for it to end, kill it if it does not; return False if it had to be killed."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log, empty if there is none."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
