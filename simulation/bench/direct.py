"""A caller that speaks the wire protocol with nothing around it, to load the conductor rather than the caller."""

from __future__ import annotations

from typing import Final

from hive.clock import SystemClock
from hive.errors import HiveError
from hive.ids import new_task_id
from hive.transport.zeromq import ZmqTransport
from hive.wire.codec import decode, encode
from hive.wire.messages import EMPTY, Flag, Header, Hello, Message, Outcome, Submit, Welcome

_PATIENCE_US: Final = 10_000_000
_DEADLINE_US: Final = 30_000_000


class DirectClient:
    """Keeps a number of tasks of one capability in flight on one connection."""

    def __init__(self, endpoint: str, capability: str, body: bytes) -> None:
        """Connect and greet. Raises HiveError(unreachable) if nobody answers."""
        self._transport = ZmqTransport()
        self._connection = self._transport.connect(endpoint)
        self._poller = self._transport.poller()
        self._poller.add(self._connection)
        self._clock = SystemClock()
        self._body = (body,)
        self._connection.send(encode(Hello(EMPTY, "client", "local", "")))
        welcome = self._next()
        if not isinstance(welcome, Welcome):
            raise HiveError("unreachable", f"The conductor at {endpoint} answered {welcome}.")
        self._capability = welcome.capabilities[capability]

    def many(self, count: int, in_flight: int) -> None:
        """Run `count` tasks with `in_flight` under way. Raises AssertionError if one is not done."""
        for _ in range(in_flight):
            self._submit()
        for _ in range(count - in_flight):
            self._expect_done()
            self._submit()
        for _ in range(in_flight):
            self._expect_done()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _submit(self) -> None:
        now_us = self._clock.now_us()
        header = Header(
            Flag.WAIT, 5, 0, 0, 0, self._capability, 0, 0, 0, 0, _DEADLINE_US, now_us, 0, new_task_id()
        )  # fmt: skip
        self._connection.send(encode(Submit(header, body=self._body)))

    def _expect_done(self) -> None:
        message = self._next()
        if not isinstance(message, Outcome) or message.state != "done":
            raise AssertionError(f"A task was not done: {message}")

    def _next(self) -> Message:
        while True:
            frames = self._connection.receive()
            if frames is not None:
                return decode(frames)
            if not self._poller.wait(_PATIENCE_US):
                raise HiveError("unreachable", "The conductor did not answer within 10 s.")
