"""The ZeroMQ adapter: ROUTER for listeners, DEALER for connections. The one module that imports zmq.

The end of a connection is known from a socket monitor, which names it by file descriptor; the first message of a
session carries that descriptor too. hive/transport/sessions.py pairs them.
"""

from __future__ import annotations

import errno
import itertools
import selectors
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import zmq

from hive.errors import HiveError
from hive.transport.endpoints import IPC, check_endpoint, is_served
from hive.transport.fd_poller import FdPoller
from hive.transport.sessions import SessionBook
from hive.wire.auth import Authenticator, LoopbackOnly
from hive.wire.codec import MAX_BODY_BYTES
from hive.wire.spec import MAX_FRAMES

# Plain ints: an IntFlag costs an enum operation on every call.
_NOBLOCK: Final = int(zmq.NOBLOCK)
_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)
_ACCEPTED: Final = int(zmq.EVENT_ACCEPTED)
_DISCONNECTED: Final = int(zmq.EVENT_DISCONNECTED)
_CLOSED: Final = int(zmq.EVENT_CLOSED)

QUEUE_MESSAGES: Final = 1000
_MONITOR_EVENTS: Final = 100_000  # far away: libzmq's I/O thread blocks while an event does not fit
_EVENT: Final = struct.Struct("=Hi")
_PATIENCE: Final = 256  # messages that may still be received before a closed session is reported in any case

# One place for every option of every socket. Times in milliseconds, keepalive in seconds.
_OPTIONS: Final[dict[int, int]] = {
    zmq.LINGER: 0,
    zmq.MAXMSGSIZE: MAX_BODY_BYTES + 4096,
    zmq.HANDSHAKE_IVL: 2000,
    zmq.SNDTIMEO: 0,
    zmq.RCVTIMEO: 0,
    zmq.BACKLOG: 512,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 10,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 3,
}
_OPTIONS_OF: Final[dict[int, dict[int, int]]] = {
    zmq.ROUTER: {zmq.ROUTER_MANDATORY: 1},
    zmq.DEALER: {zmq.RECONNECT_IVL: -1, zmq.CONNECT_TIMEOUT: 2000},
    zmq.PAIR: {},
}
_Context = zmq.Context[zmq.Socket[bytes]]
_monitor_names = itertools.count(1)


def _make_socket(context: _Context, kind: int, queue_messages: int) -> zmq.Socket[bytes]:
    """Make a socket: the only place that does."""
    socket = context.socket(kind)
    options = {**_OPTIONS, **_OPTIONS_OF[kind], zmq.SNDHWM: queue_messages, zmq.RCVHWM: queue_messages}
    for option, value in options.items():
        socket.setsockopt(option, value)
    return socket


class _ZmqSource:
    """A socket and its monitor; what a Poller needs of both kinds of source."""

    def __init__(self, context: _Context, kind: int, endpoint: str, queue_messages: int) -> None:
        self.socket = _make_socket(context, kind, queue_messages)
        # For literals only: with it libzmq takes a name's first address, which may be one that nobody serves.
        self.socket.setsockopt(zmq.IPV6, int("[" in endpoint))
        name = f"inproc://monitor-{next(_monitor_names)}"
        self.socket.monitor(name, _ACCEPTED | _DISCONNECTED | _CLOSED)
        self.monitor = _make_socket(context, zmq.PAIR, _MONITOR_EVENTS)
        self.monitor.connect(name)
        self._selector: selectors.DefaultSelector | None = None
        self._burst = 0  # calls of receive since the last one that found nothing
        self.polled = False  # a Poller watches the monitor, so nobody need ask it
        self.signalled = False  # and has seen something there
        self.readable = True  # it has seen a message on the socket, or there is none that would
        self.used = False  # sent since the socket was last asked: libzmq may have taken messages in
        self.closed = False
        # The C methods: zmq.Socket wraps send in Python for options that are not used here.
        self._send = super(zmq.Socket, self.socket).send
        self._recv = super(zmq.Socket, self.socket).recv
        self._get: Callable[[int], int] = super(zmq.Socket, self.socket).get  # type: ignore[assignment]
        self._get_monitor: Callable[[int], int] = super(zmq.Socket, self.monitor).get  # type: ignore[assignment]

    def fileno(self) -> int:
        """Return a descriptor for an event loop, over the socket and its monitor.

        It is not enough to wait for it: libzmq may have taken messages in while it sent. After every wake-up and
        after every send, receive until None and look at `lost()` or `alive`.
        """
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
            self._selector.register(self.socket.FD, selectors.EVENT_READ)
            self._selector.register(self.monitor.FD, selectors.EVENT_READ)
        return self._selector.fileno()

    @property
    def fds(self) -> tuple[int, int]:
        """The descriptors of the socket and of its monitor."""
        return self.socket.FD, self.monitor.FD

    def look(self) -> bool:
        """Ask the socket and the monitor whether there is something to do."""
        self.used = False
        self.readable = self._get(_EVENTS) & _POLLIN != 0
        if not self.readable:
            self._burst = 0
        if self.signalled:
            self.signalled = self._get_monitor(_EVENTS) & _POLLIN != 0
        return self.readable or self.signalled

    def close(self) -> None:
        """Release the sockets; unsent frames are dropped."""
        if self.closed:
            return
        self.closed = True
        if self._selector is not None:
            self._selector.close()
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)

    def _events(self) -> list[tuple[int, int]]:
        """Return the (event, value) pairs that the monitor has."""
        events = []
        self.signalled = False
        while not self.closed and self._get_monitor(_EVENTS) & _POLLIN:
            events.append(_EVENT.unpack(self.monitor.recv(_NOBLOCK)))
            self.monitor.recv(_NOBLOCK)  # the endpoint
        return events


