"""The transport port. It moves frames and says who is connected; it knows nothing of their meaning.

All calls return at once except `Poller.wait`. Every queue is bounded: a send that does not fit returns False and
nothing was queued, so that the caller decides, and no adapter may drop a message that it accepted while the
connection lives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Source(Protocol):
    """Something that a Poller can wait for."""

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when there may be something to do (edge-triggered).

        After every wake-up and after every send, receive until None and look at `lost()` or `alive`.
        """
        ...

    def close(self) -> None:
        """Release the socket at once; unsent frames are dropped. Safe to call twice."""
        ...


class Listener(Source, Protocol):
    """The bound side. Connections are sessions, numbered from 1 and never reused."""

    @property
    def endpoint(self) -> str:
        """Return the address that peers connect to, with the port that was really bound."""
        ...

    def receive(self) -> tuple[int, list[bytes]] | None:
        """Return the next (session, frames), or None. A session exists from its first message on."""
        ...

    def send(self, session: int, frames: Sequence[bytes]) -> bool:
        """Queue frames for a session; False if it is gone or its queue is full."""
        ...

    def lost(self) -> list[int]:
        """Return the sessions whose connection closed since the last call, each once.

        Receive until None first: a session is told here after what it had sent was received (or, on a listener
        that never runs empty, after a bounded number of further messages).
        """
        ...

    def drop(self, session: int) -> None:
        """Forget a session: no more frames of it are received or sent."""
        ...

    def peer_address(self, session: int) -> str:
        """Return the peer's address as the transport saw it (`10.0.0.7`), empty if unknown."""
        ...


class Connection(Source, Protocol):
    """The dialling side: one connection, never reused after it closed."""

    def receive(self) -> list[bytes] | None:
        """Return the next message's frames, or None."""
        ...

    def send(self, frames: Sequence[bytes]) -> bool:
        """Queue frames; False if the queue is full or the connection is gone."""
        ...

    @property
    def alive(self) -> bool:
        """Say whether the connection has not been closed by the other side (or refused).

        Messages that came before the end can still be received.
        """
        ...


class Poller(Protocol):
    """Waits for several sources at once."""

    def add(self, source: Source) -> None:
        """Watch a source from now on; its `lost()` and `alive` may then rely on `wait` being called."""
        ...

    def add_fd(self, fd: int) -> None:
        """Watch a plain descriptor for readability."""
        ...

    def remove(self, source: Source) -> None:
        """Stop watching a source; comes before its close."""
        ...

    def wait(self, timeout_us: int) -> bool:
        """Return True once anything may be ready, False after `timeout_us` (-1: wait for ever)."""
        ...


class Transport(Protocol):
    """Makes listeners, connections and pollers that belong together."""

    def listen(self, endpoint: str) -> Listener:
        """Bind. Raises HiveError(address_in_use) or HiveError(bad_request) for an address that is not one."""
        ...

    def connect(self, endpoint: str) -> Connection:
        """Start to connect and return at once; raises HiveError(bad_request) for an address that is not one."""
        ...

    def poller(self) -> Poller:
        """Return a new poller."""
        ...

    def close(self) -> None:
        """Release everything that this transport made."""
        ...
