"""Groups of records become transactions here, and it is found out what became of each of them.

Nothing is acknowledged on hearsay: after an error of the database the connection is made anew, and the number of the
last group that is really there decides what is said of the one that was under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from conductor.core.actions import CommitFailed, Committed
from conductor.core.actions import Known as KnownEvent
from conductor.core.records import UNHEARD, Record
from conductor.store.base import Event
from conductor.store.sql.database import Database, Fault
from conductor.store.sql.plan import ORDER, Key, Known, Numbers, Planner, keys_of
from conductor.store.sql.reading import Reader
from conductor.store.sql.statements import MANY, Statements
from conductor.store.timeline import Line, Now
from hive.errors import HiveError
from hive.ids import TaskId
from hive.record import record

Group = Sequence[tuple[int, Record]]
_Answer = TypeVar("_Answer")
_AGAIN_US: Final = 250_000
"""How long a database that failed is left alone before it is tried again."""
_KNOWN_MAX: Final = 50_000


@record
class Doubt:
    """A group whose fate is unknown: its number, and the tasks that it would have added."""

    batch: int
    first: int
    end: int


class Committer:
    """The one writer of a store, as the start of a conductor that `epoch` names."""

    def __init__(self, database: Database, text: Statements, epoch: int, line: Line, now: Now) -> None:
        """Begin where the store stands."""
        self.database = database
        self.text = text
        self.reader = Reader(database, text, line)
        self.kept_tasks = 0
        self.kept_bytes = 0
        self.wipe = False  # whether copies of purged rows may still lie somewhere
        self.broken = ""  # why the database is not believed, empty while it is
        self._epoch = epoch
        self._line = line
        self._now = now
        self._batch = 0
        self._numbers = Numbers(1, 1, {})
        self._known: dict[Key, Known] = {}  # open tasks, for as long as nothing failed
        self._doubt: Doubt | None = None
        self._again_us = 0
        self._learned = 0  # how often it has learned from the database how far it is
        self.begin()

    def begin(self) -> None:
        """Learn from the database how far it is. Raises HiveError(store_in_use) if another conductor took it."""
        epoch, self._batch, *_ = self.database.rows(self.text["conductor"])[0]
        if epoch != self._epoch:
            raise self._taken(epoch)
        sets = {names: number for number, names in self.database.rows(self.text["label sets"])}
        self._numbers = Numbers(self._last("task") + 1, self._last("attempt") + 1, sets)
        kept_tasks, kept_bytes = self.database.rows(self.text["kept"])[0]
        self.kept_tasks, self.kept_bytes = int(kept_tasks), int(kept_bytes)
        self._known.clear()
        self._learned += 1

    def commit(self, group: Group) -> list[Event]:
        """Make a group durable, or say why not. Raises HiveError(store_in_use) if another conductor writes here."""
        if not group:
            return []
        if self.broken and not self.heal():
            return _failed(group, self.broken)
        numbers = self._numbers.copy()
        planner = Planner(self._line, numbers, self._known)

        def write() -> None:
            self._look_up(group)
            for token, item in group:
                planner.take(token, item)
            for phase in planner.phases:
                for name in ORDER:
                    if name in phase:
                        self.database.many(self.text[name], phase[name])

        learned = self._learned
        fault = self.change(write, lambda: Doubt(self._batch + 1, self._numbers.task, numbers.task))
        if fault is None:
            if learned == self._learned:  # or the database itself has said what there is now
                self.kept_tasks += planner.kept_tasks
                self.kept_bytes += planner.kept_bytes
            return self._told(group, planner, numbers)
        if fault[0] is Fault.RECORD and len(group) > 1:
            half = len(group) // 2  # so that only the bad one fails, and one bad one costs few commits
            return [*self.commit(group[:half]), *self.commit(group[half:])]
        return _failed(group, fault[1])

    def change(self, write: Callable[[], None], doubt: Callable[[], Doubt]) -> tuple[Fault, str] | None:
        """Run `write` in a transaction of this epoch; return what went wrong, None if it is durable."""
        committing = False
        try:
            self.database.begin()
            write()
            self._advance()
            committing = True
            self.database.commit()
        except Exception as error:
            fault = self.database.fault(error)
            if fault is None:
                raise
            return self._after(fault, error, doubt() if committing else None)
        self._batch += 1
        return None

    def read(self, ask: Callable[[], _Answer]) -> tuple[_Answer | None, str]:
        """Return what `ask` finds in the database, or why it cannot be asked."""
        if self.broken and not self.heal():
            return None, self.broken
        try:
            return ask(), ""
        except Exception as error:
            fault = self.database.fault(error)
            if fault is None:
                raise
            if fault is Fault.BROKEN:
                self.broken = _reason(error)
            return None, _reason(error)

    def heal(self) -> bool:
        """Make the connection anew if it is time, and settle what was in doubt; return whether it can be used."""
        now_us = self._now().mono_us
        if now_us < self._again_us:
            return False
        self._again_us = now_us + _AGAIN_US
        try:
            self.database.reconnect()
            self.begin()
            self._undo()
        except HiveError:
            raise
        except Exception as error:
            if self.database.fault(error) is None:
                raise
            self.broken = _reason(error)
            return False
        self.broken = ""
        return True

    def tidy(self) -> None:
        """Give space back, and wipe what a purge has left."""
        try:
            self.database.tidy(wiped=self.wipe)
            self.wipe = False
        except Exception as error:
            fault = self.database.fault(error)
            if fault is None:
                raise
            if fault is Fault.BROKEN:
                self.broken = _reason(error)

    def _advance(self) -> None:
        """Number the group, and see in the same transaction that no other conductor has begun an epoch."""
        here_us = self._line.to_store(self._now().mono_us)
        if self.database.run(self.text["advance"], (self._batch + 1, here_us, self._epoch)) != 1:
            self.database.rollback()
            raise self._taken(0)

    def _after(self, fault: Fault, error: Exception, doubt: Doubt | None) -> tuple[Fault, str] | None:
        """Clear up after a failure; None if what failed is durable all the same."""
        self._known.clear()
        reason = _reason(error)
        if fault is not Fault.BROKEN:
            try:
                self.database.rollback()
                if fault is Fault.FULL:
                    self.database.make_room()
                _, batch, *_ = self.database.rows(self.text["conductor"])[0]
            except Exception as another:  # noqa: BLE001 - whatever it is, the connection is of no use
                reason = _reason(another)
            else:
                if batch == self._batch:
                    return fault, reason
        self.broken = reason
        self._again_us = 0
        before = self._batch
        if self.heal():
            if doubt is not None and self._batch > before:
                return None
            return Fault.FULL, reason
        self._doubt = doubt
        return Fault.BROKEN, reason

    def _undo(self) -> None:
        """Take back a group that was said to have failed, and that turns out to be there."""
        doubt = self._doubt
        if doubt is not None and self._batch >= doubt.batch and doubt.first < doubt.end:
            self.database.begin()
            self.database.run(self.text["undo"], (doubt.first, doubt.end))
            self.database.commit()
        self._doubt = None

    def _last(self, what: str) -> int:
        return int(self.database.rows(self.text[f"last {what}"])[0][0] or 0)

    def _look_up(self, group: Group) -> None:
        """Learn what the store has of the tasks of a group, and is not known yet."""
        if len(self._known) > _KNOWN_MAX:
            self._known.clear()
        wanted = list({task for key in keys_of(group) if key not in self._known for task in key[1:]})
        for start in range(0, len(wanted), MANY):
            some = wanted[start : start + MANY]
            padded = (*some, *[some[0]] * (MANY - len(some)))
            for principal, task, seq, created_us, size in self.database.rows(self.text["seen"], padded):
                self._known.setdefault((principal, TaskId(bytes(task))), Known(seq, created_us, size))

    def _told(self, group: Group, planner: Planner, numbers: Numbers) -> list[Event]:
        self._numbers = numbers
        self.wipe |= planner.purged
        again = dict(planner.again)
        events: list[Event] = []
        tokens: list[int] = []
        for token, _ in group:  # in the order of writing
            if token in again:
                events += [*_committed(tokens), self._known_there(token, again[token])]
            elif token != UNHEARD:
                tokens.append(token)
        events += _committed(tokens)
        for key in keys_of(group):
            known = self._known.get(key)
            if known is not None and known.bytes is not None:
                del self._known[key]
        return events

    def _known_there(self, token: int, key: Key) -> Event:
        """Return what is there already of a task that was submitted."""
        there, why = self.read(lambda: self.reader.find(key))
        if why:
            return CommitFailed((token,), why)
        assert there is not None, "a group drops nothing that it submits"
        return KnownEvent(token, there)

    def _taken(self, epoch: int) -> HiveError:
        who = f"start {epoch} of a conductor" if epoch else "another conductor"
        detail = (
            f"{self.database.shown} was taken over by {who}, while this one is start {self._epoch}. One store belongs "
            "to one conductor: stop the other one, or give this site a store of its own."
        )
        return HiveError("store_in_use", detail)


def _committed(tokens: list[int]) -> list[Event]:
    """Return what is to be said of these records, and empty the list."""
    said = tuple(tokens)
    tokens.clear()
    return [Committed(said)] if said else []


def _failed(group: Group, reason: str) -> list[Event]:
    tokens = tuple(token for token, _ in group if token != UNHEARD)
    return [CommitFailed(tokens, reason)] if tokens else []


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
