"""A conductor as nodes see it, on a real listener: it welcomes, acknowledges and gives work as a test says.

It has no thread: `until` pumps the listener until a condition holds, so a test never sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hive.errors import HiveError
from hive.ids import TaskId
from hive.transport.base import Listener, Transport
from hive.wire.codec import decode, encode
from hive.wire.messages import (
    EMPTY,
    NO_DEADLINE_US,
    VERSION,
    Ack,
    Answer,
    AttemptRef,
    Beat,
    Bye,
    Header,
    Hello,
    Kind,
    Message,
    Refuse,
    Running,
    Welcome,
    Work,
)

LABELS = ("public", "internal", "pii", "phi")


class Session:
    """One connection of a node."""

    def __init__(self, number: int, hello: Hello) -> None:
        self.number = number
        self.hello = hello
        self.answers: dict[int, Answer] = {}
        self.refusals: list[Refuse] = []
        self.beats: list[Beat] = []
        self.running: list[Running] = []
        self.bye: Bye | None = None
        self.lost = False
        self.received = 0


class FakeSite:
    """Listens, and holds what every node said, by session in order of arrival."""

    def __init__(
        self, transport: Transport, endpoint: str = "tcp://127.0.0.1:*", beat_us: int = 50_000
    ) -> None:
        self.sessions: list[Session] = []
        self.refuse: HiveError | None = None
        self.acknowledges = True
        self.drop: tuple[AttemptRef, ...] = ()
        self._beat_us = beat_us
        self._attempt = 0
        self._by_number: dict[int, Session] = {}
        self._listener: Listener = transport.listen(endpoint)
        self._poller = transport.poller()
        self._poller.add(self._listener)
        self.endpoint = self._listener.endpoint

    def until(self, holds: Callable[[], bool], wait_s: float = 20.0) -> None:
        """Serve until `holds()`; fail after `wait_s`."""
        deadline = time.monotonic() + wait_s
        while not holds():
            assert time.monotonic() < deadline, f"it did not happen in {wait_s} s"
            self._poller.wait(20_000)
            self.pump()

    def pump(self) -> None:
        """Take everything that has arrived."""
        while (item := self._listener.receive()) is not None:
            self._take(item[0], decode(item[1]))
        for number in self._listener.lost():
            if number in self._by_number:
                self._by_number[number].lost = True

    def joined(self, count: int = 1) -> Session:
        """Wait for the session number `count` (from 1) and return it."""
        self.until(lambda: len(self.sessions) >= count)
        return self.sessions[count - 1]

    def give(self, session: Session, text: str, remaining_us: int = NO_DEADLINE_US) -> int:
        """Give work; return its attempt number."""
        self._attempt += 1
        header = Header(
            capability=1,
            epoch=1,
            attempt=self._attempt,
            remaining_us=remaining_us,
            sent_us=time.monotonic_ns() // 1000,
            task=TaskId(self._attempt.to_bytes(16, "big")),
        )
        assert self.send(session, Work(header, (), (text.encode(),)))
        return self._attempt

    def send(self, session: Session, message: Message) -> bool:
        return self.send_frames(session, encode(message))

    def send_frames(self, session: Session, frames: list[bytes]) -> bool:
        return self._listener.send(session.number, frames)

    def close(self) -> None:
        self._poller.remove(self._listener)
        self._listener.close()

    def _take(self, number: int, message: Message) -> None:
        if isinstance(message, Hello):
            self._greet(number, message)
            return
        session = self._by_number[number]
        match message:
            case Answer():
                session.received += 1
                session.answers[message.header.attempt] = message
            case Refuse():
                session.received += 1
                session.refusals.append(message)
            case Beat():
                session.beats.append(message)
                if self.acknowledges:
                    self.send(session, Ack(EMPTY, session.received))
            case Running():
                session.running.append(message)
            case Bye():
                session.bye = message
                self._listener.drop(number)
            case _:
                raise AssertionError(f"a node sent {message!r}")

    def _greet(self, number: int, hello: Hello) -> None:
        session = Session(number, hello)
        self._by_number[number] = session
        if self.refuse is not None:
            self.send(session, Refuse(EMPTY, self.refuse.code, self.refuse.detail, int(Kind.HELLO)))
            return
        ids = {hello.offers[0].capability: 1}
        welcome = Welcome(
            EMPTY,
            VERSION,
            "fake",
            hello.site,
            hello.name,
            "ready",
            (),
            ids,
            LABELS,
            self._beat_us,
            0,
            self.drop,
        )
        self.send(session, welcome)
        self.sessions.append(session)
