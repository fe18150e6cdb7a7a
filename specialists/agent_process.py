"""One worker's process as the agent holds it: its pipes, its end, and the lines that it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import IO, Final

from specialists.worker_spec import WorkerSpec

_READ_BYTES: Final = 65_536
_LINE_BYTES: Final = 1 << 20
_MODULE: Final = "specialists.worker"


class WorkerProcess:
    """A running worker. Must be made in the agent's main thread: the kernel ties the worker to that thread.

    It has a process group of its own, so that Ctrl-C reaches the agent alone, which then stops it in good order.
    $HIVE_WORKER names another module to run as the worker: that of an experiment, whose specialists may be poisoned.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        """Start the process; raise OSError if that cannot be."""
        self.node = spec.node
        command = [sys.executable, "-m", os.environ.get("HIVE_WORKER", _MODULE)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0, bufsize=0
        )
        self.pid = self._process.pid
        self.exit_fd = os.pidfd_open(self.pid)
        self.said_fd = self._out().fileno()
        self._rest = b""
        os.set_blocking(self.said_fd, False)
        os.set_blocking(self._in().fileno(), False)
        self.tell(spec.as_line())

    def tell(self, line: bytes) -> bool:
        """Write a line to the worker; False if it does not read or is gone. The agent never waits for it."""
        try:
            return os.write(self._in().fileno(), line) == len(line)
        except OSError:
            return False

    def said(self) -> list[dict[str, object]]:
        """Return what the worker has said since the last call; lines that are no JSON object are left out."""
        while True:
            try:
                chunk = os.read(self.said_fd, _READ_BYTES)
            except OSError:
                break
            if not chunk:
                break
            self._rest += chunk
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest[:_LINE_BYTES]
        return [entry for entry in map(_parsed, lines) if entry is not None]

    def signal(self, number: int) -> None:
        """Send a signal; a process that is gone takes none."""
        self._process.send_signal(number)

    def ended(self) -> bool:
        """Say whether the process is gone."""
        return self._process.poll() is not None

    def how_it_ended(self) -> str:
        """Reap the process and say how it ended; its pipes are closed then."""
        status = self._process.wait()
        os.close(self.exit_fd)
        self._in().close()
        self._out().close()
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exit status {status}"

    def _in(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


def _parsed(line: bytes) -> dict[str, object] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
