"""The ZeroMQ adapter: ROUTER for listeners, DEALER for connections. The one module that imports zmq.

Sessions are found by the routing id that libzmq gives each connection. The end of a connection is known from a
socket monitor, which names it by file descriptor only; the first message of a session carries that descriptor
too. See `ZmqListener._bind_session` for what makes the pairing exact although descriptors are reused at once.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import selectors
import socket as sockets
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import zmq

from hive.errors import HiveError
from hive.transport.base import Source
from hive.wire.auth import Authenticator, LoopbackOnly
from hive.wire.codec import MAX_BODY_BYTES, MAX_FRAMES

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
_ROUTING_ID_BYTES: Final = 5  # what libzmq makes up: a zero byte and a 32-bit counter, most significant first
_PATIENCE: Final = 256  # messages that may still be received before a closed session is reported in any case
_RETIRED: Final = 4096  # routing ids of closed sessions that are remembered, so that late frames are ignored
_IPC_PATH_BYTES: Final = 107
_PORT_MAX: Final = 65535
_TCP = re.compile(r"tcp://(?:\[[0-9a-fA-F:.]+(?:%\w+)?\]|[\w.\-]+|\*):(\d{1,5}|\*)")

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
        self._sessions: dict[bytes, int] = {}  # by routing id; 0: its frames are ignored
        self._routing_ids: dict[int, bytes] = {}
        self._addresses: dict[int, str] = {}
        self._open: dict[int, bytes] = {}  # accepted descriptor -> routing id, empty before its first message
        self._closing: list[int] = []
        self._patience = 0
        self._retired: deque[bytes] = deque()
        self._last_session = 0
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
        recv = self._recv
        while not self.closed:
            # A failed recv raises, which costs more than asking first; asking costs more than a recv that
            # succeeds. Latency matters most with one message per wake-up, so ask after the first.
            if self._burst == 1 and not self._get(_EVENTS) & _POLLIN:
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
            session = self._sessions.get(routing_id)
            if session is None:
                session = self._open_session(routing_id, first)
            if session:
                return session, frames
        self._burst = 0
        return None

    def send(self, session: int, frames: Sequence[bytes]) -> bool:
        """Queue frames for a session; False if it is gone or its queue is full."""
        routing_id = self._routing_ids.get(session)
        if routing_id is None or self.closed:
            return False
        send = self._send
        try:
            send(routing_id, _MORE)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
            self._close_session(routing_id)
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
        if not self._closing or self.closed:
            return []
        if self._patience > 0 and self._get(_EVENTS) & _POLLIN:
            return []
        closing, self._closing = self._closing, []
        lost = []
        for session in closing:
            routing_id = self._forget(session)
            if routing_id is not None:
                self._retire(routing_id)
                lost.append(session)
        return lost

    def drop(self, session: int) -> None:
        """Forget a session. libzmq cannot close one connection of a ROUTER, so its frames are ignored."""
        routing_id = self._forget(session)
        if routing_id is not None and session in self._closing:
            self._retire(routing_id)

    def peer_address(self, session: int) -> str:
        """Return the peer's IP address, empty for ipc."""
        return self._addresses.get(session, "")

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
        """Return the number of a new session, or 0 for a peer that is to be ignored.

        The protocol forbids a ROUTING_ID of the peer's own: it could take the place of another. And a peer that
        speaks ZMTP 1 (garbage can look so) has no properties, so its end could not be seen.
        """
        try:
            if len(routing_id) != _ROUTING_ID_BYTES or routing_id[0]:
                raise ValueError(routing_id)
            fd, address = int(first.get(zmq.SRCFD)), str(first.get("Peer-Address"))
        except (ValueError, zmq.ZMQError):
            self._sessions[routing_id] = 0
            self._retire(routing_id)
            return 0
        self._last_session = session = self._last_session + 1
        self._sessions[routing_id] = session
        self._routing_ids[session] = routing_id
        self._addresses[session] = "" if self._endpoint.startswith("ipc") else address.removeprefix("::ffff:")
        self._bind_session(routing_id, fd)
        return session

    def _bind_session(self, routing_id: bytes, fd: int) -> None:
        """Pair a new session with the accepted connection at `fd`, or find that it has ended already.

        The connection was accepted before its message could be read, so after reading the monitor its end is
        known if it lies before the next accept at the same descriptor. libzmq counts routing ids up in the
        order of the handshakes, so of two sessions at one descriptor the greater id is the living one.
        """
        self._read_monitor()
        rival = self._open.get(fd)
        if rival is None or (rival and not _newer(routing_id, rival)):
            self._close_session(routing_id)
            return
        if rival:
            self._close_session(rival)
        self._open[fd] = routing_id

    def _read_monitor(self) -> None:
        for event, fd in self._events():
            if event == _ACCEPTED:
                self._open[fd] = b""
            elif event == _DISCONNECTED:
                routing_id = self._open.pop(fd, b"")
                if routing_id:
                    self._close_session(routing_id)

    def _close_session(self, routing_id: bytes) -> None:
        session = self._sessions.get(routing_id)
        if session:
            self._closing.append(session)
            self._patience = _PATIENCE
        elif session == 0:
            self._retire(routing_id)

    def _forget(self, session: int) -> bytes | None:
        self._addresses.pop(session, None)
        routing_id = self._routing_ids.pop(session, None)
        if routing_id is not None:
            self._sessions[routing_id] = 0
        return routing_id

    def _retire(self, routing_id: bytes) -> None:
        self._retired.append(routing_id)
        if len(self._retired) > _RETIRED:
            self._sessions.pop(self._retired.popleft(), None)


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
        if self.closed or (self._burst == 1 and not self._get(_EVENTS) & _POLLIN):
            self._burst = 0
            return None
        recv = self._recv
        try:
            frame = recv(_NOBLOCK, False)
        except zmq.Again:
            self._burst = 0
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