_S = TypeVar("_S", bound=_ZmqSource)


class ZmqListener(_ZmqSource):
    """A ROUTER. Calls `receive` until None and then `lost`, in a loop, see all there is."""

    def __init__(self, context: _Context, endpoint: str, queue_messages: int) -> None:
        """Bind; raise HiveError(address_in_use) or HiveError(bad_request)."""
        super().__init__(context, zmq.ROUTER, endpoint, queue_messages)
        self._book = SessionBook()
        self._numbers = self._book.numbers
        self._patience = 0
        try:
            self.socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise _bind_error(endpoint, error) from None
        bound = self.socket.get(zmq.LAST_ENDPOINT)
        assert isinstance(bound, bytes)
        self._endpoint = bound.rstrip(b"\0").decode()

    @property
    def endpoint(self) -> str:
        """Return the address that peers connect to."""
        return self._endpoint

    def receive(self) -> tuple[int, list[bytes]] | None:
        """Return the next (session, frames), or None; of too many frames the first MAX_FRAMES + 1."""
        if not self.readable and self.polled:
            return None
        recv = self._recv
        while not self.closed:
            # A failed recv raises, which costs more than asking first; asking costs more than a recv that
            # succeeds. Latency matters most with one message per wake-up, so ask after the first.
            if self._burst == 1 and not self._get(_EVENTS) & _POLLIN:
                self.used = False
                break
            try:
                routing_id = recv(_NOBLOCK)
            except zmq.Again:
                break
            self._burst += 1
            self._patience -= 1
            # A Frame knows whether another follows; asking the socket after a plain recv costs twice as much.
            frame = first = recv(_NOBLOCK, False)
            frames = [frame.bytes]
            while frame.more:
                frame = recv(_NOBLOCK, False)
                if len(frames) <= MAX_FRAMES:
                    frames.append(frame.bytes)
            session = self._numbers.get(routing_id)
            if session is None:
                session = self._open_session(routing_id, first)
            if session:
                return session, frames
        self._burst = 0
        self.readable = False
        return None

    def send(self, session: int, frames: Sequence[bytes]) -> bool:
        """Queue frames for a session; False if it is gone or its queue is full."""
        routing_id = self._book.routing_id(session)
        if routing_id is None or self.closed:
            return False
        send = self._send
        self.used = True
        try:
            send(routing_id, _MORE)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
            self._book.end(routing_id)
            return False
        # A ROUTER that took the routing id takes the rest: its limit counts whole messages.
        for frame in frames[:-1]:
            send(frame, _MORE)
        send(frames[-1], _NOBLOCK)
        return True

    def lost(self) -> list[int]:
        """Return the sessions that ended, each once, after what they had sent was received.

        On a listener that never runs empty they are reported after _PATIENCE further messages all the same.
        """
        if self.signalled or not self.polled:
            self._read_monitor()
        if not self._book.ended or self.closed:
            return []
        if self._patience > 0 and self._get(_EVENTS) & _POLLIN:
            self.readable = True  # asking has used up the descriptor's report
            return []
        return self._book.take_ended()

    def drop(self, session: int) -> None:
        """Forget a session. libzmq cannot close one connection of a ROUTER, so its frames are ignored."""
        self._book.drop(session)

    def peer_address(self, session: int) -> str:
        """Return the peer's IP address, empty for ipc."""
        return self._book.address(session)

    def close(self) -> None:
        """Stop listening; the address is free when this returns."""
        if not self.closed and hasattr(self, "_endpoint"):
            self.socket.unbind(self._endpoint)
            deadline = time.monotonic() + 1.0
            while self.monitor.poll(100) or time.monotonic() < deadline:
                if any(event == _CLOSED for event, _ in self._events()):
                    break
        super().close()

    def _open_session(self, routing_id: bytes, first: zmq.Frame) -> int:
        try:
            fd, address = int(first.get(zmq.SRCFD)), str(first.get("Peer-Address"))
        except zmq.ZMQError:
            # A peer that speaks ZMTP 1 (garbage can look so) has no properties: its end could not be seen.
            self._book.ignore(routing_id)
            return 0
        self._read_monitor()
        waiting = self._book.ended
        address = "" if self._endpoint.startswith(IPC) else address.removeprefix("::ffff:")
        session = self._book.open(routing_id, fd, address)
        self._be_patient(waiting)
        return session

    def _read_monitor(self) -> None:
        waiting = self._book.ended
        for event, fd in self._events():
            if event == _ACCEPTED:
                self._book.accepted(fd)
            elif event == _DISCONNECTED:
                self._book.closed(fd)
        self._be_patient(waiting)

    def _be_patient(self, waiting: int) -> None:
        """Start to count when the first ended session begins to wait; more of them do not prolong that."""
        if self._book.ended and not waiting:
            self._patience = _PATIENCE


