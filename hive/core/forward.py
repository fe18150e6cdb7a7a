"""Delivers what an outbox keeps, one entry after the other, in the order of writing: store and forward.

A pure state machine. It knows one entry at a time, asks the disk for the next one, and says what to send, what to write
down, and how long to wait. The next entry is sent only when the one before it was accepted, or refused for good: that
keeps the order whatever is lost, and costs a round trip for each entry. An answer that never came is asked for again
under the same task id, so an entry is one task however often it is sent.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from hive.core.backoff import Backoff
from hive.errors import CATALOGUE, MENDED_BY_TIME, HiveError
from hive.ids import TaskId
from hive.record import record

if TYPE_CHECKING:
    from hive.core.backoff import Chance


class EntryState(Enum):
    """Where an entry of an outbox stands."""

    KEPT = "kept"
    ACCEPTED = "accepted"
    REFUSED = "refused"


TRANSITIONS: Final[dict[tuple[EntryState, str], EntryState]] = {
    (EntryState.KEPT, "receipt"): EntryState.ACCEPTED,
    (EntryState.KEPT, "refused_for_good"): EntryState.REFUSED,
    (EntryState.KEPT, "too_old"): EntryState.REFUSED,
    (EntryState.REFUSED, "retried"): EntryState.KEPT,
}


class Verdict(Enum):
    """What a refusal means for the entry that got it."""

    WAIT = "wait"
    """The mesh cannot take anything now: try again, for as long as it takes."""
    DOUBT = "doubt"
    """This entry cannot be taken now: try again for a while, then refuse it, so that it does not hold up the rest."""
    HALT = "halt"
    """The sender is set up wrongly: nothing can be sent before that is corrected, and no entry is to blame."""
    FINAL = "final"
    """This entry will never be taken."""


_NOT_NOW: Final = MENDED_BY_TIME | {"unreachable"}
_PAUSE_MAX_MS: Final = 60_000
_SET_UP_WRONGLY: Final = frozenset(
    {
        "unauthenticated",
        "mesh_mismatch",
        "version_unsupported",
        "path_unknown",
        "method_not_allowed",
        "media_type_unsupported",
        "extra_missing",
        "state_unwritable",
    }
)


def verdict_on(code: str) -> Verdict:
    """Return what a refusal with this code means."""
    if code in _NOT_NOW:
        return Verdict.WAIT
    if code in _SET_UP_WRONGLY:
        return Verdict.HALT
    return Verdict.DOUBT if CATALOGUE[code].retryable or code == "internal" else Verdict.FINAL


@record
class ForwardTuning:
    """Times in microseconds. `patience_us` is how long a refusal that is in DOUBT is tried again."""

    base_us: int = 500_000
    cap_us: int = 30_000_000
    patience_us: int = 60_000_000


@record
class Item:
    """What is needed of an entry to decide. `left_us`: how long it may still wait, None for ever.

    `sent` says that it may have been sent before, so that a conductor may have the task.
    """

    number: int
    task: TaskId
    sent: bool
    left_us: int | None = None


@record
class Go:
    """Begin, or begin again: there may be something to deliver, and what was under way before is not any more."""


@record
class Loaded:
    """The oldest entry that is kept, or None."""

    item: Item | None


@record
class Received:
    """The mesh has accepted the entry of this number."""

    number: int


@record
class Refused:
    """The entry of this number was refused, or not answered (`unreachable`)."""

    number: int
    error: HiveError


@record
class Load:
    """Look for the oldest entry that is kept, and say it with Loaded."""


@record
class NoteSent:
    """Write down, and wait until it is on the disk, that this entry may have been sent."""

    number: int


@record
class Transmit:
    """Send the entry."""

    item: Item


@record
class Inquire:
    """Ask whether the mesh has the entry's task: Received if so, Refused with `task_unknown` if not."""

    item: Item


@record
class Mark:
    """Write down what became of the entry, or with KEPT why it has to wait. It need not be on the disk at once."""

    number: int
    state: EntryState
    error: HiveError | None = None


