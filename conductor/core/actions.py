"""What may happen to the core and what it asks of the shell: two closed unions of small values."""

from __future__ import annotations

from typing import NamedTuple

from hive.wire.messages import Message


class Received(NamedTuple):
    """A decoded message of a session. `trusted` sessions came over the private socket."""

    session: int
    message: Message
    trusted: bool = False
    principal: str = ""
    address: str = ""


class Lost(NamedTuple):
    """The session's connection is gone."""

    session: int


class Tick(NamedTuple):
    """Time passed. `lag_us` is how much later than asked the shell woke up: it must not count against nodes."""

    lag_us: int = 0


class Committed(NamedTuple):
    """The store has made these records durable."""

    tokens: tuple[int, ...]


class CommitFailed(NamedTuple):
    """The store could not make these records durable; nothing of them was kept."""

    tokens: tuple[int, ...]
    reason: str


class Drain(NamedTuple):
    """Take no new tasks; the process is to stop."""


class Send(NamedTuple):
    """Send a message; a session that is gone swallows it."""

    session: int
    message: Message


class Persist(NamedTuple):
    """Make a record durable and answer with Committed or CommitFailed for `token`."""

    token: int
    record: dict[str, object]


class CloseSession(NamedTuple):
    """Forget a session: nothing of it is read any more."""

    session: int


Incoming = Received | Lost | Tick | Committed | CommitFailed | Drain
Action = Send | Persist | CloseSession
