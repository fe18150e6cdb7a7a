"""One caller's session with a conductor: performs what the Link and the ClientCore decide, without blocking.

The synchronous port and the asyncio one both drive this; they differ only in how they wait.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hive.clock import Clock
from hive.core.client import ClientCore, ClientTuning
from hive.core.client_events import (
    Answer,
    Arrived,
    Ask,
    ClientAction,
    Closed,
    Finished,
    GiveUp,
    Opened,
    Progress,
    Tick,
    Unsent,
    Withdraw,
)
from hive.core.link import Dial, Down, Hangup, Link, LinkAction, LinkState, Send, Up
from hive.errors import HiveError
from hive.labels import BUILTIN, LabelTable
from hive.transport.base import Connection, Transport
from hive.wire.codec import decode, encode
from hive.wire.messages import EMPTY, Event, Hello, Message, Query, Welcome

_PROBE_US: Final = 1_000_000
"""After this much silence with requests open, the conductor is asked for a sign of life."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who the caller says it is. An empty mesh means whichever mesh answers."""

    role: str = "client"
    name: str = "local"
    mesh: str = ""
    token: str = ""


class Observer:
    """What the owner of a session wants to know. The default does nothing."""

    def connected(self, connection: Connection) -> None:
        """A connection was opened: wait for it from now on."""

    def disconnected(self, connection: Connection) -> None:
        """The connection is about to be closed: stop waiting for it."""

    def welcomed(self, welcome: Welcome) -> None:
        """The session works; unanswered requests are sent next."""

    def finished(self, number: int, answer: Answer) -> None:
        """A request is over."""

    def progress(self, number: int, event: Event) -> None:
        """A watched task changed."""


class Session:
    """Session after session with one of `endpoints`. No method blocks; `pump` must be called when there may be news."""

    def __init__(
        self,
        transport: Transport,
        endpoints: Iterable[str],
        greeting: Greeting,
        clock: Clock,
        observer: Observer,
        tuning: ClientTuning | None = None,
    ) -> None:
        """Make an idle session."""
        rng = random.Random(os.urandom(8))
        self._transport = transport
        self._greeting = greeting
        self._clock = clock
        self._observer = observer
        self._link = Link(tuple(endpoints), rng)
        self._core = ClientCore(rng, tuning)
        self._connection: Connection | None = None
        self._heard_us = 0
        self.welcome: Welcome | None = None
        self.labels = LabelTable()
        self.error: HiveError | None = None

    @property
    def up(self) -> bool:
        """Say whether a session works right now."""
        return self._core.up

    @property
    def endpoint(self) -> str:
        """The endpoint in use, or the next one to dial."""
        return self._link.endpoint

    def __len__(self) -> int:
        """Return the number of open requests."""
        return len(self._core)

    def number(self) -> int:
        """Return the number of a new request, for its `header.attempt`."""
        return self._core.number()

    def start(self) -> None:
        """Begin to dial."""
        self._do(self._link.start(self._clock.now_us()))

    def stop(self, error: HiveError) -> None:
        """End every request with `error` and close the connection."""
        self._do(self._core.handle(GiveUp(error), self._clock.now_us()))
        self._do(self._core.handle(Closed(), self._clock.now_us()))
        self._do(self._link.stop())

    def ask(self, ask: Ask) -> None:
        """Open a request. Raises HiveError(queue_full) where too many are open."""
        now_us = self._clock.now_us()
        if not len(self._core):
            self._heard_us = now_us  # silence counts only while something is open
        self._do(self._core.handle(ask, now_us))

    def withdraw(self, number: int) -> None:
        """Forget a request that nobody waits for any more."""
        self._core.handle(Withdraw(number), self._clock.now_us())

    def next_us(self) -> int:
        """Return when `pump` has something to do even without news, in microseconds; -1: never."""
        due = [self._core.next_us()]
        if self._link.next_us is not None:
            due.append(self._link.next_us)
        if self._core.up and len(self._core):
            due.append(self._heard_us + _PROBE_US)
        return min((instant for instant in due if instant >= 0), default=-1)

    def pump(self) -> bool:
        """Take in what arrived and what time has brought. Return whether a message was there."""
        busy = False
        while (connection := self._connection) is not None:
            frames = connection.receive()
            if frames is None:
                break
            busy = True
            self._received(frames)
            if not len(self._core):
                return True  # nobody waits: a caller of one request at a time is served without another look
        now_us = self._clock.now_us()
        if connection is not None and not busy and not connection.alive:
            self._do(self._link.failed(now_us))
        self._do(self._link.tick(now_us))
        due_us = self._core.next_us()
        if 0 <= due_us <= now_us:
            self._do(self._core.handle(Tick(), now_us))
        if self._core.up and len(self._core) and now_us - self._heard_us >= _PROBE_US:
            self._probe(now_us)
        return busy

    def _received(self, frames: list[bytes]) -> None:
        now_us = self._heard_us = self._clock.now_us()
        try:
            message = decode(frames)
        except HiveError as error:
            self._do(self._link.failed(now_us, error))
            return
        self._do(self._link.received(message, now_us))
        if self._link.state is LinkState.UP:
            self._do(self._core.handle(Arrived(message), now_us))

    def _probe(self, now_us: int) -> None:
        self._heard_us = now_us  # so that the next one is a second away
        self._link.asked(now_us)
        self._send(Query(EMPTY._replace(sent_us=now_us), 0, "status"))

    def _do(self, actions: Iterable[LinkAction | ClientAction]) -> None:
        for action in actions:
            match action:
                case Finished(number, answer):
                    self._observer.finished(number, answer)
                case Send(message):
                    if not self._send(message):
                        self._core.handle(Unsent(message.header.attempt), self._clock.now_us())
                case Progress(number, event):
                    self._observer.progress(number, event)
                case Up(welcome):
                    self._up(welcome)
                case Down(error):
                    self.error = error
                    self._do(self._core.handle(Closed(), self._clock.now_us()))
                case Dial(endpoint):
                    self._dial(endpoint)
                case Hangup():
                    self._hang_up()

    def _up(self, welcome: Welcome) -> None:
        self.welcome = welcome
        self.error = None
        self.labels = LabelTable([name for name in welcome.labels if name not in BUILTIN])
        self._heard_us = self._clock.now_us()
        self._observer.welcomed(welcome)
        self._do(self._core.handle(Opened(), self._clock.now_us()))

    def _dial(self, endpoint: str) -> None:
        try:
            self._connection = self._transport.connect(endpoint)
        except HiveError as error:
            self._do(self._link.failed(self._clock.now_us(), error))
            return
        self._observer.connected(self._connection)
        who = self._greeting
        header = EMPTY._replace(sent_us=self._clock.now_us())
        host = socket.gethostname()
        hello = Hello(header, who.role, who.name, who.mesh, token=who.token, pid=os.getpid(), host=host)
        self._do(self._link.opened(hello, self._clock.now_us()))

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._observer.disconnected(connection)
            connection.close()

    def _send(self, message: Message) -> bool:
        return self._connection is not None and self._connection.send(encode(message))
