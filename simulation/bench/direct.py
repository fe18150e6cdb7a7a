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

    def __init__(self, endpoint: str, capability: str, body: bytes, *, durable: bool = False) -> None:
        """Connect and greet; `durable` tasks are kept in the store. Raises HiveError(unreachable) if nobody answers."""
        self._flags = Flag.WAIT | Flag.DURABLE if durable else Flag.WAIT
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
        self._submit(in_flight)
        asked, done = in_flight, 0
        while done < count:
            fresh = self._outcomes()
            done += fresh
            more = min(fresh, count - asked)
            self._submit(more)
            asked += more

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _submit(self, count: int) -> None:
        messages = [encode(Submit(self._header(), body=self._body)) for _ in range(count)]
        for frames in messages:
            self._connection.send(frames)

    def _header(self) -> Header:
        now_us = self._clock.now_us()
        return Header(
            self._flags, 5, 0, 0, 0, self._capability, 0, 0, 0, 0, _DEADLINE_US, now_us, 0, new_task_id()
        )  # fmt: skip

    def _outcomes(self) -> int:
        """Wait until outcomes are there, take them all in, and return how many they are."""
        count = 0
        message: Message | None = self._next()
        while message is not None:
            if not isinstance(message, Outcome) or message.state != "done":
                raise AssertionError(f"A task was not done: {message}")
            count += 1
            frames = self._connection.receive()
            message = decode(frames) if frames is not None else None
        return count

    def _next(self) -> Message:
        while True:
            frames = self._connection.receive()
            if frames is not None:
                return decode(frames)
            if not self._poller.wait(_PATIENCE_US):
                raise HiveError("unreachable", "The conductor did not answer within 10 s.")
