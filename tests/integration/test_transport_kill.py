"""What only real sockets and processes can show: deaths, garbage and descriptors that are used again at once."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from hive.transport.fd_poller import FdPoller
from hive.transport.zeromq import ZmqListener, ZmqTransport

pytestmark = pytest.mark.integration

WAIT_S = 5.0
_PEER = """
import sys, time
from hive.transport.zeromq import ZmqTransport
connection = ZmqTransport().connect(sys.argv[1])
connection.send([b"hello", b""])
time.sleep(60)
"""


@pytest.fixture
def transport() -> Iterator[ZmqTransport]:
    transport = ZmqTransport()
    yield transport
    transport.close()


@pytest.fixture(params=["tcp", "ipc"])
def listener(request: pytest.FixtureRequest, transport: ZmqTransport, hive_home: Path) -> ZmqListener:
    endpoint = "tcp://127.0.0.1:*" if request.param == "tcp" else f"ipc://{hive_home}/kill"
    return transport.listen(endpoint)


def poll(listener: ZmqListener, done: Callable[[], bool], wait_s: float = WAIT_S) -> None:
    poller = FdPoller()
    poller.add(listener)
    deadline = time.monotonic() + wait_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        poller.wait(50_000)
    poller.remove(listener)


def test_a_killed_peer_is_lost_within_a_second(listener: ZmqListener) -> None:
    peer = subprocess.Popen([sys.executable, "-c", _PEER, listener.endpoint])
    heard: list[int] = []

    def hello() -> bool:
        message = listener.receive()
        if message:
            heard.append(message[0])
        return bool(heard)

    poll(listener, hello, wait_s=20)
    os.kill(peer.pid, signal.SIGKILL)
    poll(listener, lambda: listener.lost() == heard, wait_s=1.0)
    peer.wait()


def test_a_listener_killed_with_its_process_ends_the_connection(transport: ZmqTransport) -> None:
    code = (
        "import sys\n"
        "from hive.transport.zeromq import ZmqTransport\n"
        "listener = ZmqTransport().listen('tcp://127.0.0.1:*')\n"
        "print(listener.endpoint, flush=True)\n"
        "sys.stdin.read()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin
    assert server.stdout
    connection = transport.connect(server.stdout.readline().strip())
    assert connection.send([b"hello", b""])
    poller = transport.poller()
    poller.add(connection)
    assert connection.alive
    server.kill()
    deadline = time.monotonic() + 1.0
    while connection.alive:
        assert time.monotonic() < deadline
        poller.wait(50_000)
    poller.remove(connection)
    server.communicate()


def test_every_session_of_a_storm_is_lost_once(transport: ZmqTransport) -> None:
    """Connections that speak and leave while nobody listens share a few descriptors."""
    listener = transport.listen("tcp://127.0.0.1:*")
    peers = ZmqTransport()
    stay = peers.connect(listener.endpoint)
    assert stay.send([b"stay", b""])
    sessions: dict[int, bytes] = {}
    lost: list[int] = []

    def step(*, fetch_lost: bool) -> None:
        while message := listener.receive():
            sessions[message[0]] = message[1][0]
        if fetch_lost:
            lost.extend(listener.lost())

    for number in range(300):
        peer = peers.connect(listener.endpoint)
        peer.send([b"%d" % number, b""])
        for _ in range(number % 7):
            step(fetch_lost=number % 2 == 0)
        peer.close()
    last = peers.connect(listener.endpoint)
    assert last.send([b"last", b""])
    poll(listener, lambda: step(fetch_lost=True) or b"last" in sessions.values())
    poll(listener, lambda: step(fetch_lost=True) or len(lost) >= len(sessions) - 2)
    living = {session for session, name in sessions.items() if name in {b"stay", b"last"}}
    assert sorted(lost) == sorted(set(sessions) - living)
    peers.close()
    poll(listener, lambda: step(fetch_lost=True) or set(lost) == set(sessions))
    assert len(lost) == len(set(lost))


def test_garbage_and_half_open_connections_cost_nothing(transport: ZmqTransport) -> None:
    listener = transport.listen("tcp://127.0.0.1:*")
    host, _, port = listener.endpoint.removeprefix("tcp://").rpartition(":")
    half_open = [socket.create_connection((host, int(port))) for _ in range(20)]
    for garbage in (b"GET / HTTP/1.0\r\n\r\n", b"\0" * 64, b"\xff" * 64, b"\x01\0\x03\0ab" * 5):
        for _ in range(10):
            with socket.create_connection((host, int(port))) as peer:
                peer.sendall(garbage)
    good = transport.connect(listener.endpoint)
    assert good.send([b"hello", b""])
    received: list[tuple[int, list[bytes]]] = []

    def take() -> bool:
        message = listener.receive()
        if message:
            received.append(message)
        return bool(received)

    poll(listener, take)
    assert received == [(1, [b"hello", b""])]
    assert listener.lost() == []
    for peer in half_open:
        peer.close()
    good.close()
    lost: list[int] = []

    def end() -> bool:
        while listener.receive():
            pass
        lost.extend(listener.lost())
        return bool(lost)

    poll(listener, end)
    assert lost == [1]


def test_a_half_open_connection_is_cut_after_the_handshake_time(transport: ZmqTransport) -> None:
    listener = transport.listen("tcp://127.0.0.1:*")
    host, _, port = listener.endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as peer:
        while peer.recv(4096):
            pass


def test_a_peer_that_names_itself_is_ignored(transport: ZmqTransport) -> None:
    listener = transport.listen("tcp://127.0.0.1:*")
    context = zmq.Context()
    forger = context.socket(zmq.DEALER)
    forger.setsockopt(zmq.ROUTING_ID, b"node-1")
    forger.setsockopt(zmq.LINGER, 0)
    forger.connect(listener.endpoint)
    forger.send_multipart([b"forged", b""])
    time_out = time.monotonic() + 0.2
    poller = transport.poller()
    poller.add(listener)
    while time.monotonic() < time_out:
        assert listener.receive() is None
        poller.wait(20_000)
    honest = transport.connect(listener.endpoint)
    assert honest.send([b"honest", b""])
    received: list[tuple[int, list[bytes]]] = []

    def take() -> bool:
        message = listener.receive()
        if message:
            received.append(message)
        return bool(received)

    poll(listener, take)
    assert received == [(1, [b"honest", b""])]
    forger.close()
    context.term()


def test_a_message_that_comes_while_a_loss_is_looked_at_is_not_forgotten(
    transport: ZmqTransport, listener: ZmqListener
) -> None:
    poller = FdPoller()
    poller.add(listener)
    leaving, staying = transport.connect(listener.endpoint), transport.connect(listener.endpoint)
    assert leaving.send([b"one"])
    assert staying.send([b"two"])
    greeted = 0
    while greeted < 2:
        assert poller.wait(5_000_000)
        while listener.receive() is not None:
            greeted += 1
        listener.lost()
    leaving.close()
    while not listener.signalled:
        assert poller.wait(5_000_000)
        while listener.receive() is not None:
            pass
    assert staying.send([b"three"])
    assert select.select([listener.fds[0]], [], [], 5)[0], "the message is there, and nobody has looked"
    ended = listener.lost()  # asks whether anything is there before it tells of a loss
    received = []
    while not (received and ended):
        assert poller.wait(1_000_000), "the message was there, and nobody was told"
        while (item := listener.receive()) is not None:
            received.append(item[1])
        ended += listener.lost()
    assert received == [[b"three"]]
    assert len(ended) == 1
