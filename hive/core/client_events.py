"""What may happen to the open requests of a caller, and what is to be done: two closed unions of small values."""

from __future__ import annotations

from typing import Final

from hive.core.link import Send
from hive.errors import HiveError
from hive.record import record
from hive.wire.messages import Cancel, Event, Message, Outcome, Query, Receipt, Reply, Submit, Watch

Request = Submit | Cancel | Query | Watch
Answer = Outcome | Receipt | Reply | HiveError
NO_TIMEOUT_US: Final = -1


@record
class Ask:
    """A caller wants `request`, whose `header.attempt` is a fresh number of `ClientCore.number`.

    `deadline_us` is the instant at which the caller stops to wait (NO_TIMEOUT_US: never). A `patient` caller's
    refused request is repeated while its deadline lasts, where the refusal says that this may help.
    `capability` is the name behind `header.capability`, whose meaning ends with the session.
    """

    request: Request
    deadline_us: int = NO_TIMEOUT_US
    patient: bool = False
    capability: str = ""


@record
class Opened:
    """A session works: whatever is unanswered is sent (again)."""


@record
class Closed:
    """The session is gone; requests wait for the next one."""


@record
class Arrived:
    """A message of the session arrived."""

    message: Message


@record
class Unsent:
    """The transport's queue was full, so the request of this number was not sent."""

    number: int


@record
class Withdraw:
    """Nobody waits for this number any more. The task itself goes on; CANCEL is a request of its own."""

    number: int


@record
class GiveUp:
    """The owner stops: every request ends with `error`."""

    error: HiveError


@record
class Tick:
    """Time has passed."""


@record
class Finished:
    """The request of this number is over."""

    number: int
    answer: Answer


@record
class Progress:
    """A watched task changed."""

    number: int
    event: Event


ClientEvent = Ask | Opened | Closed | Arrived | Unsent | Withdraw | GiveUp | Tick
ClientAction = Send | Finished | Progress
