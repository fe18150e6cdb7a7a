"""What may happen to the core and what it asks of the shell: two closed unions of small values."""

from __future__ import annotations

from conductor.core.records import Answer, Question, Record, Recovery, Stored
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
class StoodStill:
    """The shell woke up `by_us` later than it had asked for: comes before whatever arrived meanwhile."""

    by_us: int


@record
class Tick:
    """Time passed; `lag_us` says what StoodStill does, to a core that has heard nothing since."""

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
class Known:
    """A Submitted record was not written: the store has a task of that principal with that id."""

    token: int
    task: Stored


@record
class Looked:
    """What the store answers to a question; None where it knows no such task. `failure` says why it cannot tell."""

    token: int
    answer: Answer
    failure: str = ""


@record
class Recovered:
    """What the store held when the process began. The first event of all, if there is anything."""

    found: Recovery


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
    """Make a record durable and answer with Committed, CommitFailed or Known for `token`, unless that is UNHEARD."""

    token: int
    record: Record


@record
class Look:
    """Ask the store and answer with Looked for `token`."""

    token: int
    question: Question


@record
class Dial:
    """Connect to the conductor of `site` and say Opened; if that cannot be, say Lost of the session that it has."""

    site: str
    endpoint: str


@record
class CloseSession:
    """Forget a session: nothing of it is read any more."""

    session: int


Incoming = (
    Received
    | Lost
    | Opened
    | StoodStill
    | Tick
    | Committed
    | CommitFailed
    | Known
    | Looked
    | Recovered
    | Drain
)
Action = Send | Persist | Look | Dial | CloseSession
