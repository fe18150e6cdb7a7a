"""The in-memory adapter: the semantics and the back-pressure of the ZeroMQ one, within one process.

Deterministic: what is sent is there at once, in the order of the sends, and no clock or thread is involved. A
descriptor exists only where somebody waits on one.
"""

from __future__ import annotations

import itertools
import select
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Final

from hive.errors import HiveError
from hive.transport.base import Source
from hive.transport.wakeup import Wakeup
from hive.wire.auth import Authenticator, LoopbackOnly
from hive.wire.codec import MAX_BODY_BYTES
from hive.wire.spec import MAX_FRAMES

QUEUE_MESSAGES: Final = 1000
MAX_FRAME_BYTES: Final = MAX_BODY_BYTES + 4096
_SCHEME: Final = "memory://"


class _MemorySource(ABC):
    """What listeners and connections share."""

    def __init__(self) -> None:
        self.closed = False
        self.wakeup = Wakeup()

    def fileno(self) -> int:
        """Return a descriptor for an event loop. After a wake-up receive until None."""
        return self.wakeup.fileno(ready=self.ready)

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Say whether there is something to fetch."""


class MemoryListener(_MemorySource):
    """The bound side; sessions are numbered in the order of their first messages."""

    def __init__(self, transport: MemoryTransport, endpoint: str) -> None:
        """Listen at `endpoint`, which is free."""
        super().__init__()
        self._transport = transport
        self._endpoint = endpoint
        self._queue: deque[tuple[MemoryConnection, list[bytes]]] = deque()
        self._peers: dict[int, MemoryConnection] = {}
        self._connections: set[MemoryConnection] = set()
        self._ended: list[MemoryConnection] = []
        self._last_session = 0

    @property
    def endpoint(self) -> str:
        """Return the address that peers connect to."""
        return self._endpoint

    def receive(self) -> tuple[int, list[bytes]] | None:
        """Return the next (session, frames), or None; of too many frames the first MAX_FRAMES + 1."""
        if not self._queue:
            self.wakeup.settle()
        while self._queue:
            peer, frames = self._queue.popleft()
            peer.unread -= 1
            if peer.session is None:
                self._last_session = peer.session = self._last_session + 1
                self._peers[peer.session] = peer
            if peer.session in self._peers:
                return peer.session, frames[: MAX_FRAMES + 1]
        return None

    def send(self, session: int, frames: Sequence[bytes]) -> bool:
        """Queue frames for a session; False if it is gone or its queue is full."""
        peer = self._peers.get(session)
        return peer is not None and peer.deliver(frames)

    def lost(self) -> list[int]:
        """Return the sessions that ended, each once, after what they had sent was received."""
        done = [peer for peer in self._ended if not peer.unread]
        self._ended = [peer for peer in self._ended if peer.unread]
        return [
            peer.session
            for peer in done
            if peer.session is not None and self._peers.pop(peer.session, None) is not None
        ]

    def drop(self, session: int) -> None:
        """Forget a session; its further frames are ignored."""
        self._peers.pop(session, None)

    def peer_address(self, session: int) -> str:  # noqa: ARG002 - the port's signature
        """Return the empty string: there is no address within a process."""
        return ""

    def close(self) -> None:
        """Stop listening; every connection ends."""
        if self.closed:
            return
        self.closed = True
        self._transport.forget(self)
        self._queue.clear()
        self._peers.clear()
        for peer in self._connections:
            peer.wakeup.wake()
        self.wakeup.close()

    def admit(self, peer: MemoryConnection) -> None:
        """Learn of a new connection."""
        self._connections.add(peer)

    def accept(self, peer: MemoryConnection, frames: list[bytes]) -> None:
        """Take a message in."""
        self._queue.append((peer, frames))
        self.wakeup.wake()

    def hang_up(self, peer: MemoryConnection) -> None:
        """Learn that a connection ended."""
        self._connections.discard(peer)
        self._ended.append(peer)
        self.wakeup.wake()

    @property
    def ready(self) -> bool:
        """Say whether there is something to receive or a lost session to fetch."""
        return bool(self._queue or self._ended)


class MemoryConnection(_MemorySource):
    """The dialling side; without a listener it is refused at once, so `alive` is False from the start."""

    def __init__(self, listener: MemoryListener | None, queue_messages: int) -> None:
        """Connect to `listener`, with at most `queue_messages` waiting in each direction."""
        super().__init__()
        self.session: int | None = None
        self.unread = 0
        self._listener = listener
        self._limit = queue_messages
        self._inbox: deque[list[bytes]] = deque()
        self._ended = listener is None
        self._end_noticed = False
        if listener is not None:
            listener.admit(self)

    def receive(self) -> list[bytes] | None:
        """Return the next message's frames, or None."""
        if not self._inbox:
            self.wakeup.settle()
        return self._inbox.popleft()[: MAX_FRAMES + 1] if self._inbox else None

    def send(self, frames: Sequence[bytes]) -> bool:
        """Queue frames; False if the queue is full or the connection is gone. A huge frame ends it."""
        if self._gone() or self._listener is None or self.unread >= self._limit:
            return False
        if any(len(frame) > MAX_FRAME_BYTES for frame in frames):
            self._end()
            return True
        self.unread += 1
        self._listener.accept(self, list(frames))
        return True

    @property
    def alive(self) -> bool:
        """Say whether the connection has not ended. Messages that came before the end can still be received."""
        self._end_noticed = self._gone()
        return not self._end_noticed

    def close(self) -> None:
        """End the connection; what was sent before is still received."""
        if self.closed:
            return
        if not self._gone():
            self._end()
        self.closed = True
        self._inbox.clear()
        self.wakeup.close()

    def deliver(self, frames: Sequence[bytes]) -> bool:
        """Take in a message of the listener's; False if there is no room or the connection is gone."""
        if self._gone() or len(self._inbox) >= self._limit:
            return False
        self._inbox.append(list(frames))
        self.wakeup.wake()
        return True

    def _gone(self) -> bool:
        return self._ended or self.closed or self._listener is None or self._listener.closed

    def _end(self) -> None:
        self._ended = True
        self.wakeup.wake()
        if self._listener is not None:
            self._listener.hang_up(self)

    @property
    def ready(self) -> bool:
        """Say whether there is something to receive, or an end that nobody has looked at."""
        return bool(self._inbox) or (self._gone() and not self._end_noticed)


