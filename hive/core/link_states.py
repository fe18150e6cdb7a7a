"""The states of a link as a table; docs draw their diagram from it."""

from __future__ import annotations

from enum import Enum
from typing import Final


class LinkState(Enum):
    """Where a link stands."""

    IDLE = "idle"  # not started, or stopped
    DIALLING = "dialling"  # the owner was told to open a connection
    GREETING = "greeting"  # HELLO is sent, WELCOME awaited
    UP = "up"  # the session works
    WAITING = "waiting"  # backing off before the next dial


class LinkEvent(Enum):
    """What may happen to a link."""

    START = "start"
    OPENED = "opened"
    WELCOMED = "welcomed"
    REFUSED = "refused"
    LEFT = "left"  # the other side said BYE
    FAILED = "failed"  # closed, silent for too long, or not to be opened
    DUE = "due"  # the back-off is over, or another endpoint is known
    STOP = "stop"


_S, _E = LinkState, LinkEvent
TRANSITIONS: Final[dict[tuple[LinkState, LinkEvent], LinkState]] = {
    (_S.IDLE, _E.START): _S.DIALLING,
    (_S.DIALLING, _E.OPENED): _S.GREETING,
    (_S.DIALLING, _E.FAILED): _S.WAITING,
    (_S.GREETING, _E.WELCOMED): _S.UP,
    (_S.GREETING, _E.REFUSED): _S.WAITING,
    (_S.GREETING, _E.LEFT): _S.WAITING,
    (_S.GREETING, _E.FAILED): _S.WAITING,
    (_S.UP, _E.REFUSED): _S.WAITING,
    (_S.UP, _E.LEFT): _S.WAITING,
    (_S.UP, _E.FAILED): _S.WAITING,
    (_S.WAITING, _E.DUE): _S.DIALLING,
    **{(state, _E.STOP): _S.IDLE for state in _S},
}


class LinkFaultError(RuntimeError):
    """The owner of a state machine fed it an event that its state forbids; the state is unchanged."""
