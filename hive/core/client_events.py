"""What may happen to the open requests of a caller, and what is to be done: two closed unions of small values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hive.core.link import Send
from hive.errors import HiveError
from hive.wire.messages import Cancel, Event, Message, Outcome, Query, Receipt, Reply, Submit, Watch

Request = Submit | Cancel | Query | Watch
Answer = Outcome | Receipt | Reply | HiveError
NO_TIMEOUT_US: Final = -1


@dataclass(frozen=True, slots=True)
class Ask:
    """A caller wants `request`, whose `header.attempt` is a fresh number of `ClientCore.number`.

    `deadline_us` is the instant at which the caller stops to wait (NO_TIMEOUT_US: never). A `patient` caller's
    refused submission is repeated while its deadline lasts, where the refusal says that this may help.
    `capability` is the name behind `header.capability`, whose meaning ends with the session.
    """

    request: Request
    deadline_us: int = NO_TIMEOUT_US
    patient: bool = False
    capability: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session works: whatever is unanswered is sent (again)."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is gone; requests wait for the next one."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of the session arrived."""

    message: Message


@dataclass(frozen=True, slots=True)
class Unsent:
    """The transport's queue was full, so the request of this number was not sent."""

    number: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Nobody waits for this number any more. The task itself goes on; CANCEL is a request of its own."""

    number: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The owner stops: every request ends with `error`."""

    error: HiveError


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The request of this number is over."""

    number: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Progress:
    """A watched task changed."""

    number: int
    event: Event


ClientEvent = Ask | Opened | Closed | Arrived | Unsent | Withdraw | GiveUp | Tick
ClientAction = Send | Finished | Progress
