"""A TCP relay: accepts for one site, dials the other, and lets what passes suffer its fate. One loop."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
from collections.abc import Callable
from typing import Final

from simulation.links.fate import PLAIN, Way

_CHUNK: Final = 1 << 18
_MOST_BYTES: Final = 4 << 20
"""What one direction of a connection may hold; beyond it nothing more is read, and TCP slows the sender down."""
_BACKLOG: Final = 64
_RESET: Final = struct.pack("ii", 1, 0)
Address = tuple[str, int]


class End:
    """One socket of a relayed connection: what comes from it, and what still has to be written to it."""

    def __init__(self, sock: socket.socket, rand: Callable[[], float]) -> None:
        """Hold a socket; `way` is what it sends."""
        self.sock = sock
        self.way = Way(rand)
        self.out = bytearray()
        self.ended = False  # it sends no more
        self.told = False  # the other end was told so


class Pipe:
    """A relayed connection. `far` is None until it could be dialled."""

    def __init__(self, near: End) -> None:
        """Begin with the side that dialled."""
        self.near = near
        self.far: End | None = None
        self.connecting = False


class Relay:
    """Listens at `listen` and relays each connection to `target`; `there` and `back` are the fates of both ways."""

    def __init__(self, listen: Address, target: Address, rand: Callable[[], float] = random.random) -> None:
        """Listen. Raises OSError if the address is taken."""
        self.there = self.back = PLAIN
        self.carried_bytes = [0, 0]
        self._target = target
        self._rand = rand
        self._pipes: set[Pipe] = set()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(listen, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.address: Address = self._listener.getsockname()[:2]

    @property
    def connections(self) -> int:
        """Return how many connections reach the target now."""
        return sum(pipe.far is not None and not pipe.connecting for pipe in self._pipes)

    def turn(self, now_us: Callable[[], int], most_s: float) -> None:
        """Wait until something can be done, `most_s` at most, and do it."""
        for key, events in self._selector.select(self._wait_s(now_us(), most_s)):
            if key.fileobj is self._listener:
                self._accept()
            else:
                pipe, end = key.data
                self._ready(pipe, end, events, now_us())
        for pipe in list(self._pipes):
            self._move(pipe, now_us())

    def close(self) -> None:
        """Close everything."""
        for pipe in list(self._pipes):
            self._drop(pipe, reset=True)
        self._selector.unregister(self._listener)
        self._listener.close()
        self._selector.close()

    def _wait_s(self, now_us: int, most_s: float) -> float:
        due = [
            at
            for pipe in self._pipes
            for end, fate in ((pipe.near, self.there), (pipe.far, self.back))
            if end is not None
            and not self._other(pipe, end).out
            and (at := end.way.next_us(fate)) is not None
        ]
        return min(most_s, max(0.0, (min(due) - now_us) / 1e6)) if due else most_s

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # it left before its turn came
        pipe = Pipe(End(_plain(sock), self._rand))
        self._pipes.add(pipe)
        self._watch(pipe, pipe.near)

    def _dial(self, pipe: Pipe) -> None:
        """Connect to the target; a connection needs both ways."""
        family = socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET
        sock = _plain(socket.socket(family, socket.SOCK_STREAM))
        pipe.far = End(sock, self._rand)
        pipe.connecting = True
        try:
            sock.connect(self._target)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(pipe, reset=True)
            return
        self._watch(pipe, pipe.far)

    def _ready(self, pipe: Pipe, end: End, events: int, now_us: int) -> None:
        if pipe not in self._pipes:
            return
        if pipe.connecting and end is pipe.far:
            if end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._drop(pipe, reset=True)
                return
            pipe.connecting = False
        if events & selectors.EVENT_READ:
            self._read(pipe, end, now_us)
        if events & selectors.EVENT_WRITE and pipe in self._pipes:
            self._write(pipe, end)

    def _read(self, pipe: Pipe, end: End, now_us: int) -> None:
        fate = self.there if end is pipe.near else self.back
        try:
            data = end.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            end.way.put(data, now_us, fate)
        elif pipe.far is None or pipe.connecting:
            self._drop(pipe, reset=False)  # nobody over there has ever heard of it
            return
        else:
            end.ended = True
        self._watch(pipe, end)

    def _move(self, pipe: Pipe, now_us: int) -> None:
        """Hand on what has arrived."""
        if pipe not in self._pipes:
            return
        if pipe.far is None:
            if not (self.there.cut or self.back.cut):
                self._dial(pipe)
            return
        if pipe.connecting:
            return
        for end, fate in ((pipe.near, self.there), (pipe.far, self.back)):
            other = self._other(pipe, end)
            if len(other.out) < _MOST_BYTES:
                found = end.way.arrived(now_us, fate)
                if found:
                    other.out += b"".join(found)
                    self._write(pipe, other)
            if pipe not in self._pipes:
                return
            if end.ended and not end.way and not other.out and not fate.cut and not end.told:
                end.told = True
                _half_close(other.sock)
            self._watch(pipe, end)
        if pipe.near.told and pipe.far.told:
            self._drop(pipe, reset=False)

    def _write(self, pipe: Pipe, end: End) -> None:
        if not end.out:
            return
        try:
            sent = end.sock.send(end.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(pipe, reset=True)
            return
        del end.out[:sent]
        self.carried_bytes[0 if end is pipe.far else 1] += sent
        self._watch(pipe, end)

    def _watch(self, pipe: Pipe, end: End) -> None:
        """Ask the kernel for what can be done with a socket now."""
        wanted = 0
        if not end.ended and end.way.size_bytes < _MOST_BYTES:
            wanted |= selectors.EVENT_READ
        if end.out or (pipe.connecting and end is pipe.far):
            wanted |= selectors.EVENT_WRITE
        try:
            known = self._selector.get_key(end.sock)
        except KeyError:
            if wanted:
                self._selector.register(end.sock, wanted, (pipe, end))
            return
        if not wanted:
            self._selector.unregister(end.sock)
        elif known.events != wanted:
            self._selector.modify(end.sock, wanted, (pipe, end))

    def _drop(self, pipe: Pipe, *, reset: bool) -> None:
        """Close both sides; with `reset` at once and so that they notice, as when a machine refuses."""
        self._pipes.discard(pipe)
        for end in (pipe.near, pipe.far):
            if end is None:
                continue
            if end.sock in self._selector.get_map():
                self._selector.unregister(end.sock)
            if reset:
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.sock.close()

    @staticmethod
    def _other(pipe: Pipe, end: End) -> End:
        other = pipe.far if end is pipe.near else pipe.near
        return other if other is not None else end


def _plain(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _half_close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is gone altogether; reading says so
        sock.shutdown(socket.SHUT_WR)
