"""A worker's loop: receive all that is queued, let the core decide, run a batch, send, and begin again.

Beats come from this loop and from nowhere else, so they prove that it turns.
"""

from __future__ import annotations

import os
import random
import socket
from dataclasses import dataclass
from typing import Final

from hive.clock import Clock
from hive.core.link import Dial, Down, Hangup, Link, LinkAction, LinkState, Up
from hive.core.link import Send as LinkSend
from hive.errors import HiveError
from hive.transport.base import Connection, Poller, Transport
from hive.wire.codec import decode, encode, kind_of, peek_header
from hive.wire.messages import EMPTY, Beat, Hello, Message, Offer, Welcome
from specialists.core.events import (
    Drain,
    Joined,
    Left,
    Malformed,
    NodeAction,
    Ran,
    Received,
    Run,
    Send,
    Turned,
)
from specialists.core.machine import NodeCore
from specialists.signals import Signals
from specialists.worker_pipe import AgentPipe
from specialists.worker_run import Runner
from specialists.worker_spec import WorkerSpec, parse_endpoints

_CONDUCTOR: Final = 0
_IDLE_US: Final = 500_000
_REPORT_US: Final = 500_000
_GOODBYE_US: Final = 200_000
_RECEIVE_MOST: Final = 256  # messages per turn: beyond it a flood would keep the loop from beating


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the node is: what it was told, which boot this is, and what it offers."""

    spec: WorkerSpec
    incarnation: int
    offer: Offer


class Worker:
    """The shell around the node's core and its link: performs what they decide."""

    def __init__(
        self,
        identity: Identity,
        runner: Runner,
        core: NodeCore,
        *,
        transport: Transport,
        pipe: AgentPipe,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Make a worker that is not connected yet."""
        self._identity = identity
        self._runner = runner
        self._core = core
        self._transport = transport
        self._pipe = pipe
        self._clock = clock
        self._link = Link(identity.spec.endpoints, rng)
        self._poller: Poller = transport.poller()
        self._poller.add_fd(pipe.read_fd)
        self._connection: Connection | None = None
        self._report_us = 0
        self._stopping = False
        self._drained = False

    def serve(self, signals: Signals) -> None:
        """Turn until a signal has come and everything is finished, or the agent is gone."""
        self._poller.add_fd(signals.wake_fd)
        self.start()
        while not self._drained and not self.orphaned:
            self._poller.wait(self._wait_us())
            self.turn()
            self._stopping = bool(signals.seen()) or self._stopping
            # A HELLO under way is waited for: work may already be on its way behind the WELCOME.
            if self._stopping and self._link.state is not LinkState.GREETING:
                self._core_do(self._core.handle(Drain(), self._clock.now_us()))
        self._say_goodbye()

    @property
    def orphaned(self) -> bool:
        """Whether the agent is gone."""
        return not self._pipe.open

    def start(self) -> None:
        """Begin to look for the conductor."""
        self._link_do(self._link.start(self._clock.now_us()))

    def turn(self) -> None:
        """Take in what has arrived, then let the core beat and run."""
        if not self._receive():
            self._read_agent()
        now_us = self._clock.now_us()
        self._link_do(self._link.tick(now_us))
        self._core_do(self._core.handle(Turned(), self._clock.now_us()))
        if now_us >= self._report_us:
            self._report_us = now_us + _REPORT_US
            self._pipe.say("beat", turns=self._core.turns, inflight=self._core.inflight)
            self._read_agent()

    def _wait_us(self) -> int:
        now_us = self._clock.now_us()
        due_us = min(now_us + _IDLE_US, self._report_us)
        for next_us in (self._core.next_us, self._link.next_us):
            if next_us is not None:
                due_us = min(due_us, next_us)
        return max(due_us - now_us, 0)

    # What arrives

    def _receive(self) -> bool:
        received = 0
        while (connection := self._connection) is not None and received < _RECEIVE_MOST:
            frames = connection.receive()
            if frames is None:
                if not connection.alive:
                    self._link_do(self._link.failed(self._clock.now_us()))
                break
            received += 1
            self._take(frames)
        return received > 0

    def _take(self, frames: list[bytes]) -> None:
        now_us = self._clock.now_us()
        try:
            message = decode(frames)
        except HiveError as error:
            event = Malformed(_CONDUCTOR, peek_header(frames), kind_of(frames), error.code, error.detail)
            self._core_do(self._core.handle(event, now_us))
            return
        self._link_do(self._link.received(message, now_us))
        if self._link.state is LinkState.UP:
            self._core_do(self._core.handle(Received(_CONDUCTOR, message), now_us))
            if isinstance(message, Welcome):
                self._say_connected(message)

    def _read_agent(self) -> None:
        while (line := self._pipe.line()) is not None:
            endpoints = parse_endpoints(line)
            if endpoints is not None:
                self._link_do(self._link.retarget(endpoints, self._clock.now_us()))

    # What is decided

    def _link_do(self, actions: list[LinkAction]) -> None:
        for action in actions:
            match action:
                case Dial(endpoint):
                    self._dial(endpoint)
                case Hangup():
                    self._hang_up()
                case LinkSend(message):
                    self._send(message)
                case Up(welcome):
                    event = Joined(_CONDUCTOR, self._identity.spec.credit, welcome)
                    self._core_do(self._core.handle(event, self._clock.now_us()))
                case Down():
                    self._say_down(action)

    def _core_do(self, actions: list[NodeAction]) -> None:
        # Encoded first, so that the sends follow each other closely and leave in one call to the kernel.
        encoded = [encode(action.message) if isinstance(action, Send) else None for action in actions]
        for action, frames in zip(actions, encoded, strict=True):
            if isinstance(action, Send):
                self._send(action.message, frames)
            elif isinstance(action, Run):
                self._run(action)
            else:
                self._drained = True

    def _run(self, action: Run) -> None:
        if action.bound_us > _REPORT_US:
            self._pipe.say("running", bound_us=action.bound_us)
        results = self._runner.run(action.works)
        self._core_do(self._core.handle(Ran(results), self._clock.now_us()))

    def _dial(self, endpoint: str) -> None:
        now_us = self._clock.now_us()
        try:
            self._connection = self._transport.connect(endpoint)
        except HiveError as error:
            self._link_do(self._link.failed(now_us, error))
            return
        self._poller.add(self._connection)
        self._link_do(self._link.opened(self._hello(), now_us))

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._poller.remove(connection)
            connection.close()
            self._core_do(self._core.handle(Left(_CONDUCTOR), self._clock.now_us()))

    def _send(self, message: Message, frames: list[bytes] | None = None) -> None:
        """Send, or hang up if it cannot be queued: the core keeps replies, and the next session gets them.

        `frames` is the message encoded, where that was done already.
        """
        if self._connection is None:
            return
        now_us = self._clock.now_us()
        if not self._connection.send(frames or encode(message)):
            self._link_do(self._link.failed(now_us))
        elif isinstance(message, Beat):
            self._link.asked(now_us)

    def _hello(self) -> Hello:
        spec = self._identity.spec
        return Hello(
            EMPTY._replace(sent_us=self._clock.now_us()),
            role="node",
            name=spec.node,
            mesh=spec.mesh,
            site=spec.site,
            incarnation=self._identity.incarnation,
            credit=spec.credit,
            token=spec.token,
            offers=(self._identity.offer,),
            held=self._core.held(_CONDUCTOR),
            unacked=self._core.unacked(_CONDUCTOR),
            pid=os.getpid(),
            agent_pid=spec.agent_pid,
            host=socket.gethostname(),
        )

    # What the agent is told

    def _say_connected(self, welcome: Welcome) -> None:
        about = {"conductor": welcome.conductor, "site": welcome.site, "state": welcome.state}
        self._pipe.say("connected", endpoint=self._link.endpoint, **about)

    def _say_down(self, down: Down) -> None:
        error = down.error
        if error is None:
            self._pipe.say("disconnected", code="", detail="The conductor said goodbye.", was_up=down.was_up)
        elif error.code == "unreachable":
            self._pipe.say("disconnected", code=error.code, detail=error.detail[:1000], was_up=down.was_up)
        else:
            self._pipe.say("refused", code=error.code, detail=error.detail[:1000])

    def _say_goodbye(self) -> None:
        """Let the goodbye reach the conductor: closing drops what is unsent, and it hangs up when it has it."""
        until_us = self._clock.now_us() + _GOODBYE_US
        while (connection := self._connection) is not None and self._drained:
            while connection.receive() is not None:
                pass
            left_us = until_us - self._clock.now_us()
            if not connection.alive or left_us <= 0:
                break
            self._poller.wait(left_us)
        self._transport.close()
