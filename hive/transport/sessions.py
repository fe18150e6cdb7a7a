"""Which session a message belongs to, and which has ended: pure book-keeping for the ZeroMQ listener.

ZeroMQ gives every message the routing id of its connection, and reports accepted and closed connections by file
descriptor. Descriptors are used again at once, and a connection may have closed before its first message is read.
Two facts make the pairing exact: a connection is accepted before its first message can be read, and routing ids are
counted up in the order of the handshakes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_ROUTING_ID_BYTES: Final = 5  # what libzmq makes up: a zero byte and a 32-bit counter, most significant first
_RETIRED: Final = 4096


class SessionBook:
    """Sessions by routing id and by descriptor.

    `numbers` maps a routing id to its session; 0 means that its messages are to be ignored. Routing ids of ended
    sessions stay for a while (the last _RETIRED), so that messages that were read late open no second session.
    """

    __slots__ = ("_addresses", "_ended", "_last", "_open", "_retired", "_routing_ids", "numbers")

    def __init__(self) -> None:
        """Start empty."""
        self.numbers: dict[bytes, int] = {}
        self._routing_ids: dict[int, bytes] = {}
        self._addresses: dict[int, str] = {}
        self._open: dict[int, bytes] = {}  # accepted descriptor -> routing id, empty before its first message
        self._ended: list[int] = []
        self._retired: deque[bytes] = deque()
        self._last = 0

    @property
    def ended(self) -> int:
        """How many ended sessions wait to be taken (a session may count twice)."""
        return len(self._ended)

    def routing_id(self, session: int) -> bytes | None:
        """Return the routing id of a session, None if there is no such session (any more)."""
        return self._routing_ids.get(session)

    def address(self, session: int) -> str:
        """Return the peer's address, empty if unknown."""
        return self._addresses.get(session, "")

    def accepted(self, fd: int) -> None:
        """Note that a connection was accepted at descriptor `fd`."""
        self._open[fd] = b""

    def closed(self, fd: int) -> None:
        """Note that the connection at `fd` has closed."""
        routing_id = self._open.pop(fd, b"")
        if routing_id:
            self.end(routing_id)

    def open(self, routing_id: bytes, fd: int, address: str) -> int:
        """Return the number of a new session, whose first message came by the connection at `fd`.

        Every event up to that message must have been noted. Then, if no connection is open at `fd`, or a later
        session has it, this one has ended already; if an earlier session has it, that one has. A session that
        ended unread, whose descriptor is held by a peer that has not spoken yet, passes for living until that
        peer speaks or leaves: at once in this protocol, and after the handshake's time limit for any other.

        A routing id of the peer's own choosing is ignored (0): it could take the place of another.
        """
        if not _is_made_up(routing_id):
            self.ignore(routing_id)
            return 0
        self._last = session = self._last + 1
        self.numbers[routing_id] = session
        self._routing_ids[session] = routing_id
        self._addresses[session] = address
        rival = self._open.get(fd)
        if rival is None or (rival and not _newer(routing_id, rival)):
            self.end(routing_id)
            return session
        if rival:
            self.end(rival)
        self._open[fd] = routing_id
        return session

    def end(self, routing_id: bytes) -> None:
        """Note that a session ended. Harmless if it is known already."""
        session = self.numbers.get(routing_id)
        if session:
            self._ended.append(session)
        elif session == 0:
            self._retire(routing_id)

    def take_ended(self) -> list[int]:
        """Return the ended sessions, each once, and forget them."""
        ended, self._ended = self._ended, []
        taken = []
        for session in ended:
            routing_id = self._forget(session)
            if routing_id is not None:
                self._retire(routing_id)
                taken.append(session)
        return taken

    def drop(self, session: int) -> None:
        """Forget a session and ignore its messages, though its connection may live on."""
        routing_id = self._forget(session)
        if routing_id is not None and session in self._ended:
            self._retire(routing_id)

    def ignore(self, routing_id: bytes) -> None:
        """Ignore the messages of a peer that is to have no session."""
        self.numbers[routing_id] = 0
        self._retire(routing_id)

    def _forget(self, session: int) -> bytes | None:
        self._addresses.pop(session, None)
        routing_id = self._routing_ids.pop(session, None)
        if routing_id is not None:
            self.numbers[routing_id] = 0
        return routing_id

    def _retire(self, routing_id: bytes) -> None:
        self._retired.append(routing_id)
        if len(self._retired) > _RETIRED:
            self.numbers.pop(self._retired.popleft(), None)


def _is_made_up(routing_id: bytes) -> bool:
    return len(routing_id) == _ROUTING_ID_BYTES and routing_id[0] == 0


def _newer(routing_id: bytes, other: bytes) -> bool:
    """Compare two counters, which wrap around at 2**32."""
    distance = int.from_bytes(routing_id[1:], "big") - int.from_bytes(other[1:], "big")
    return 0 < distance % 2**32 < 2**31
