"""What every transport promises, held against each adapter."""

from __future__ import annotations

import itertools
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from hive.errors import HiveError
from hive.transport.base import Connection, Listener, Transport
from hive.transport.memory import MemoryTransport
from hive.transport.zeromq import ZmqTransport
from hive.wire.codec import MAX_BODY_BYTES, MAX_FRAMES

T = TypeVar("T")
QUEUE = 20
WAIT_S = 5.0
_names = itertools.count()


class Bench:
    """A transport, its endpoints, and waiting on a condition instead of for a time."""

    def __init__(self, transport: Transport, kind: str, folder: Path) -> None:
        self.transport = transport
        self._kind = kind
        self._folder = folder

    def free_endpoint(self) -> str:
        if self._kind == "tcp":
            return "tcp://127.0.0.1:*"
        if self._kind == "ipc":
            return f"ipc://{self._folder}/s{next(_names)}"
        return "memory://*"

    def listen(self) -> Listener:
        return self.transport.listen(self.free_endpoint())

    def until(self, *sources: Listener | Connection, get: Callable[[], T | None]) -> T:
        poller = self.transport.poller()
        for source in sources:
            poller.add(source)
        deadline = time.monotonic() + WAIT_S
        try:
            while not (found := get()):
                assert time.monotonic() < deadline, "nothing came"
                poller.wait(50_000)
            return found
        finally:
            for source in sources:
                poller.remove(source)

    def next_of(self, source: Listener) -> tuple[int, list[bytes]]:
        return self.until(source, get=source.receive)

    def answer(self, source: Connection) -> list[bytes]:
        return self.until(source, get=source.receive)

    def lost(self, source: Listener) -> list[int]:
        """Drain, then ask, as an owner of a listener does."""

        def ended() -> list[int]:
            while source.receive():
                pass
            return source.lost()

        return self.until(source, get=ended)

    def greeted(self, listener: Listener) -> tuple[int, Connection]:
        connection = self.transport.connect(listener.endpoint)
        assert connection.send([b"hello", b""])
        session, frames = self.next_of(listener)
        assert frames == [b"hello", b""]
        return session, connection

    def ended(self, connection: Connection) -> None:
        self.until(connection, get=lambda: not connection.alive)


@pytest.fixture(params=["memory", "tcp", "ipc"])
def bench(request: pytest.FixtureRequest, hive_home: Path) -> Iterator[Bench]:
    kind: str = request.param
    make = MemoryTransport if kind == "memory" else ZmqTransport
    transport: Transport = make(queue_messages=QUEUE)
    yield Bench(transport, kind, hive_home)
    transport.close()