class MemoryPoller:
    """Waits for in-memory sources and plain descriptors."""

    def __init__(self) -> None:
        """Start with nothing to wait for."""
        self._sources: list[MemoryListener | MemoryConnection] = []
        self._fds: list[int] = []

    def add(self, source: Source) -> None:
        """Watch a source of this transport."""
        assert isinstance(source, MemoryListener | MemoryConnection)
        self._sources.append(source)

    def add_fd(self, fd: int) -> None:
        """Watch a plain descriptor."""
        self._fds.append(fd)

    def remove(self, source: Source) -> None:
        """Stop watching a source."""
        assert isinstance(source, MemoryListener | MemoryConnection)
        self._sources.remove(source)

    def wait(self, timeout_us: int) -> bool:
        """Return at once if something is ready; only threads and other processes can change that later."""
        if any(source.ready for source in self._sources):
            return True
        if timeout_us == 0 and not self._fds:
            return False
        watched = self._fds + [source.fileno() for source in self._sources]
        return bool(select.select(watched, [], [], None if timeout_us < 0 else timeout_us / 1e6)[0])


class MemoryTransport:
    """Makes in-memory listeners at `memory://NAME` (`*`: a name nobody uses) and connections to them."""

    def __init__(
        self, authenticator: Authenticator | None = None, queue_messages: int = QUEUE_MESSAGES
    ) -> None:
        """Bound every queue to `queue_messages`; `authenticator` as in ZmqTransport."""
        self._authenticator = authenticator or LoopbackOnly()
        self._queue_messages = queue_messages
        self._listeners: dict[str, MemoryListener] = {}
        self._connections: list[MemoryConnection] = []
        self._names = itertools.count(1)

    def listen(self, endpoint: str) -> MemoryListener:
        """Bind. Raises HiveError: address_in_use, bad_request."""
        _check_endpoint(endpoint)
        self._authenticator.check_bind(endpoint)
        if endpoint == _SCHEME + "*":
            endpoint = f"{_SCHEME}listener-{next(self._names)}"
        if endpoint in self._listeners:
            raise HiveError("address_in_use", f"Another listener has {endpoint}.")
        listener = self._listeners[endpoint] = MemoryListener(self, endpoint)
        return listener

    def connect(self, endpoint: str) -> MemoryConnection:
        """Connect; where nobody listens the connection is not alive. Raises HiveError(bad_request)."""
        _check_endpoint(endpoint)
        connection = MemoryConnection(self._listeners.get(endpoint), self._queue_messages)
        self._connections = [kept for kept in self._connections if not kept.closed]
        self._connections.append(connection)
        return connection

    def poller(self) -> MemoryPoller:
        """Return a new poller."""
        return MemoryPoller()

    def forget(self, listener: MemoryListener) -> None:
        """Free the address of a closed listener."""
        self._listeners.pop(listener.endpoint, None)

    def close(self) -> None:
        """Close every connection and listener."""
        for connection in self._connections:
            connection.close()
        for listener in list(self._listeners.values()):
            listener.close()


def _check_endpoint(endpoint: str) -> None:
    if not endpoint.startswith(_SCHEME) or len(endpoint) == len(_SCHEME):
        raise HiveError("bad_request", f"{endpoint!r} is not an address: write {_SCHEME}NAME.")
