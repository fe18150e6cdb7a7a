"""The control process's session with its dispatcher, on an asyncio loop."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from typing import Final

from hive.clock import Clock
from hive.core.link import Dial, Down, Hangup, Link, LinkAction, LinkState, Send, Up
from hive.errors import HiveError
from hive.transport.base import Connection, Transport
from hive.wire.codec import decode, encode
from hive.wire.messages import EMPTY, Hello, Message

_NAP_S: Final = 0.1
"""Longest time between two looks; a safety net, messages wake the loop earlier."""


class ControlSession:
    """Dials for ever. `up` is called when a session works, `heard` for every other message."""

    def __init__(
        self,
        transport: Transport,
        endpoint: str,
        mesh: str,
        clock: Clock,
        up: Callable[[], None],
        heard: Callable[[Message], None],
    ) -> None:
        """Make an idle session; `start` it inside the loop."""
        self._transport = transport
        self._mesh = mesh
        self._clock = clock
        self._on_up = up
        self._on_heard = heard
        self._link = Link([endpoint], random.Random(os.urandom(8)))
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.error: HiveError | None = None

    @property
    def up(self) -> bool:
        """Say whether the dispatcher is there."""
        return self._link.state is LinkState.UP

    def start(self) -> None:
        """Begin to dial."""
        self._do(self._link.start(self._clock.now_us()))
        self._pump()

    def stop(self) -> None:
        """Hang up for good."""
        if self._timer is not None:
            self._timer.cancel()
        self._do(self._link.stop())

    def again(self) -> None:
        """Begin a new session: the dispatcher asks a control process that comes about every node and open plan."""
        self._do(self._link.failed(self._clock.now_us()))

    def send(self, message: Message) -> bool:
        """Send a message; False if the dispatcher is away, which asks again when it is back."""
        return self.up and self._connection is not None and self._connection.send(encode(message))

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        while (connection := self._connection) is not None:
            frames = connection.receive()
            if frames is None:
                if not connection.alive:
                    self._do(self._link.failed(self._clock.now_us()))
                break
            self._received(frames)
        self._do(self._link.tick(self._clock.now_us()))
        self._timer = asyncio.get_running_loop().call_later(_NAP_S, self._pump)

    def _received(self, frames: list[bytes]) -> None:
        now_us = self._clock.now_us()
        try:
            message = decode(frames)
        except HiveError as error:
            self._do(self._link.failed(now_us, error))
            return
        was_up = self.up
        self._do(self._link.received(message, now_us))
        if was_up and self.up:
            self._on_heard(message)

    def _do(self, actions: list[LinkAction]) -> None:
        for action in actions:
            match action:
                case Dial(endpoint):
                    self._dial(endpoint)
                case Hangup():
                    self._hang_up()
                case Send(message):
                    if self._connection is not None:
                        self._connection.send(encode(message))
                case Up():
                    self.error = None
                    self._on_up()
                case Down(error):
                    self.error = error

    def _dial(self, endpoint: str) -> None:
        now_us = self._clock.now_us()
        try:
            self._connection = self._transport.connect(endpoint)
        except HiveError as error:
            self._do(self._link.failed(now_us, error))
            return
        asyncio.get_running_loop().add_reader(self._connection.fileno(), self._pump)
        hello = Hello(EMPTY._replace(sent_us=now_us), "control", "control", self._mesh, pid=os.getpid())
        self._do(self._link.opened(hello, now_us))

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            asyncio.get_running_loop().remove_reader(connection.fileno())
            connection.close()