@record
class Halt:
    """Stop: the sender is set up wrongly."""

    error: HiveError


ForwardEvent = Go | Loaded | Received | Refused
ForwardAction = Load | NoteSent | Transmit | Inquire | Mark | Halt


class Phase(Enum):
    """What the forwarder is about."""

    IDLE = "idle"
    LOADING = "loading"
    SENDING = "sending"
    WAITING = "waiting"


class Forwarder:
    """Delivers one outbox. `handle` returns what to do, in order; an answer that nobody waits for changes nothing."""

    __slots__ = ("_backoff", "_doubted", "_due_us", "_item", "_tuning", "phase")

    def __init__(self, rng: Chance, tuning: ForwardTuning | None = None) -> None:
        """Start idle. `rng` spreads the tries of many that lost the same conductor."""
        self._tuning = tuning or ForwardTuning()
        self._backoff = Backoff(rng, self._tuning.base_us, self._tuning.cap_us)
        self._item: Item | None = None
        self._due_us = 0
        self._doubted: tuple[TaskId, int] | None = None
        self.phase = Phase.IDLE

    def next_us(self) -> int:
        """Return when Go changes something again, in microseconds; -1: only another event does."""
        return self._due_us if self.phase is Phase.WAITING else -1

    def handle(self, event: ForwardEvent, now_us: int) -> list[ForwardAction]:
        """Take one event and return the actions."""
        match event:
            case Go():
                waits = self.phase is Phase.WAITING and now_us < self._due_us
                return [] if waits else self._load()
            case Loaded(item) if self.phase is Phase.LOADING:
                return self._loaded(item)
            case Received(number) if self._awaits(number):
                self._backoff.reset()
                return [Mark(number, EntryState.ACCEPTED), *self._load()]
            case Refused(number, error) if self._awaits(number):
                return self._refused(number, error, now_us)
        return []

    def _awaits(self, number: int) -> bool:
        return self.phase is Phase.SENDING and self._item is not None and self._item.number == number

    def _load(self) -> list[ForwardAction]:
        self._item = None
        self.phase = Phase.LOADING
        return [Load()]

    def _loaded(self, item: Item | None) -> list[ForwardAction]:
        if item is None:
            self.phase = Phase.IDLE
            return []
        late = item.left_us is not None and item.left_us <= 0
        if late and not item.sent:
            return [Mark(item.number, EntryState.REFUSED, _too_old()), Load()]
        self._item = item
        self.phase = Phase.SENDING
        if late:  # it is not to be sent any more, but may have been accepted
            return [Inquire(item)]
        noted: list[ForwardAction] = [] if item.sent else [NoteSent(item.number)]
        return [*noted, Transmit(item)]

    def _refused(self, number: int, error: HiveError, now_us: int) -> list[ForwardAction]:
        if error.code == "task_unknown":  # the answer to Inquire
            return [Mark(number, EntryState.REFUSED, _too_old()), *self._load()]
        verdict = verdict_on(error.code)
        if verdict is Verdict.FINAL or (verdict is Verdict.DOUBT and self._out_of_patience(now_us)):
            return [Mark(number, EntryState.REFUSED, error), *self._load()]
        if verdict is Verdict.HALT:
            self._item = None
            self.phase = Phase.IDLE
            return [Mark(number, EntryState.KEPT, error), Halt(error)]
        wanted = error.context.get("retry_after_ms")
        at_least_us = wanted * 1000 if isinstance(wanted, int) and 0 < wanted <= _PAUSE_MAX_MS else 0
        self._due_us = now_us + self._backoff.next_us(at_least_us)
        self._item = None
        self.phase = Phase.WAITING
        return [Mark(number, EntryState.KEPT, error)]

    def _out_of_patience(self, now_us: int) -> bool:
        assert self._item is not None, "asked of the entry that is under way"
        if self._doubted is None or self._doubted[0] != self._item.task:
            self._doubted = (self._item.task, now_us)
        return now_us - self._doubted[1] >= self._tuning.patience_us


def _too_old() -> HiveError:
    return HiveError("expired", "It waited in the outbox for longer than it was allowed to.")
