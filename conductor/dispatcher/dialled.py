"""Connections that this conductor opened to others, behind the face of a listener: sessions, numbered from 1."""

from __future__ import annotations

from collections.abc import Sequence

from hive.errors import HiveError
from hive.transport.base import Connection, Poller, Transport


class Dialled:
    """All outgoing links of a dispatcher. There are few of them, and most messages are not theirs."""

    def __init__(self, transport: Transport, poller: Poller) -> None:
        """Begin with none."""
        self._transport = transport
        self._poller = poller
        self.links: dict[int, Connection] = {}  # whose turn it is, first
        self._ended: list[int] = []
        self._next = 1

    def dial(self, endpoint: str) -> int:
        """Open a connection and return its session; 0 if the address is none."""
        try:
            connection = self._transport.connect(endpoint)
        except HiveError:
            return 0
        number = self._next
        self._next += 1
        self.links[number] = connection
        self._poller.add(connection)
        return number

    def receive(self) -> tuple[int, list[bytes]] | None:
        """Return the next (session, frames), or None. The links take turns, and each is emptied before it is lost."""
        for number, connection in self.links.items():
            alive = connection.alive
            frames = connection.receive()
            if frames is not None:
                self.links[number] = self.links.pop(number)
                return number, frames
            if not alive and number not in self._ended:
                self._ended.append(number)
        return None

    def send(self, session: int, frames: Sequence[bytes]) -> bool:
        """Queue frames; False if the connection is gone or its queue is full."""
        connection = self.links.get(session)
        return connection is not None and connection.send(frames)

    def lost(self) -> list[int]:
        """Return the connections that the other side closed or refused, each once and after its last message."""
        if not self._ended:
            return self._ended
        ended, self._ended = self._ended, []
        for number in ended:
            self.drop(number)
        return ended

    def drop(self, session: int) -> None:
        """Close a connection."""
        connection = self.links.pop(session, None)
        if connection is not None:
            self._poller.remove(connection)
            connection.close()

    def peer_address(self, session: int) -> str:
        """Return nothing: whom we dialled we know by the address that we dialled."""
        del session
        return ""
