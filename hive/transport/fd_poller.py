"""Waiting for ZeroMQ's sockets by their descriptors."""

from __future__ import annotations

import select
from typing import Protocol, runtime_checkable

from hive.transport.base import Source


@runtime_checkable
class Polled(Protocol):
    """A socket with its monitor, as the poller sees it.

    `readable` and `signalled` say that the socket, or its monitor, has something that was not taken yet; `used` that
    messages were sent since it was last asked, while libzmq may have taken others in. `polled` is set by the poller.
    """

    polled: bool
    readable: bool
    signalled: bool
    used: bool

    @property
    def fds(self) -> tuple[int, int]:
        """The descriptors of the socket and of its monitor."""
        ...

    def look(self) -> bool:
        """Ask both whether there is something to do; set the flags."""
        ...


class FdPoller:
    """Waits for sockets, their monitors and plain descriptors.

    It waits for the descriptors itself: `zmq.Poller` asks every socket twice per wait, which costs as much as deciding
    a task. A socket's descriptor reports changes only, so a socket that was used since it was last found empty is
    asked before the wait.
    """

    def __init__(self) -> None:
        """Start with nothing to wait for."""
        self._poll = select.poll()
        self._sources: list[Polled] = []
        self._socket_of: dict[int, Polled] = {}
        self._monitor_of: dict[int, Polled] = {}

    def add(self, source: Source) -> None:
        """Watch a source of this transport; its `lost()` and `alive` then rely on `wait` being called."""
        assert isinstance(source, Polled)
        for fd, source_of in zip(source.fds, (self._socket_of, self._monitor_of), strict=True):
            source_of[fd] = source
            self._poll.register(fd, select.POLLIN)
        self._sources.append(source)
        source.polled = source.signalled = source.readable = True

    def add_fd(self, fd: int) -> None:
        """Watch a plain descriptor."""
        self._poll.register(fd, select.POLLIN)

    def remove(self, source: Source) -> None:
        """Stop watching a source; must come before its close."""
        assert isinstance(source, Polled)
        for fd, source_of in zip(source.fds, (self._socket_of, self._monitor_of), strict=True):
            del source_of[fd]
            self._poll.unregister(fd)
        self._sources.remove(source)
        source.polled = False

    def wait(self, timeout_us: int) -> bool:
        """Wait, with the timeout rounded up to milliseconds.

        A descriptor may also report a command between libzmq's threads; whoever then receives finds nothing.
        """
        ready = False
        for source in self._sources:
            if source.used or source.readable or source.signalled:
                ready |= source.look()
        timeout_ms = 0 if ready else -1 if timeout_us < 0 else (timeout_us + 999) // 1000
        events = self._poll.poll(timeout_ms)
        for fd, _ in events:
            if fd in self._socket_of:
                self._socket_of[fd].readable = True
            elif fd in self._monitor_of:
                self._monitor_of[fd].signalled = True
        return ready or bool(events)