def test_a_message_and_its_answer_keep_their_frames(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    frames = [b"\0" * 104, b"", b"body", b"\xff" * 300]
    assert connection.send(frames)
    assert bench.next_of(listener) == (session, frames)
    assert listener.send(session, frames)
    assert bench.answer(connection) == frames


def test_a_message_of_one_frame_is_one(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    assert connection.send([b"a"])
    assert connection.send([b"b"])
    assert bench.next_of(listener) == (session, [b"a"])
    assert bench.next_of(listener) == (session, [b"b"])
    assert listener.send(session, [b"c"])
    assert bench.answer(connection) == [b"c"]


def test_messages_of_a_session_keep_their_order(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    received = []
    for number in range(200):
        assert bench.until(connection, get=lambda n=number: connection.send([b"%d" % n, b""]))
        received.append(bench.next_of(listener))
    assert received == [(session, [b"%d" % n, b""]) for n in range(200)]


def test_sessions_are_numbered_from_one_and_never_reused(bench: Bench) -> None:
    listener = bench.listen()
    for expected in (1, 2, 3):
        session, connection = bench.greeted(listener)
        assert session == expected
        connection.close()
        assert bench.lost(listener) == [expected]


def test_two_sessions_get_their_own_answers(bench: Bench) -> None:
    listener = bench.listen()
    first, one = bench.greeted(listener)
    second, two = bench.greeted(listener)
    assert listener.send(second, [b"for two", b""])
    assert listener.send(first, [b"for one", b""])
    assert bench.answer(one) == [b"for one", b""]
    assert bench.answer(two) == [b"for two", b""]


def test_nothing_to_receive_is_none(bench: Bench) -> None:
    listener = bench.listen()
    assert listener.receive() is None
    session, connection = bench.greeted(listener)
    assert listener.receive() is None
    assert listener.receive() is None
    assert connection.receive() is None
    assert listener.lost() == []
    assert session


def test_an_idle_poller_waits_no_longer_than_told(bench: Bench) -> None:
    listener = bench.listen()
    _, connection = bench.greeted(listener)
    poller = bench.transport.poller()
    poller.add(listener)
    poller.add(connection)
    assert connection.alive
    assert listener.receive() is None
    assert listener.lost() == []
    bench.until(get=lambda: not poller.wait(0))
    assert poller.wait(1000) is False
    poller.remove(listener)
    poller.remove(connection)


def test_a_poller_wakes_for_a_plain_descriptor(bench: Bench) -> None:
    poller = bench.transport.poller()
    reader, writer = os.pipe()
    poller.add_fd(reader)
    assert poller.wait(0) is False
    os.write(writer, b"x")
    assert poller.wait(-1) is True
    os.close(reader)
    os.close(writer)


def fill(send: Callable[[list[bytes]], bool], body: bytes) -> int:
    """Send until there has been no room for 50 ms; return how many messages were taken."""
    taken = 0
    refused_since = time.monotonic()
    while time.monotonic() - refused_since < 0.05:
        if send([b"%d" % taken, body]):
            taken += 1
            refused_since = time.monotonic()
        assert taken < 5_000
    return taken


def test_a_full_queue_towards_the_listener_refuses_and_loses_nothing(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    taken = fill(connection.send, bytes(1 << 18))
    assert taken >= QUEUE
    for number in range(taken):
        sender, frames = bench.next_of(listener)
        assert (sender, frames[0]) == (session, b"%d" % number)
    assert listener.receive() is None
    assert bench.until(get=lambda: connection.send([b"more", b""]))
    assert bench.next_of(listener) == (session, [b"more", b""])


def test_a_full_queue_towards_a_connection_refuses_and_loses_nothing(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    other, reader = bench.greeted(listener)
    taken = fill(lambda frames: listener.send(session, frames), bytes(1 << 18))
    assert taken >= QUEUE
    assert listener.send(other, [b"free", b""])
    assert bench.answer(reader) == [b"free", b""]
    assert [bench.answer(connection)[0] for _ in range(taken)] == [b"%d" % n for n in range(taken)]
    assert connection.receive() is None
    assert bench.until(get=lambda: listener.send(session, [b"more", b""]))
    assert bench.answer(connection) == [b"more", b""]
    assert listener.lost() == []


def test_a_closed_connection_is_lost_once(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    connection.close()
    assert bench.lost(listener) == [session]
    assert listener.lost() == []
    assert listener.send(session, [b"late", b""]) is False
    assert listener.lost() == []


def test_what_was_sent_before_the_end_is_received_before_the_loss_is_told(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    assert connection.send([b"1", b""])
    assert bench.next_of(listener) == (session, [b"1", b""])
    for number in range(2, 10):
        assert connection.send([b"%d" % number, b""])
    assert listener.send(session, [b"seen", b""])
    assert bench.answer(connection) == [b"seen", b""]
    # The listener's own receive shows that the messages have arrived; then the connection ends.
    assert bench.next_of(listener) == (session, [b"2", b""])
    rest: list[bytes] = []
    while len(rest) < 7:
        rest.append(bench.next_of(listener)[1][0])
    connection.close()
    assert bench.lost(listener) == [session]
    assert rest == [b"%d" % n for n in range(3, 10)]


def test_a_reconnect_is_a_new_session(bench: Bench) -> None:
    listener = bench.listen()
    first, connection = bench.greeted(listener)
    connection.close()
    second, again = bench.greeted(listener)
    assert second != first
    assert bench.lost(listener) == [first]
    assert listener.send(second, [b"hi", b""])
    assert bench.answer(again) == [b"hi", b""]


def test_a_dropped_session_is_neither_heard_nor_reached_nor_lost(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    _, other = bench.greeted(listener)
    listener.drop(session)
    assert connection.send([b"ignored", b""])
    assert other.send([b"heard", b""])
    assert bench.next_of(listener)[1] == [b"heard", b""]
    assert listener.receive() is None
    assert listener.send(session, [b"x", b""]) is False
    connection.close()
    other.close()
    assert bench.lost(listener) == [session + 1]
    assert listener.lost() == []
    listener.drop(session)


def test_big_frames_travel_whole(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    body = bytes(range(256)) * (MAX_BODY_BYTES // 256)
    assert connection.send([b"head", b"", body])
    assert bench.next_of(listener) == (session, [b"head", b"", body])
    assert listener.send(session, [b"head", body])
    assert bench.answer(connection) == [b"head", body]


def test_a_frame_beyond_the_limit_ends_the_connection(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    connection.send([b"head", bytes(MAX_BODY_BYTES + (1 << 20))])
    assert bench.lost(listener) == [session]
    bench.ended(connection)
    assert connection.send([b"more"]) is False


def test_of_too_many_frames_one_too_many_is_returned(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    assert connection.send([b"x"] * MAX_FRAMES)
    assert connection.send([b"x"] * 5_000)
    assert connection.send([b"after", b""])
    assert bench.next_of(listener) == (session, [b"x"] * MAX_FRAMES)
    assert bench.next_of(listener) == (session, [b"x"] * (MAX_FRAMES + 1))
    assert bench.next_of(listener) == (session, [b"after", b""])


def test_closing_the_listener_ends_its_connections(bench: Bench) -> None:
    listener = bench.listen()
    _, connection = bench.greeted(listener)
    assert connection.alive
    listener.close()
    bench.ended(connection)
    assert connection.send([b"x"]) is False


def test_a_refused_connection_is_not_alive(bench: Bench) -> None:
    listener = bench.listen()
    endpoint = listener.endpoint
    listener.close()
    connection = bench.transport.connect(endpoint)
    bench.ended(connection)
    assert connection.receive() is None


def test_closing_twice_is_fine_and_closed_sources_do_nothing(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    connection.close()
    connection.close()
    assert (connection.alive, connection.send([b"x"]), connection.receive()) == (False, False, None)
    listener.close()
    listener.close()
    assert (listener.send(session, [b"x"]), listener.receive(), listener.lost()) == (False, None, [])


def test_an_address_is_taken_until_it_is_closed(bench: Bench) -> None:
    listener = bench.listen()
    with pytest.raises(HiveError) as caught:
        bench.transport.listen(listener.endpoint)
    assert caught.value.code == "address_in_use"
    endpoint = listener.endpoint
    _, connection = bench.greeted(listener)
    connection.close()
    listener.close()
    again = bench.transport.listen(endpoint)
    assert again.endpoint == endpoint
    bench.greeted(again)


@pytest.mark.parametrize(
    "endpoint", ["", "nonsense", "tcp://127.0.0.1", "tcp://:1", "tcp://h:70000", "ipc://", "http://h:1"]
)
def test_what_is_no_address_is_refused_with_a_sentence(bench: Bench, endpoint: str) -> None:
    for call in (bench.transport.listen, bench.transport.connect):
        with pytest.raises(HiveError) as caught:
            call(endpoint)
        assert caught.value.code == "bad_request"
        assert caught.value.detail.endswith(".")


def test_the_descriptor_wakes_an_event_loop(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)

    def readable(source: Listener | Connection) -> bool:
        return bool(select.select([source.fileno()], [], [], WAIT_S)[0])

    def heard() -> bool:
        assert readable(connection)
        return connection.receive() == [b"x", b""]

    def ended() -> bool:
        assert readable(connection)
        while connection.receive():
            pass
        return not connection.alive

    assert connection.receive() is None
    assert listener.send(session, [b"x", b""])
    assert bench.until(get=heard)
    assert connection.receive() is None
    assert connection.alive
    listener.close()
    assert bench.until(get=ended)


def test_the_descriptor_of_a_listener_wakes_for_a_loss(bench: Bench) -> None:
    listener = bench.listen()
    session, connection = bench.greeted(listener)
    assert (listener.receive(), listener.lost()) == (None, [])
    connection.close()

    def lost() -> list[int]:
        assert select.select([listener.fileno()], [], [], WAIT_S)[0]
        while listener.receive():
            pass
        return listener.lost()

    assert bench.until(get=lost) == [session]
