"""Submissions on this machine's disk that a mesh has not accepted yet: one SQLite file, written before it is sent.

Any process may add to an outbox; one at a time delivers it. What is added is on the disk when `add` returns. What
became of an entry may be lost with the power: then it is sent once more, under the same task id: the same task.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from hive.clients.moment import Moment, this_moment
from hive.clients.outbox_file import COLUMNS, connect, guarded
from hive.clients.request import Wish
from hive.core.forward import TRANSITIONS, EntryState, Item
from hive.errors import HiveError
from hive.ids import TaskId, parse_task_id
from hive.record import record

MAX_ENTRIES: Final = 10_000
MAX_BYTES: Final = 64 << 20
_ACCEPTED_MAX: Final = 10_000
"""Accepted entries that are remembered, so that their results can be asked for; they hold no input any more."""
_TIDY_EVERY: Final = 256
_NOTED_AHEAD: Final = 64
"""Entries that are noted as sent with one commit: too early costs nothing, and each commit waits for the disk."""


@record
class Entry:
    """One submission. `body` is the JSON of `POST /v1/tasks`, empty once it is accepted.

    `error` is why it was refused, or why it still waits. `age_ms` is how long it has been here, `left_ms` how long it
    may still wait (None: for ever). `sent` says that a conductor may have it.
    """

    number: int
    task: str
    state: str
    sent: bool
    what: str
    body: dict[str, object]
    size_bytes: int
    age_ms: int
    left_ms: int | None
    error: dict[str, object] | None

    def wish(self) -> Wish:
        """Return what is to be submitted."""
        return Wish(**self.body)  # type: ignore[arg-type]

    def item(self) -> Item:
        """Return what the forwarder needs of it."""
        left_us = None if self.left_ms is None else self.left_ms * 1000
        return Item(self.number, parse_task_id(self.task), self.sent, left_us)

    def as_json(self) -> dict[str, object]:
        """Return the entry as `hive outbox list --json` shows it."""
        return {
            "number": self.number,
            "task": self.task,
            "state": self.state,
            "capability": self.what,
            "size_bytes": self.size_bytes,
            "age_ms": self.age_ms,
            "left_ms": self.left_ms,
            "error": self.error,
        }


class Outbox:
    """The outbox at `path`, which is made if it is not there. Safe for several threads and processes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        moment: Callable[[], Moment] = this_moment,
    ) -> None:
        """Open it. The bounds count what is kept or refused.

        Raises HiveError: outbox_invalid (another kind of file, a damaged one, or one of a later version),
        state_unwritable (the folder, or the disk is full).
        """
        self.path = Path(path).expanduser().absolute()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._moment = moment
        self._lock = threading.RLock()
        self._db = connect(self.path)

    def add(self, wish: Wish, principal: str = "local", expires_ms: int | None = None) -> Entry:
        """Put a submission on the disk, under the id of its idempotency key or a fresh one; return it.

        Adding a key again returns the entry that has it. Raises HiveError: bad_request (a wish that cannot be sent, or
        the outbox belongs to another principal), key_conflict, outbox_full, outbox_in_use, state_unwritable.
        """
        wish.check()
        if expires_ms is not None and expires_ms < 1:
            raise HiveError("bad_request", f"`expires_ms` is {expires_ms}: it must be at least 1.")
        body = json.dumps(wish.as_json(), ensure_ascii=True, separators=(",", ":"))
        task, now = wish.task_id(), self._moment()
        with self._writing(durably=True) as db:
            self._owned(db, principal)
            there = self._one(db, task)
            if there is not None:
                if there.body and there.body != json.loads(body):
                    detail = f"The key {wish.idempotency_key!r} is in the outbox with a different request."
                    raise HiveError("key_conflict", detail, task=task.hex())
                return there
            self._make_room(db, len(body))
            what = wish.capability or wish.want
            row = (task, what, body, len(body), now.boot, now.up_us, now.wall_us, expires_ms)
            db.execute(
                "INSERT INTO entry (task, what, body, size, boot, up_us, wall_us, expires_ms) VALUES (?,?,?,?,?,?,?,?)",
                row,
            )
            added = self._one(db, task)
        assert added is not None, "it was just written"
        return added

    def principal(self) -> str | None:
        """Return whose submissions these are; None before the first."""
        with self._lock, guarded(self.path):
            row = self._db.execute("SELECT principal FROM owner").fetchone()
        return None if row is None else str(row[0])

    def first(self) -> Entry | None:
        """Return the oldest entry that is kept."""
        with self._lock, guarded(self.path):
            found = self._rows(self._db, "WHERE state = 'kept' ORDER BY number LIMIT 1")
        return found[0] if found else None

    def find(self, task: TaskId) -> Entry | None:
        """Return the entry of a task, if there is one."""
        with self._lock, guarded(self.path):
            return self._one(self._db, task)

    def entries(self, states: Sequence[str] = (), limit: int = 1000, after: int = 0) -> list[Entry]:
        """Return entries in the order of delivery: in any of `states` (all if empty), with a number above `after`."""
        marks = ",".join("?" * len(states))
        where = f"WHERE number > ? {f'AND state IN ({marks})' if states else ''} ORDER BY number LIMIT ?"
        with self._lock, guarded(self.path):
            return self._rows(self._db, where, (after, *states, limit))

    def counts(self) -> dict[str, int]:
        """Return how many entries there are in each state."""
        with self._lock, guarded(self.path):
            found = dict(self._db.execute("SELECT state, COUNT(*) FROM entry GROUP BY state").fetchall())
        return {state.value: int(found.get(state.value, 0)) for state in EntryState}

    def note_sent(self, number: int) -> None:
        """Write down that this entry, and those right behind it, may have been sent from now on."""
        with self._writing(durably=True) as db:
            db.execute(
                "UPDATE entry SET sent = 1 WHERE number IN "
                "(SELECT number FROM entry WHERE state = 'kept' AND number >= ? ORDER BY number LIMIT ?)",
                (number, _NOTED_AHEAD),
            )

    def mark(self, number: int, state: EntryState, error: HiveError | None = None) -> None:
        """Write down what became of an entry that is kept; of one that is not, or not any more, nothing changes."""
        why = (
            json.dumps({"code": error.code, "detail": error.detail, **error.context}, default=str)
            if error
            else None
        )
        with self._writing() as db:
            if state is EntryState.ACCEPTED:
                db.execute(
                    "UPDATE entry SET state = 'accepted', sent = 1, body = NULL, size = 0, error = NULL "
                    "WHERE number = ? AND state = 'kept'",
                    (number,),
                )
                if number % _TIDY_EVERY == 0:
                    db.execute(
                        "DELETE FROM entry WHERE number <= (SELECT number FROM entry WHERE state = 'accepted' "
                        "ORDER BY number DESC LIMIT 1 OFFSET ?) AND state = 'accepted'",
                        (_ACCEPTED_MAX,),
                    )
            else:
                db.execute(
                    "UPDATE entry SET state = ?, error = ? WHERE number = ? AND state = 'kept'",
                    (state.value, why, number),
                )

    def retry(self, task: TaskId) -> bool:
        """Let an entry that was refused be delivered again, at its old place; False if it is not a refused one."""
        kept = TRANSITIONS[EntryState.REFUSED, "retried"].value
        with self._writing(durably=True) as db:
            done = db.execute(
                "UPDATE entry SET state = ?, error = NULL WHERE task = ? AND state = 'refused'", (kept, task)
            )
            return done.rowcount > 0

    def drop(self, task: TaskId, *, unsent: bool = False) -> bool:
        """Forget an entry, with `unsent` only if it was never sent; False if there is no such one."""
        with self._writing(durably=True) as db:
            only = "AND state = 'kept' AND sent = 0" if unsent else ""
            return db.execute(f"DELETE FROM entry WHERE task = ? {only}", (task,)).rowcount > 0  # noqa: S608 - constants

    def drop_all(self, states: Sequence[str]) -> int:
        """Forget every entry in any of `states`; return how many."""
        marks = ",".join("?" * len(states))
        with self._writing(durably=True) as db:
            return db.execute(f"DELETE FROM entry WHERE state IN ({marks})", tuple(states)).rowcount  # noqa: S608 - marks

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """Be the one that delivers. Raises HiveError(outbox_in_use) while another process or thread is."""
        path = self.path.with_name(f"{self.path.name}-deliver")
        with guarded(self.path):
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with guarded(self.path):
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    who = os.read(file, 20).decode("ascii", "replace") or "?"
                    detail = f"Process {who} delivers {self.path} already; leave it to that one."
                    raise HiveError("outbox_in_use", detail) from None
                os.truncate(file, 0)
                os.write(file, str(os.getpid()).encode("ascii"))
            yield
        finally:
            os.close(file)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self, *, durably: bool = False) -> Iterator[sqlite3.Connection]:
        """Run one transaction; with `durably` it is on the disk at the end."""
        with self._lock, guarded(self.path):
            db = self._db
            db.execute(f"PRAGMA synchronous = {'FULL' if durably else 'NORMAL'}")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
                    db.execute("ROLLBACK")
                raise

    def _owned(self, db: sqlite3.Connection, principal: str) -> None:
        db.execute("INSERT OR IGNORE INTO owner VALUES (1, ?)", (principal,))
        owner = str(db.execute("SELECT principal FROM owner").fetchone()[0])
        if owner != principal:
            detail = f"{self.path} holds what {owner!r} asks for: {principal!r} needs an outbox of its own."
            raise HiveError("bad_request", detail)

    def _make_room(self, db: sqlite3.Connection, size: int) -> None:
        count, held = db.execute(
            "SELECT COUNT(*), TOTAL(size) FROM entry WHERE state != 'accepted'"
        ).fetchone()
        if count >= self._max_entries or held + size > self._max_bytes:
            refused = db.execute("SELECT COUNT(*) FROM entry WHERE state = 'refused'").fetchone()[0]
            detail = (
                f"{self.path} holds {count} entries of {int(held)} bytes ({refused} of them refused); "
                f"it takes {self._max_entries} and {self._max_bytes} bytes."
            )
            raise HiveError("outbox_full", detail)

    def _one(self, db: sqlite3.Connection, task: TaskId) -> Entry | None:
        found = self._rows(db, "WHERE task = ?", (task,))
        return found[0] if found else None

    def _rows(self, db: sqlite3.Connection, where: str, values: tuple[object, ...] = ()) -> list[Entry]:
        now = self._moment()
        return [_entry(row, now) for row in db.execute(f"SELECT {COLUMNS} FROM entry {where}", values)]  # noqa: S608 - constants


def _entry(row: Sequence[object], now: Moment) -> Entry:
    number, task, state, sent, what, body, size, boot, up_us, wall_us, expires_ms, error = row
    age_ms = Moment(str(boot), cast("int", up_us), cast("int", wall_us)).age_us(now) // 1000
    return Entry(
        cast("int", number),
        cast("bytes", task).hex(),
        str(state),
        bool(sent),
        str(what),
        json.loads(cast("str", body)) if body else {},
        cast("int", size),
        age_ms,
        None if expires_ms is None else cast("int", expires_ms) - age_ms,
        json.loads(cast("str", error)) if error else None,
    )
