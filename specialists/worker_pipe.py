"""The worker's side of the two pipes to its agent, and what else ties it to the agent's life.

Lines of JSON. The worker never waits for its agent: a line that does not fit into the pipe is dropped.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_READ_BYTES: Final = 65_536


class AgentPipe:
    """Reads lines from one descriptor and writes lines to another, never blocking on either."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        """Take over the descriptors."""
        self.read_fd = read_fd
        self._write_fd = write_fd
        self._rest = b""
        self.open = True
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)

    def say(self, event: str, **about: object) -> bool:
        """Write one line; False if the agent does not read. Lines under 4096 bytes are whole or not there."""
        line = json.dumps({"event": event, **about}, separators=(",", ":")).encode() + b"\n"
        try:
            return os.write(self._write_fd, line) == len(line)
        except OSError:
            return False

    def line(self) -> bytes | None:
        """Return the next line that has arrived, or None; `open` turns False when the agent is gone."""
        if b"\n" not in self._rest:
            self._rest += self._read()
        line, end, rest = self._rest.partition(b"\n")
        if not end:
            return None
        self._rest = rest
        return line

    def _read(self) -> bytes:
        try:
            chunk = os.read(self.read_fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            chunk = b""
        self.open = bool(chunk)
        return chunk


def claim_standard_pipes() -> AgentPipe:
    """Return the pipe over standard input and output; what libraries print goes to standard error from now on."""
    pipe = AgentPipe(os.dup(0), os.dup(1))
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return pipe


def die_with_agent(agent_pid: int) -> bool:
    """Ask the kernel to kill this process when its agent dies; False if the agent is already gone."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return agent_pid in (0, os.getppid())
