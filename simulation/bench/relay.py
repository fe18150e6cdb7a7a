"""The baseline of P1 to P3: a bare two-hop relay, the least that any broker in Python over ZeroMQ can do.

ROUTER to ROUTER with one worker behind it, no header, no decision. `python -m simulation.bench.relay FRONT BACK` is the
relay and `python -m simulation.bench.relay --worker BACK` its echoing worker.
"""

from __future__ import annotations

import sys

import zmq

_HELLO = b"hello"
_PROBES = 300
_PROBE_MS = 100


def relay(front_address: str, back_address: str) -> None:
    """Pass messages of clients to the worker and back, for ever."""
    context = zmq.Context()
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    front.bind(front_address)
    back.bind(back_address)
    poller = zmq.Poller()
    poller.register(front, zmq.POLLIN)
    poller.register(back, zmq.POLLIN)
    worker = b""
    while True:
        ready = dict(poller.poll())
        while back in ready:
            frames = _receive(back)
            if frames is None:
                break
            if frames[1:] == [_HELLO]:
                worker = frames[0]
            else:
                front.send_multipart(frames[1:])
        while front in ready:
            frames = _receive(front)
            if frames is None:
                break
            back.send_multipart([worker, *frames])


def work(back_address: str) -> None:
    """Echo every message, for ever."""
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(back_address)
    socket.send(_HELLO)
    while True:
        socket.send_multipart(socket.recv_multipart())


class RelayClient:
    """A bare DEALER that talks to the relay."""

    def __init__(self, front_address: str, body: bytes) -> None:
        """Connect; every message carries `body` in the three frames that a task has."""
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(front_address)
        self._frames = [bytes(88), b"", body]
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        """Ask until relay and worker answer: what comes before the worker has greeted is dropped.

        Raises TimeoutError after half a minute.
        """
        for number in range(_PROBES):
            probe = [str(number).encode()]
            self._socket.send_multipart(probe)
            while self._socket.poll(_PROBE_MS):
                if self._socket.recv_multipart() == probe:
                    return  # the echoes of earlier probes, if any, came before this one
        raise TimeoutError("The bare relay does not answer.")

    def round_trip(self) -> None:
        """Send one message and wait for its echo."""
        self._socket.send_multipart(self._frames)
        self._socket.recv_multipart()

    def many(self, count: int, in_flight: int) -> None:
        """Exchange `count` messages with `in_flight` of them under way."""
        for _ in range(in_flight):
            self._socket.send_multipart(self._frames)
        for _ in range(count - in_flight):
            self._socket.recv_multipart()
            self._socket.send_multipart(self._frames)
        for _ in range(in_flight):
            self._socket.recv_multipart()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _receive(socket: zmq.Socket[bytes]) -> list[bytes] | None:
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return None


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        work(sys.argv[2])
    else:
        relay(sys.argv[1], sys.argv[2])
