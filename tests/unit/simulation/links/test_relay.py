"""The relay of a link, over real sockets and with a clock of its own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from simulation.links.fate import PLAIN, Fate
from simulation.links.relay import Relay

SECOND = 1_000_000


class Bench:
    """A relay between a caller and a server; time passes only when it is told to."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.relay = Relay(("127.0.0.1", 0), self.server.getsockname()[:2], lambda: 0.0)
        self.now_us = 0
        self.sockets: list[socket.socket] = [self.server]

    def until(self, holds: Callable[[], object], turns: int = 2_000) -> None:
        """Turn until something holds."""
        for _ in range(turns):
            if holds():
                return
            self.relay.turn(lambda: self.now_us, 0.005)
        raise AssertionError("it never came to that")

    def turn(self) -> None:
        """Let everything happen that can at this moment."""
        for _ in range(20):
            self.relay.turn(lambda: self.now_us, 0.002)

    def call(self) -> socket.socket:
        caller = socket.create_connection(self.relay.address)
        caller.setblocking(False)
        self.sockets.append(caller)
        return caller

    def accept(self) -> socket.socket:
        found: list[socket.socket] = []

        def accepted() -> bool:
            with contextlib.suppress(BlockingIOError):
                found.append(self.server.accept()[0])
            return bool(found)

        self.until(accepted)
        found[0].setblocking(False)
        self.sockets.append(found[0])
        return found[0]

    def heard(self, sock: socket.socket, size: int) -> bytes:
        got = bytearray()

        def enough() -> bool:
            with contextlib.suppress(BlockingIOError):
                got.extend(sock.recv(1 << 16))
            return len(got) >= size

        self.until(enough)
        return bytes(got)

    def silent(self, sock: socket.socket) -> bool:
        self.turn()
        with contextlib.suppress(BlockingIOError):
            sock.recv(1)
            return False
        return True


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.relay.close()
    for sock in bench.sockets:
        sock.close()


def test_both_ways(bench: Bench) -> None:
    near = bench.call()
    far = bench.accept()
    near.send(b"hello")
    assert bench.heard(far, 5) == b"hello"
    far.send(b"world")
    assert bench.heard(near, 5) == b"world"
    assert (bench.relay.connections, bench.relay.carried_bytes) == (1, [5, 5])


def test_megabytes_pass_unchanged_through_bounded_buffers(bench: Bench) -> None:
    near = bench.call()
    far = bench.accept()
    sent = bytes(range(256)) * (1 << 16)  # 16 MiB
    rest = memoryview(sent)
    got = bytearray()

    def through() -> bool:
        nonlocal rest
        with contextlib.suppress(BlockingIOError):
            rest = rest[near.send(rest[: 1 << 20]) :] if rest else rest
        with contextlib.suppress(BlockingIOError):
            got.extend(far.recv(1 << 20))
        return len(got) == len(sent)

    bench.until(through, turns=100_000)
    assert got == sent


def test_a_cut_way_holds_and_the_other_goes_on(bench: Bench) -> None:
    near = bench.call()
    far = bench.accept()
    bench.relay.there = Fate(cut=True)
    near.send(b"held")
    far.send(b"heard")
    assert bench.heard(near, 5) == b"heard"
    assert bench.silent(far)
    bench.relay.there = PLAIN
    assert bench.heard(far, 4) == b"held"


def test_a_delay_is_waited_for(bench: Bench) -> None:
    near = bench.call()
    far = bench.accept()
    bench.relay.back = Fate(delay_ms=200)
    far.send(b"late")
    assert bench.silent(near)
    bench.now_us = 199_000
    assert bench.silent(near)
    bench.now_us = 200_000
    assert bench.heard(near, 4) == b"late"


@pytest.mark.parametrize("fates", [(Fate(cut=True), PLAIN), (PLAIN, Fate(cut=True))])
def test_nobody_connects_over_a_link_that_is_cut_in_either_direction(
    bench: Bench, fates: tuple[Fate, Fate]
) -> None:
    bench.relay.there, bench.relay.back = fates
    near = bench.call()
    near.send(b"hello?")
    bench.turn()
    with pytest.raises(BlockingIOError):
        bench.server.accept()
    bench.relay.there = bench.relay.back = PLAIN
    assert bench.heard(bench.accept(), 6) == b"hello?"


def test_who_leaves_before_the_link_is_healed_was_never_there(bench: Bench) -> None:
    bench.relay.there = Fate(cut=True)
    bench.call().close()
    bench.turn()
    bench.relay.there = PLAIN
    bench.turn()
    with pytest.raises(BlockingIOError):
        bench.server.accept()


def test_an_end_is_passed_on_after_what_was_sent_before_it(bench: Bench) -> None:
    near = bench.call()
    far = bench.accept()
    bench.relay.there = Fate(delay_ms=1_000)
    near.send(b"last words")
    near.close()
    assert bench.silent(far)
    bench.now_us = SECOND
    assert bench.heard(far, 10) == b"last words"

    def told() -> bool:
        with contextlib.suppress(BlockingIOError):
            return far.recv(1) == b""
        return False

    bench.until(told)
    far.close()
    bench.until(lambda: bench.relay.connections == 0)


def test_an_end_is_not_told_over_a_cut_link(bench: Bench) -> None:
    near = bench.call()
    far = bench.accept()
    bench.relay.there = Fate(cut=True)
    near.close()
    assert bench.silent(far)
    bench.relay.there = PLAIN
    bench.until(lambda: not bench.silent(far))


def test_a_target_that_does_not_listen_refuses(bench: Bench) -> None:
    bench.server.close()
    near = bench.call()

    def refused() -> bool:
        try:
            return near.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    bench.until(refused)
    assert bench.relay.connections == 0
