"""What a caller has asked and not yet heard: numbered, timed, repeated after a reconnect, bounded.

A pure state machine beside the Link: the Link says when a session works, this says what to send on it and which
request each message answers. Every request carries a number in `header.attempt`, which replies echo; a task id
alone would not do, because two principals behind one gateway may use the same idempotency key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hive.core.client_events import (
    NO_TIMEOUT_US,
    Answer,
    Arrived,
    Ask,
    ClientAction,
    ClientEvent,
    Closed,
    Finished,
    GiveUp,
    Opened,
    Progress,
    Request,
    Tick,
    Unsent,
    Withdraw,
)
from hive.core.link import Send
from hive.core.timers import TimerWheel
from hive.errors import MENDED_BY_TIME, HiveError, error_of
from hive.wire.messages import (
    NO_DEADLINE_US,
    Event,
    Message,
    Outcome,
    Receipt,
    Refuse,
    Reply,
    Submit,
    Watch,
)

if TYPE_CHECKING:
    import random

_NUMBERS: Final = 2**32
# Tuples made once: `A | B` in a call makes a new union each time.
_ANSWERS: Final = (Outcome, Receipt, Reply, Refuse, Event)
_ABOUT_A_TASK: Final = (Event, Outcome)
_PAUSE_MAX_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class ClientTuning:
    """Limits of a caller. Times are microseconds.

    `grace_us` is how much longer than its deadline a request waits: the conductor answers `expired` by itself,
    and its word is better than ours. `retry_floor_us` is the pause after a refusal that names none, or after a
    full send queue.
    """

    pending_max: int = 10_000
    grace_us: int = 500_000
    retry_floor_us: int = 20_000


@dataclass(slots=True)
class _Pending:
    request: Request
    deadline_us: int
    patient: bool
    capability: str
    sent: bool = False
    asked: bool = False  # whether it was sent again since it was refused last: it may have been accepted
    retry_us: int = NO_TIMEOUT_US
    refusals: int = 0
    last: HiveError | None = field(default=None)


class ClientCore:
    """The open requests of one caller. `handle` returns what to do, in order; it never raises for a peer's fault."""

    __slots__ = ("_count", "_pending", "_rng", "_timers", "_tuning", "up")

    def __init__(self, rng: random.Random, tuning: ClientTuning | None = None) -> None:
        """Start without a session. `rng` spreads repeated submissions."""
        self._rng = rng
        self._tuning = tuning or ClientTuning()
        self._pending: dict[int, _Pending] = {}
        self._timers: TimerWheel[int] = TimerWheel()
        self._count = 0
        self.up = False

    def __len__(self) -> int:
        """Return the number of open requests."""
        return len(self._pending)

    def number(self) -> int:
        """Return a number for a new request; never 0, and not one that is in use."""
        while True:
            self._count = self._count % (_NUMBERS - 1) + 1
            if self._count not in self._pending:
                return self._count

    def next_us(self) -> int:
        """Return when a Tick is due, in microseconds; -1 when only an event can change anything."""
        return self._timers.next_us()

    def handle(self, event: ClientEvent, now_us: int) -> list[ClientAction]:
        """Take one event and return the actions. Raises HiveError(queue_full) for an Ask beyond the bound."""
        match event:
            case Arrived(message):
                return self._arrived(message, now_us)
            case Ask():
                return self._ask(event)
            case Tick():
                return [action for number in self._timers.due(now_us) for action in self._due(number, now_us)]
            case Opened():
                self.up = True
                return list(self._send_all(now_us))
            case Closed():
                self.up = False
                for number, pending in self._pending.items():
                    pending.sent = False
                    self._arm(number, pending)
            case Unsent(number):
                self._unsent(number, now_us)
            case Withdraw(number):
                self._forget(number)
            case GiveUp(error):
                return [self._finish(number, error) for number in list(self._pending)]
        return []

    def _ask(self, ask: Ask) -> list[ClientAction]:
        if len(self._pending) >= self._tuning.pending_max:
            detail = f"{len(self._pending)} requests wait for an answer already; try again later."
            raise HiveError("queue_full", detail, retry_after_ms=250)
        number = ask.request.header.attempt
        pending = self._pending[number] = _Pending(ask.request, ask.deadline_us, ask.patient, ask.capability)
        self._arm(number, pending)
        if not self.up:
            return []
        pending.sent = True
        return [Send(ask.request)]

    def _arrived(self, message: Message, now_us: int) -> list[ClientAction]:
        if not isinstance(message, _ANSWERS):
            return []
        number = self._find(message)
        if number is None:
            return []
        if isinstance(message, Event):
            return [Progress(number, message)]
        if isinstance(message, Refuse):
            return self._refused(number, error_of(message.code, message.detail, message.context), now_us)
        return [self._finish(number, message)]

    def _find(self, message: Outcome | Receipt | Reply | Refuse | Event) -> int | None:
        """Return the number of the request that a message answers.

        An event may carry the number of the task's submission instead of the watch's. Then the task id decides,
        unless requests of two principals are open for it.
        """
        number, task = message.header.attempt, message.header.task
        pending = self._pending.get(number)
        watched = isinstance(message, Event)
        if pending and pending.request.header.task == task and watched <= isinstance(pending.request, Watch):
            return number
        if not isinstance(message, _ABOUT_A_TASK):
            return None
        same = [
            n
            for n, p in self._pending.items()
            if isinstance(p.request, Watch) and p.request.header.task == task
        ]
        principals = {self._pending[n].request.principal for n in same}
        return same[0] if len(principals) == 1 else None

    def _refused(self, number: int, error: HiveError, now_us: int) -> list[ClientAction]:
        pending = self._pending[number]
        if not (pending.patient and error.code in MENDED_BY_TIME):
            return [self._finish(number, error)]
        wanted = error.context.get("retry_after_ms")
        pause_us = (
            wanted * 1000
            if isinstance(wanted, int) and 0 < wanted <= _PAUSE_MAX_MS
            else self._tuning.retry_floor_us
        )
        pending.refusals += 1
        pending.asked = False
        pending.retry_us = now_us + pause_us + self._rng.randint(0, pause_us)
        pending.last = error
        if 0 <= pending.deadline_us <= pending.retry_us:
            return [self._finish(number, error)]
        self._arm(number, pending)
        return []

    def _due(self, number: int, now_us: int) -> Iterator[ClientAction]:
        pending = self._pending[number]
        if 0 <= pending.retry_us <= now_us:
            pending.retry_us = NO_TIMEOUT_US
            self._arm(number, pending)
            if self.up:
                yield self._send(pending, now_us)
            return
        if pending.deadline_us < 0 or now_us < self._end_us(pending):
            self._arm(number, pending)
            return
        yield self._finish(number, self._late(pending))

    def _end_us(self, pending: _Pending) -> int:
        """Return when to stop to wait: later than the deadline where the conductor will say `expired` itself."""
        graced = self.up and isinstance(pending.request, Submit)
        return pending.deadline_us + (self._tuning.grace_us if graced else 0)

    def _late(self, pending: _Pending) -> HiveError:
        if pending.last is not None and not pending.asked:
            return pending.last
        if self.up and isinstance(pending.request, Submit):
            ident = pending.request.header.task.hex()
            detail = (
                f"The deadline passed, and the conductor has not answered. It may have accepted task {ident}: ask for "
                "it, or submit it again under the same id or key."
            )
            return HiveError("expired", detail, task=ident)
        if self.up:
            return HiveError("expired", "The deadline passed, and the conductor has not answered.")
        return HiveError("unreachable", "The conductor could not be reached before the deadline.")

    def _send_all(self, now_us: int) -> Iterator[ClientAction]:
        for pending in self._pending.values():
            if not pending.sent and pending.retry_us < 0:
                yield self._send(pending, now_us)

    def _send(self, pending: _Pending, now_us: int) -> Send:
        """Send again: the same task id, the time that is left now, no id that only the old session knew."""
        pending.sent = pending.asked = True
        left_us = NO_DEADLINE_US if pending.deadline_us < 0 else max(0, pending.deadline_us - now_us)
        request = pending.request
        header = request.header._replace(remaining_us=left_us, sent_us=now_us, capability=0)
        if isinstance(request, Submit) and request.header.capability:
            pending.request = replace(request, header=header, capability=pending.capability)
        else:
            pending.request = replace(request, header=header)
        return Send(pending.request)

    def _unsent(self, number: int, now_us: int) -> None:
        pending = self._pending.get(number)
        if pending is not None:
            pending.sent = False
            pending.retry_us = now_us + self._tuning.retry_floor_us
            self._arm(number, pending)

    def _arm(self, number: int, pending: _Pending) -> None:
        due_us = self._end_us(pending) if pending.deadline_us >= 0 else NO_TIMEOUT_US
        if pending.retry_us >= 0:
            due_us = min(due_us, pending.retry_us) if due_us >= 0 else pending.retry_us
        if due_us >= 0:
            self._timers.set(number, due_us)

    def _finish(self, number: int, answer: Answer) -> Finished:
        self._forget(number)
        return Finished(number, answer)

    def _forget(self, number: int) -> None:
        if self._pending.pop(number, None) is not None:
            self._timers.cancel(number)