class ZmqConnection(_ZmqSource):
    """A DEALER that dials once: where the other side closes or refuses, `alive` turns False for good."""

    def __init__(self, context: _Context, endpoint: str, queue_messages: int) -> None:
        """Start to connect; raise HiveError(bad_request)."""
        super().__init__(context, zmq.DEALER, endpoint, queue_messages)
        self._ended = False
        try:
            self.socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise HiveError("bad_request", f"Cannot connect to {endpoint}: {error.strerror}.") from None

    def receive(self) -> list[bytes] | None:
        """Return the next message's frames, or None; of too many frames the first MAX_FRAMES + 1."""
        if self.closed or (self.polled and not self.readable):
            return None
        if self._burst == 1 and not self._get(_EVENTS) & _POLLIN:
            self._burst = 0
            self.readable = self.used = False
            return None
        recv = self._recv
        try:
            frame = recv(_NOBLOCK, False)
        except zmq.Again:
            self._burst = 0
            self.readable = False
            return None
        self._burst += 1
        frames = [frame.bytes]
        while frame.more:
            frame = recv(_NOBLOCK, False)
            if len(frames) <= MAX_FRAMES:
                frames.append(frame.bytes)
        return frames

    def send(self, frames: Sequence[bytes]) -> bool:
        """Queue frames; False if the queue is full or the connection is gone."""
        if self._ended or self.closed:
            return False
        send = self._send
        self.used = True
        try:
            send(frames[0], _MORE if len(frames) > 1 else _NOBLOCK)
        except zmq.Again:
            return False
        for frame in frames[1:-1]:
            send(frame, _MORE)
        if len(frames) > 1:
            send(frames[-1], _NOBLOCK)
        return True

    @property
    def alive(self) -> bool:
        """Say whether the connection has not ended. Messages that came before the end can still be received."""
        if not self._ended and (self.signalled or not self.polled) and self._events():
            self._ended = True
        return not (self._ended or self.closed)


class ZmqTransport:
    """Makes ZeroMQ listeners and connections with one context, so with one I/O thread."""

    def __init__(
        self, authenticator: Authenticator | None = None, queue_messages: int = QUEUE_MESSAGES
    ) -> None:
        """Ask `authenticator` (default: LoopbackOnly) where to listen; bound each queue to `queue_messages`.

        A queue is that of one connection in one direction at one end; the kernel's buffers come on top.
        """
        self._queue_messages = queue_messages
        self._authenticator = authenticator or LoopbackOnly()
        # One I/O thread: SessionBook relies on the order in which it works.
        self._context: _Context = zmq.Context(io_threads=1)
        self._context.set(zmq.MAX_SOCKETS, 8192)
        self._sources: list[_ZmqSource] = []

    def listen(self, endpoint: str) -> ZmqListener:
        """Bind. Raises HiveError: address_in_use, bad_request, insecure_bind, state_unwritable."""
        check_endpoint(endpoint)
        self._authenticator.check_bind(endpoint)
        if is_served(endpoint):
            raise HiveError("address_in_use", f"Another process listens at {endpoint}.")
        return self._keep(ZmqListener(self._context, endpoint, self._queue_messages))

    def connect(self, endpoint: str) -> ZmqConnection:
        """Start to connect; raises HiveError(bad_request)."""
        check_endpoint(endpoint)
        return self._keep(ZmqConnection(self._context, endpoint, self._queue_messages))

    def poller(self) -> FdPoller:
        """Return a new poller."""
        return FdPoller()

    def close(self) -> None:
        """Close every source and the context."""
        for source in self._sources:
            source.close()
        self._context.term()

    def _keep(self, source: _S) -> _S:
        self._sources = [kept for kept in self._sources if not kept.closed]
        self._sources.append(source)
        return source


def _bind_error(endpoint: str, error: zmq.ZMQError) -> HiveError:
    if error.errno == errno.EADDRINUSE:
        return HiveError(
            "address_in_use", f"{endpoint} is taken by another process. Stop it or choose another port."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
        return HiveError("state_unwritable", f"Cannot bind {endpoint}: {error.strerror}.")
    return HiveError("bad_request", f"Cannot bind {endpoint}: {error.strerror}.")