class ZmqPoller:
    """Waits for sockets, their monitors and plain descriptors."""

    def __init__(self) -> None:
        """Start with nothing to wait for."""
        self._poller = zmq.Poller()
        self._monitors: dict[object, _ZmqSource] = {}

    def add(self, source: Source) -> None:
        """Watch a source of this transport; its `lost()` and `alive` then rely on `wait` being called."""
        assert isinstance(source, _ZmqSource)
        self._poller.register(source.socket, _POLLIN)
        self._poller.register(source.monitor, _POLLIN)
        self._monitors[source.monitor] = source
        source.polled = source.signalled = True

    def add_fd(self, fd: int) -> None:
        """Watch a plain descriptor."""
        self._poller.register(fd, _POLLIN)

    def remove(self, source: Source) -> None:
        """Stop watching a source; must come before its close."""
        assert isinstance(source, _ZmqSource)
        self._poller.unregister(source.socket)
        self._poller.unregister(source.monitor)
        del self._monitors[source.monitor]
        source.polled = False

    def wait(self, timeout_us: int) -> bool:
        """Wait, with the timeout rounded up to milliseconds."""
        ready = self._poller.poll(None if timeout_us < 0 else (timeout_us + 999) // 1000)
        for socket, _ in ready:
            source = self._monitors.get(socket)
            if source is not None:
                source.signalled = True
        return bool(ready)


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
        # One I/O thread: `ZmqListener._bind_session` relies on the order in which it works.
        self._context: _Context = zmq.Context(io_threads=1)
        self._context.set(zmq.MAX_SOCKETS, 8192)
        self._sources: list[_ZmqSource] = []

    def listen(self, endpoint: str) -> ZmqListener:
        """Bind. Raises HiveError: address_in_use, bad_request, insecure_bind, state_unwritable."""
        _check_endpoint(endpoint)
        self._authenticator.check_bind(endpoint)
        if endpoint.startswith("ipc://") and _is_served(endpoint.removeprefix("ipc://")):
            raise HiveError("address_in_use", f"Another process listens at {endpoint}.")
        return self._keep(ZmqListener(self._context, endpoint, self._queue_messages))

    def connect(self, endpoint: str) -> ZmqConnection:
        """Start to connect; raises HiveError(bad_request)."""
        _check_endpoint(endpoint)
        return self._keep(ZmqConnection(self._context, endpoint, self._queue_messages))

    def poller(self) -> ZmqPoller:
        """Return a new poller."""
        return ZmqPoller()

    def close(self) -> None:
        """Close every source and the context."""
        for source in self._sources:
            source.close()
        self._context.term()

    def _keep(self, source: _S) -> _S:
        self._sources = [kept for kept in self._sources if not kept.closed]
        self._sources.append(source)
        return source


def _newer(routing_id: bytes, other: bytes) -> bool:
    """Compare two counters of libzmq's, which wrap around at 2**32."""
    distance = int.from_bytes(routing_id[1:], "big") - int.from_bytes(other[1:], "big")
    return 0 < distance % 2**32 < 2**31


def _check_endpoint(endpoint: str) -> None:
    if endpoint.startswith("ipc://"):
        size = len(os.fsencode(endpoint.removeprefix("ipc://")))
        if 0 < size <= _IPC_PATH_BYTES:
            return
        raise HiveError(
            "bad_request",
            f"{endpoint}: the path has {size} bytes; a socket's path has 1 to {_IPC_PATH_BYTES}.",
        )
    match = _TCP.fullmatch(endpoint)
    if not match or (match[1] != "*" and int(match[1]) > _PORT_MAX):
        raise HiveError(
            "bad_request", f"{endpoint!r} is not an address: write tcp://HOST:PORT or ipc://PATH."
        )


def _is_served(path: str) -> bool:
    """Say whether a process listens at a socket file; libzmq would take it over without a word."""
    with sockets.socket(sockets.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except TimeoutError:
            return True
        except OSError:
            return False
        return True


def _bind_error(endpoint: str, error: zmq.ZMQError) -> HiveError:
    if error.errno == errno.EADDRINUSE:
        return HiveError(
            "address_in_use", f"{endpoint} is taken by another process. Stop it or choose another port."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
        return HiveError("state_unwritable", f"Cannot bind {endpoint}: {error.strerror}.")
    return HiveError("bad_request", f"Cannot bind {endpoint}: {error.strerror}.")
