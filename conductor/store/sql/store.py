"""The store port over a database. The caller's thread only queues; one other thread does everything else.

That thread needs the interpreter's lock for moments only, but a caller that never waits for anything would never let it
have them: while the thread is behind, the caller pauses for some microseconds with each record. It does so only while
the thread gets on: one that waits for a disk needs no lock, and nobody else is to wait with it.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Final

from conductor.core.records import Question, Record, Recovery
from conductor.store.base import Event
from conductor.store.keep import Keep
from conductor.store.sql.commit import Committer
from conductor.store.sql.database import Database
from conductor.store.sql.pruning import Pruner
from conductor.store.sql.reading import Reader
from conductor.store.sql.statements import statements
from conductor.store.sql.writer import Inbox, Item, Writer
from conductor.store.timeline import Line, Now, carry_on, system_now
from hive.errors import HiveError

_BEHIND_S: Final = 0.005
_PAUSE_S: Final = 0.000_05
_PAUSES: Final = 20
_STUCK_S: Final = 0.1
_CLOSE_S: Final = 10.0


class SqlStore:
    """Keeps everything in one database."""

    def __init__(
        self,
        database: Database,
        keep: Keep | None = None,
        now: Now = system_now,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Know the database; nothing is opened. `keep` says what becomes of finished tasks.

        `clock` (seconds) and `pause` are for the caller's thread, when it gives way.
        """
        self._database = database
        self._keep = keep or Keep()
        self._now = now
        self._text = statements(database.dialect)
        self._line = Line()
        self._inbox: Inbox = SimpleQueue()
        self._batch: list[Item] = []
        self._told: deque[Event] = deque()
        self._call: Callable[[], None] = _nobody
        self._committer: Committer | None = None
        self._thread: Thread | None = None
        self._put = 0  # batches that were given to the thread
        self._done = 0  # batches that it has done with
        self._since_s = 0.0  # since when it has had something to do
        self._seen = 0  # how many of these were known at the last look, and since when
        self._seen_s = 0.0
        self._clock = clock
        self._pause = pause
        self._fatal: BaseException | None = None

    def open(self) -> int:
        """Take the database for this process and begin its next epoch, durably."""
        self._database.connect()
        with self._usable():
            row = self._database.rows(self._text["conductor"])[0]
            epoch, _, boot, offset_us, last_us = row
            self._line = carry_on(Line(boot, offset_us, last_us), self._now())
            self._database.begin()
            self._database.run(self._text["begin epoch"], (epoch + 1, self._line.boot, self._line.offset_us))
            self._database.commit()
            self._committer = Committer(self._database, self._text, epoch + 1, self._line, self._now)
        return int(epoch) + 1

    def recover(self) -> Recovery:
        """Return what an earlier start left. Raises HiveError: state_unwritable, store_unavailable."""
        with self._usable():
            return Reader(self._database, self._text, self._line).recovery()

    def write(self, token: int, record: Record) -> None:
        """Queue a record."""
        self._batch.append((token, record))
        if self._since_s:
            self._give_way(1)

    def ask(self, token: int, question: Question) -> None:
        """Queue a question."""
        self._batch.append((token, question))

    def events(self) -> list[Event]:
        """Hand over what was queued, and return what has been decided.

        Raises HiveError: store_in_use if another conductor took the store over; internal if the thread failed.
        """
        if self._batch:
            self._hand_over()
        if self._since_s:
            self._give_way(_PAUSES)
        if self._fatal is not None:
            raise self._fatal
        told = self._told
        return [told.popleft() for _ in range(len(told))]

    def wake(self, call: Callable[[], None]) -> None:
        """Have `call` made whenever there are events."""
        self._call = call

    def close(self) -> None:
        """Commit what was written, if the database lets us, and let it go."""
        if self._batch and self._fatal is None:
            self._hand_over()
        if self._thread is not None:
            self._inbox.put(None)
            self._thread.join(_CLOSE_S)
            if self._thread.is_alive():
                return  # it waits for a disk that does not answer: its connection is still in use
        self._database.close()

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn what may go wrong at a start into an error for people, and let the database go."""
        try:
            yield
        except Exception as error:
            if self._database.fault(error) is None:
                raise
            self._database.close()
            raise self._database.trouble(error) from error

    def _hand_over(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._work, name="store", daemon=True)
            self._thread.start()
        batch, self._batch = self._batch, []
        self._put += 1
        if not self._since_s:
            self._since_s = self._seen_s = self._clock()
        self._inbox.put(batch)

    def _give_way(self, pauses: int) -> None:
        """Pause, at most so many times, while the thread has been behind for long and gets on."""
        for _ in range(pauses):
            if self._put == self._done:
                self._since_s = 0.0
                return
            now_s = self._clock()
            if self._seen != self._done:
                self._seen, self._seen_s = self._done, now_s
            if now_s - self._since_s < _BEHIND_S or now_s - self._seen_s > _STUCK_S:
                return
            self._pause(_PAUSE_S)

    def _work(self) -> None:
        assert self._committer is not None, "opened before anything is written"
        pruner = Pruner(self._committer, self._keep, self._line, self._now)
        try:
            Writer(self._inbox, self._committer, pruner, self._emit, self._finished).run()
        except HiveError as error:
            self._fatal = error
        except Exception as error:  # noqa: BLE001 - it must not vanish with the thread
            self._fatal = HiveError(
                "internal", f"The store's thread failed: {type(error).__name__}: {error}."
            )
            self._fatal.__cause__ = error
        if self._fatal is not None:
            self._call()

    def _emit(self, events: list[Event]) -> None:
        self._told.extend(events)
        self._call()

    def _finished(self, batches: int) -> None:
        self._done += batches


def _nobody() -> None:
    """Wake nobody."""
