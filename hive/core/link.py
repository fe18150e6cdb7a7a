"""The dialling side of a session: dial, greet, notice silence, back off, dial again, for ever.

A pure state machine: the owner feeds it what happened and performs the actions that it returns. It knows only
HELLO, WELCOME, REFUSE and BYE; every other message is to it a sign of life, and the owner's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hive.core.backoff import Backoff, Chance
from hive.core.link_states import TRANSITIONS, LinkEvent, LinkFaultError, LinkState
from hive.core.link_tuning import LinkTuning, tuning_of
from hive.errors import HiveError, error_of
from hive.record import record
from hive.wire.messages import VERSION as WIRE_VERSION
from hive.wire.messages import Bye, Hello, Kind, Message, Refuse, Welcome

_GREETED: Final = frozenset({LinkState.GREETING, LinkState.UP})
_FORGETS: Final = 7
"""Slow answers fade by 2^-7 with each further one: to a half in about nine seconds of beats."""
_CONNECTED: Final = frozenset({LinkState.DIALLING, LinkState.GREETING, LinkState.UP})


@record
class Dial:
    """Open a fresh connection to `endpoint`, then call `opened`, or `failed` if that cannot be."""

    endpoint: str


@record
class Hangup:
    """Close the connection; what it still holds is lost."""


@record
class Send:
    """Send a message on the open connection."""

    message: Message


@record
class Up:
    """The session works from here on."""

    welcome: Welcome


@record
class Down:
    """A try or a session is over.

    `error` says why (`unreachable`, or what the other side refused with); None means that the other side left on
    purpose. `was_up` tells a lost session from a try that never got one. The link goes on trying; whether to give
    up is the owner's policy.
    """

    error: HiveError | None
    was_up: bool


LinkAction = Dial | Hangup | Send | Up | Down


class Link:
    """One session after another with the first of `endpoints` that works.

    Every method returns the actions to perform, in order. `retarget` replaces the endpoints and never disturbs a
    session that works: where a conductor is said to be is a hint.
    """

    __slots__ = (
        "_asked_us",
        "_backoff",
        "_dialled",
        "_due_us",
        "_endpoints",
        "_index",
        "_refusals",
        "_silence_us",
        "_slow_us",
        "_tuning",
        "_up_us",
        "state",
    )

    def __init__(self, endpoints: Sequence[str], rng: Chance, tuning: LinkTuning | None = None) -> None:
        """Make an idle link; without endpoints it waits for `retarget`."""
        self._tuning = tuning or tuning_of(endpoints)
        self._endpoints = tuple(endpoints)
        self._index = 0
        self._dialled = ""
        self._backoff = Backoff(rng, self._tuning.backoff_base_us, self._tuning.backoff_cap_us)
        self._refusals = Backoff(rng, self._tuning.refused_base_us, self._tuning.refused_cap_us)
        self._silence_us = self._tuning.silence_floor_us
        self._slow_us = [0, 0]  # the two slowest answers of late
        self._asked_us: int | None = None
        self._due_us: int | None = None
        self._up_us = 0
        self.state = LinkState.IDLE

    @property
    def endpoint(self) -> str:
        """The endpoint in use, or the next one to dial; empty if none is known."""
        if self.state in _CONNECTED:
            return self._dialled
        return self._next()

    @property
    def next_us(self) -> int | None:
        """The instant at which `tick` has something to do; None if only an event can change anything."""
        if self.state is LinkState.UP:
            return None if self._asked_us is None else self._asked_us + self._patience_us()
        return self._due_us

    def start(self, now_us: int) -> list[LinkAction]:
        """Begin to dial. Raises LinkFaultError unless idle."""
        return self._dial(LinkEvent.START, now_us)

    def opened(self, hello: Hello, now_us: int) -> list[LinkAction]:
        """The connection of the last Dial exists: greet with `hello` (its held and unacked as of now)."""
        self._step(LinkEvent.OPENED)
        self._due_us = now_us + self._tuning.greeting_us
        return [Send(hello)]

    def failed(self, now_us: int, error: HiveError | None = None) -> list[LinkAction]:
        """The connection closed, or could not be opened. Without a connection this changes nothing."""
        if self.state not in _CONNECTED:
            return []
        what = "closed the connection" if self.state is LinkState.UP else "cannot be reached"
        return self._down(LinkEvent.FAILED, error or self._unreachable(what), now_us)

    def asked(self, now_us: int) -> None:
        """Something was sent that the other side must answer at once (a BEAT): its silence counts from here."""
        if self._asked_us is None:
            self._asked_us = now_us

    def received(self, message: Message, now_us: int) -> list[LinkAction]:
        """A message arrived. Session messages move the state; any other is a sign of life, left to the owner."""
        if self._asked_us is not None:
            slowest = (now_us - self._asked_us, *(slow - (slow >> _FORGETS) for slow in self._slow_us))
            self._slow_us = sorted(slowest)[1:]
            self._asked_us = None
        match message:
            case Welcome() if self.state is LinkState.GREETING:
                return self._welcomed(message, now_us)
            case Refuse() if self._ends_session(message):
                error = error_of(message.code, message.detail, message.context)
                return self._down(LinkEvent.REFUSED, error, now_us)
            case Bye() if self.state in _GREETED:
                return self._down(LinkEvent.LEFT, None, now_us)
            case _:
                return []

    def tick(self, now_us: int) -> list[LinkAction]:
        """Time has passed. Harmless at any instant; has an effect from `next_us` on."""
        due_us = self.next_us
        if due_us is None or now_us < due_us:
            return []
        if self.state is LinkState.WAITING:
            return self._dial(LinkEvent.DUE, now_us)
        if now_us - due_us > self._patience_us() // 4 and self._asked_us is not None:
            # Our own loop stood still: what the other side sent meanwhile may not have been read yet.
            self._asked_us = now_us
            return []
        return self._down(LinkEvent.FAILED, self._unreachable("does not answer"), now_us)

    def retarget(self, endpoints: Sequence[str], now_us: int) -> list[LinkAction]:
        """Replace the endpoints. A link that waits dials the first new one at once; a working session stays."""
        known, current = self._endpoints, self.endpoint
        self._endpoints = tuple(endpoints)
        fresh = [i for i, endpoint in enumerate(self._endpoints) if endpoint not in known]
        if self.state is LinkState.WAITING and fresh:
            self._index = fresh[0]
            return self._dial(LinkEvent.DUE, now_us)
        self._index = self._endpoints.index(current) if current in self._endpoints else 0
        return []

    def stop(self) -> list[LinkAction]:
        """Go back to idle."""
        connected = self.state in _CONNECTED
        self._step(LinkEvent.STOP)
        self._due_us = self._asked_us = None
        return [Hangup()] if connected else []

    def _patience_us(self) -> int:
        return max(self._silence_us, min(4 * self._slow_us[0], self._tuning.silence_cap_us))

    def _next(self) -> str:
        return self._endpoints[self._index % len(self._endpoints)] if self._endpoints else ""

    def _step(self, event: LinkEvent) -> None:
        target = TRANSITIONS.get((self.state, event))
        if target is None:
            raise LinkFaultError(f"a link that is {self.state.value} cannot take {event.value}")
        self.state = target

    def _dial(self, event: LinkEvent, now_us: int) -> list[LinkAction]:
        self._step(event)
        self._dialled = self._next()
        if not self._dialled:
            self._step(LinkEvent.FAILED)
            self._due_us = None
            return []
        self._due_us = now_us + self._tuning.greeting_us
        return [Dial(self._dialled)]

    def _welcomed(self, welcome: Welcome, now_us: int) -> list[LinkAction]:
        if welcome.version != WIRE_VERSION:
            detail = f"{self.endpoint} chose version {welcome.version}; only {WIRE_VERSION} is spoken here."
            return self._down(LinkEvent.REFUSED, HiveError("version_unsupported", detail), now_us)
        self._step(LinkEvent.WELCOMED)
        self._silence_us = max(self._tuning.silence_beats * welcome.beat_us, self._tuning.silence_floor_us)
        self._up_us = now_us
        self._due_us = None
        return [Up(welcome)]

    def _ends_session(self, refuse: Refuse) -> bool:
        if self.state is LinkState.GREETING:
            return True
        about_session = refuse.about == Kind.HELLO or refuse.code == "hello_required"
        return self.state is LinkState.UP and about_session

    def _down(self, event: LinkEvent, error: HiveError | None, now_us: int) -> list[LinkAction]:
        was_up = self.state is LinkState.UP
        self._step(event)
        self._asked_us = None
        if was_up and now_us - self._up_us >= self._tuning.backoff_cap_us:
            self._backoff.reset()
            self._refusals.reset()
        if not was_up:
            self._index += 1
        if event is LinkEvent.REFUSED:
            wait_us = self._refusals.next_us(_retry_after_us(error))
        else:
            wait_us = self._backoff.next_us()
        self._due_us = now_us + wait_us
        return [Hangup(), Down(error, was_up)]

    def _unreachable(self, what: str) -> HiveError:
        return HiveError("unreachable", f"The conductor at {self.endpoint} {what}.", endpoint=self.endpoint)


def _retry_after_us(error: HiveError | None) -> int:
    """Return the wait that a refusal asks for, in microseconds; at most a minute, it is a peer's number."""
    wanted = error.context.get("retry_after_ms", 0) if error else 0
    return min(wanted, 60_000) * 1000 if isinstance(wanted, int) and wanted > 0 else 0


__all__ = [
    "TRANSITIONS",
    "Dial",
    "Down",
    "Hangup",
    "Link",
    "LinkAction",
    "LinkEvent",
    "LinkFaultError",
    "LinkState",
    "LinkTuning",
    "Send",
    "Up",
]
