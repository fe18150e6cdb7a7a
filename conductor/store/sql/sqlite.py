"""SQLite: one file, one writing connection, a lock file beside it that says whose it is.

Write-ahead log with `synchronous=FULL`: a commit returns once its frames are on disk. After an error of the disk the
connection is closed, and what is read from then on has gone through a checkpoint that the disk confirmed: an fsync that
failed once must not be believed when it is repeated (https://wiki.postgresql.org/wiki/Fsync_Errors).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from conductor.store.sql.database import Fault, Row
from conductor.store.sql.versions import brought_to_head
from hive.errors import HiveError

_PRAGMAS: Final = (
    "auto_vacuum=INCREMENTAL",  # takes effect before there are tables
    "journal_mode=WAL",
    "synchronous=FULL",
    "fullfsync=ON",  # macOS, where fsync alone does not empty the drive's cache
    "checkpoint_fullfsync=ON",
    "foreign_keys=ON",
    "secure_delete=ON",  # what was deleted is overwritten, so that no body outlives its row in a free page
    "temp_store=MEMORY",
    "journal_size_limit=16777216",
)
_BUSY_S: Final = 5.0
_LOG_PAGES: Final = (32, 1_000)
"""The log goes into the file after so many pages, at least and at most: a small disk has no room for a long one."""
_LOG_SHARE: Final = 16
_FREED_PAGES: Final = 256
_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PASSING: Final = _FULL | {sqlite3.SQLITE_IOERR}
"""What may be over when the next start tries again."""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BROKEN: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERNAL,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
    }
)


class MovedError(Exception):
    """The file is not the one that was opened."""


class SqliteDatabase:
    """The database in one file."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        """Know the file; nothing is opened."""
        self.path = path
        self.shown = f"sqlite:{path}"
        self._lock = -1
        self._inode = 0
        self._connection: sqlite3.Connection | None = None

    def connect(self) -> None:
        """Lock the file for this process, connect, and bring the tables up to date."""
        with self._usable():
            self._take()
            brought_to_head(self)

    def take(self) -> None:
        """Lock the file for this process and connect; the tables stay as they are."""
        with self._usable():
            self._take()

    def look(self) -> None:
        """Connect to read only, whoever has the file."""
        if not self.path.exists():
            detail = f"There is no store at {self.path}; a conductor makes it at its first start."
            raise HiveError("store_unavailable", detail)
        try:
            self._open(fresh=False)
            self._do("PRAGMA query_only=ON")
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise self.trouble(error) from error

    def reconnect(self) -> None:
        """Begin anew with the file, and write the whole log into it: what is read after this is on the disk."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._open(fresh=False)
        self._checkpoint()

    def begin(self) -> None:
        """Begin a transaction; raise MovedError if the file was removed or replaced."""
        self._check_file()
        self._do("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit; returns once the disk has it."""
        self._do("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self._here.in_transaction:
            self._do("ROLLBACK")

    def many(self, text: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row; the interpreter's lock is free while SQLite works on one."""
        self._here.executemany(text, rows)

    def run(self, text: str, row: Row = ()) -> int:
        """Run a statement; return how many rows it changed."""
        return self._here.execute(text, row).rowcount

    def rows(self, text: str, row: Row = ()) -> Sequence[Row]:
        """Return what a question finds."""
        return self._here.execute(text, row).fetchall()

    def tidy(self, *, wiped: bool) -> None:
        """Shorten the file by some free pages; with `wiped`, overwrite the log too, where copies of rows remain."""
        self._here.execute(f"PRAGMA incremental_vacuum({_FREED_PAGES})").fetchall()
        if wiped:
            self._checkpoint()

    def make_room(self) -> None:
        """Write the log into the file and cut it off; what a reader holds, or what finds no room itself, stays."""
        try:
            self._here.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if self.fault(error) is not Fault.FULL:
                raise

    def fault(self, error: Exception) -> Fault | None:
        """Return what an error means."""
        if isinstance(error, MovedError | OSError):
            return Fault.BROKEN
        if isinstance(error, OverflowError | UnicodeError):
            return Fault.RECORD
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            return Fault.FULL
        return Fault.BROKEN if code in _BROKEN or self._connection is None else Fault.RECORD

    def trouble(self, error: Exception) -> HiveError:
        """Return an error for people."""
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        advice = ""
        if primary in _DAMAGED:
            advice = (
                " The file is damaged: put a backup in its place, or move it and its -wal away to begin with an empty "
                "store."
            )
        code = "store_unavailable" if primary in _PASSING else "state_unwritable"
        return HiveError(code, f"{self.path} cannot be used as a store: {error}.{advice}")

    def close(self) -> None:
        """Close the file and give the lock back."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @contextlib.contextmanager
    def migrating(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for alembic."""
        yield self._here

    def keep_copy(self, name: str) -> Path:
        """Write a copy of the whole database beside it, durably, and return its path."""
        copy = self.path.with_name(f"{self.path.name}.{name}")
        draft = copy.with_name(f"{copy.name}.new")
        draft.unlink(missing_ok=True)
        self._here.execute("VACUUM INTO ?", (str(draft),))
        _sync(draft)
        draft.replace(copy)
        _sync(copy.parent)
        return copy

    def integrity(self) -> list[str]:
        """Return what SQLite finds wrong with the file."""
        found = [str(row[0]) for row in self.rows("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def size(self) -> int:
        """Return the bytes of the file and of its log."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    @property
    def _here(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError(f"{self.path} is not open")
        return self._connection

    def _do(self, text: str) -> None:
        self._here.execute(text)

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn what may go wrong at a start into an error for people, and let the file go."""
        try:
            yield
        except (sqlite3.Error, OSError, MovedError) as error:
            self.close()
            raise self.trouble(error) from error
        except HiveError:
            self.close()
            raise

    def _take(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        self._open(fresh=not self.path.exists())

    def _take_lock(self) -> None:
        """Lock the file beside the database; the kernel gives the lock back however this process ends."""
        if self._lock >= 0:
            return
        path = self.path.with_name(f"{self.path.name}.lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            detail = (
                f"Another process has {self.path} open. One store belongs to one conductor: stop the other one, or "
                "give this site a store of its own."
            )
            raise HiveError("store_in_use", detail) from error
        self._lock = lock

    def _open(self, *, fresh: bool) -> None:
        """Connect; only one that is to be `fresh` is made, so that a file that went away is not begun anew."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={'rwc' if fresh else 'rw'}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        self._connection = connection
        if fresh:
            self.path.chmod(0o600)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(f"PRAGMA wal_autocheckpoint={_log_pages(self.path)}").fetchall()
        self._inode = self.path.stat().st_ino

    def _checkpoint(self) -> None:
        busy, _, _ = self._here.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("a reader holds the log")

    def _check_file(self) -> None:
        try:
            there = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            there = False
        if not there:
            raise MovedError(f"{self.path} was removed or replaced")


def _log_pages(path: Path) -> int:
    """Return how many pages the log may have: a small part of what the disk has left."""
    disk = os.statvfs(path.parent)
    least, most = _LOG_PAGES
    return max(least, min(most, disk.f_bavail * disk.f_frsize // 4096 // _LOG_SHARE))


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
