"""PostgreSQL through psycopg: one session that writes, and that holds a lock for as long as it lives.

The lock says that the store is this conductor's; it is the server's, so it ends with the session however that ends. A
session that was lost may still have a commit under way: only once the lock is had again is that decided.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo

from conductor.store.sql.database import Fault, Row
from conductor.store.sql.versions import brought_to_head
from hive.errors import HiveError

_CONNECT_S: Final = 5
_LOCK_FIRST_S: Final = 3.0
_LOCK_AGAIN_S: Final = 1.0
_PAUSE_S: Final = 0.05
_SETTINGS: Final = (
    "synchronous_commit = on",  # a commit returns once the server's disk has it
    "lock_timeout = '10s'",
    "statement_timeout = '60s'",
    "idle_in_transaction_session_timeout = '60s'",
    # The server is to notice within seconds that a machine is gone, or its lock would outlive it for hours.
    "tcp_keepalives_idle = 5",
    "tcp_keepalives_interval = 2",
    "tcp_keepalives_count = 3",
)
_KEEPALIVES: Final = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('hive store ' || current_schema(), 0))"
_FULL: Final = (
    errors.DiskFull,
    errors.OutOfMemory,
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.SerializationFailure,
    errors.DeadlockDetected,
)
_RECORD: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    psycopg.NotSupportedError,
)


class LockedError(Exception):
    """Another session holds the store's lock."""


class PostgresDatabase:
    """The database that a URL names."""

    dialect = "postgresql"

    def __init__(self, url: str, password: str = "") -> None:
        """Know the address; nothing is connected."""
        self.shown = url
        self._url = url
        self._password = password
        self._connection: psycopg.Connection[Row] | None = None

    def connect(self) -> None:
        """Connect, lock the store for this session, and bring the tables up to date."""
        with self._usable():
            self._open(_LOCK_FIRST_S)
            brought_to_head(self)

    def take(self) -> None:
        """Connect and lock the store for this session; the tables stay as they are."""
        with self._usable():
            self._open(_LOCK_FIRST_S)

    def look(self) -> None:
        """Connect to read only, whoever has the store."""
        with self._usable():
            self._connection = self._connected(autocommit=True)
            self._connection.execute("SET default_transaction_read_only = on")

    def reconnect(self) -> None:
        """Connect anew; what the session before had under way is decided once this returns."""
        self.close()
        self._open(_LOCK_AGAIN_S)

    def begin(self) -> None:
        """Begin a transaction."""
        self._here.execute("BEGIN")

    def commit(self) -> None:
        """Commit; returns once the server's disk has it."""
        self._here.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        self._here.execute("ROLLBACK")

    def many(self, text: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row, without waiting for the server in between."""
        with self._here.cursor() as cursor:
            cursor.executemany(text.encode(), rows)

    def run(self, text: str, row: Row = ()) -> int:
        """Run a statement; return how many rows it changed."""
        return self._here.execute(text.encode(), row).rowcount

    def rows(self, text: str, row: Row = ()) -> Sequence[Row]:
        """Return what a question finds."""
        return self._here.execute(text.encode(), row).fetchall()

    def tidy(self, *, wiped: bool) -> None:
        """Leave deleted rows to the server, but for those that a purge deleted: their space is freed now."""
        if wiped:
            self._here.execute("VACUUM bodies")

    def make_room(self) -> None:
        """Leave its disk to the server."""

    def fault(self, error: Exception) -> Fault | None:
        """Return what an error means."""
        if isinstance(error, LockedError):
            return Fault.BROKEN
        if isinstance(error, UnicodeError | OverflowError):
            return Fault.RECORD
        if not isinstance(error, psycopg.Error):
            return None
        if self._connection is None or self._connection.closed or self._connection.broken:
            return Fault.BROKEN
        if isinstance(error, _FULL):
            return Fault.FULL
        return Fault.RECORD if isinstance(error, _RECORD) else Fault.BROKEN

    def trouble(self, error: Exception) -> HiveError:
        """Return an error for people; a server comes back, so each may pass."""
        return HiveError("store_unavailable", f"{self.shown} cannot be used: {_line(error)}.")

    def close(self) -> None:
        """End the session, and with it the lock."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def migrating(self) -> Iterator[Any]:
        """Yield a connection for alembic."""
        with contextlib.closing(self._connected(autocommit=False)) as connection:
            yield connection

    def keep_copy(self, name: str) -> None:
        """Keep none: `pg_dump` makes the copies of a PostgreSQL."""
        del name

    def integrity(self) -> list[str]:
        """Return nothing: `pg_amcheck` is the server's own tool for that."""
        return []

    def size(self) -> int:
        """Return the bytes of the tables with their indexes."""
        text = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
        text += "WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
        return int(self.rows(text)[0][0])

    @property
    def _here(self) -> psycopg.Connection[Row]:
        if self._connection is None:
            raise psycopg.OperationalError("there is no connection")
        return self._connection

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn what may go wrong at a start into an error for people, and end the session."""
        try:
            yield
        except LockedError as error:
            self.close()
            detail = (
                f"Another session has {self.shown} open. One store belongs to one conductor: stop the other one, or "
                "give this site a database of its own."
            )
            raise HiveError("store_in_use", detail) from error
        except psycopg.Error as error:
            self.close()
            raise self.trouble(error) from error
        except HiveError:
            self.close()
            raise

    def _connected(self, *, autocommit: bool) -> psycopg.Connection[Row]:
        address = make_conninfo(
            self._url,
            application_name="hive",
            connect_timeout=_CONNECT_S,
            password=self._password or None,
            **_KEEPALIVES,
        )
        return psycopg.connect(address, autocommit=autocommit)

    def _open(self, wait_s: float) -> None:
        self._connection = connection = self._connected(autocommit=True)
        for setting in _SETTINGS:
            connection.execute(f"SET {setting}".encode())
        end = time.monotonic() + wait_s
        while not connection.execute(_LOCK).fetchall()[0][0]:
            if time.monotonic() >= end:
                raise LockedError("another session holds the store")
            time.sleep(_PAUSE_S)


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
