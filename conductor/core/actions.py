"""What may happen to the core and what it asks of the shell: two closed unions of small values."""

from __future__ import annotations

from hive.record import record
from hive.wire.messages import Message


@record
class Received:
    """A decoded message of a session. `trusted` sessions came over the private socket."""

    session: int
    message: Message
    trusted: bool = False
    principal: str = ""
    address: str = ""


@record
class Lost:
    """The session's connection is gone."""

    session: int


@record
class Opened:
    """The connection of the last Dial to `site` exists, as this session."""

    session: int
    site: str


@record
class Tick:
    """Time passed. `lag_us` is how much later than asked the shell woke up: it must not count against nodes."""

    lag_us: int = 0


@record
class Committed:
    """The store has made these records durable."""

    tokens: tuple[int, ...]


@record
class CommitFailed:
    """The store could not make these records durable; nothing of them was kept."""

    tokens: tuple[int, ...]
    reason: str


@record
class Drain:
    """Take no new tasks; the process is to stop."""


@record
class Send:
    """Send a message; a session that is gone swallows it."""

    session: int
    message: Message


@record
class Persist:
    """Make a record durable and answer with Committed or CommitFailed for `token`."""

    token: int
    record: dict[str, object]


@record
class Dial:
    """Connect to the conductor of `site` and say Opened; if that cannot be, say Lost of the session that it has."""

    site: str
    endpoint: str


@record
class CloseSession:
    """Forget a session: nothing of it is read any more."""

    session: int


Incoming = Received | Lost | Opened | Tick | Committed | CommitFailed | Drain
Action = Send | Persist | Dial | CloseSession
