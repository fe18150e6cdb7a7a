"""What happens to a node, and what it decides to do about it: closed unions of frozen values.

A grantor is who may give the node work: its conductor today, callers on the LAN later. The shell numbers them; a
grantor keeps its number over reconnects, so that what it gave survives them.
"""

from __future__ import annotations

from dataclasses import field

from hive.record import record
from hive.wire.messages import Header, Message, Welcome, Work


@record
class Joined:
    """A session with a grantor works; `credit` is what the HELLO granted."""

    grantor: int
    credit: int
    welcome: Welcome


@record
class Left:
    """The session is over. With `forget` the grantor will not return, and what it gave is dropped."""

    grantor: int
    forget: bool = False


@record
class Received:
    """A message of a grantor arrived."""

    grantor: int
    message: Message


@record
class Malformed:
    """Frames of a grantor arrived that are no message; `header` and `kind` are what could be read of them."""

    grantor: int
    header: Header
    kind: int
    code: str
    detail: str


@record
class Turned:
    """The work loop has handed in everything that was queued at its sockets: time to beat, and to run."""


@record
class Done:
    """The result of one attempt: body frames, confidence from 0 to 1, and the labels that the model removed."""

    body: tuple[bytes, ...]
    confidence: float = 1.0
    unsure: bool = False
    removes: tuple[str, ...] = ()


@record
class Failed:
    """The attempt has no result; `code` is one of the error catalogue."""

    code: str
    detail: str = ""
    context: dict[str, object] = field(default_factory=dict)


Result = Done | Failed


@record
class Ran:
    """The last Run is over: one result per work, in its order."""

    results: tuple[Result, ...]


@record
class Drain:
    """Stop in good order: take nothing new, finish, say goodbye."""


NodeEvent = Joined | Left | Received | Malformed | Turned | Ran | Drain


@record
class Send:
    """Send a message to a grantor. If it cannot be queued, hang up: the next session sends it again."""

    grantor: int
    message: Message


@record
class Run:
    """Run these together now and report with Ran; it should take no longer than `bound_us`.

    There is never more than one Run under way.
    """

    works: tuple[Work, ...]
    bound_us: int


@record
class Drained:
    """Everything is finished and said; the process may end."""


NodeAction = Send | Run | Drained
