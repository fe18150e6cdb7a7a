"""What a database must do for the store: a connection that one thread uses, and a word for each kind of failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from hive.errors import HiveError

Row = tuple[Any, ...]
"""One row of a table; its types are those of the columns."""


class Fault(Enum):
    """What a failed statement or commit says of the database."""

    RECORD = "record"
    """These values cannot be written; others can."""
    FULL = "full"
    """Nothing was written, and the connection is as good as before: no space, or another process holds a lock."""
    BROKEN = "broken"
    """The connection must not be believed any more, nor what it said of the last commit."""


class Database(Protocol):
    """One database. Every method but `reason` may raise what `fault` understands."""

    dialect: str
    """`sqlite` or `postgresql`."""
    shown: str
    """Where it is, for people; without a password."""

    def connect(self) -> None:
        """Take the database for this process alone and connect; makes or migrates the tables.

        Raises HiveError: store_in_use, store_newer, state_unwritable, store_unavailable.
        """
        ...

    def take(self) -> None:
        """Take the database for this process alone and connect; the tables stay as they are. Raises as `connect`."""
        ...

    def look(self) -> None:
        """Connect to read only, whoever has the database. Raises HiveError: store_unavailable, state_unwritable."""
        ...

    def reconnect(self) -> None:
        """Close what there is, connect again, and see to it that what can be read is also durable."""
        ...

    def begin(self) -> None:
        """Begin a transaction that writes."""
        ...

    def commit(self) -> None:
        """Make it durable."""
        ...

    def rollback(self) -> None:
        """Undo it."""
        ...

    def many(self, text: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""
        ...

    def run(self, text: str, row: Row = ()) -> int:
        """Run a statement; return how many rows it changed."""
        ...

    def rows(self, text: str, row: Row = ()) -> Sequence[Row]:
        """Return what a question finds."""
        ...

    def tidy(self, *, wiped: bool) -> None:
        """Give back space that rows left; with `wiped`, leave no copy of them in any file."""
        ...

    def make_room(self) -> None:
        """Give back at once what its own files can spare: a disk is full, and no transaction is open."""
        ...

    def integrity(self) -> list[str]:
        """Return what the database itself finds wrong with its files."""
        ...

    def size(self) -> int:
        """Return the bytes that the store takes."""
        ...

    def migrating(self) -> AbstractContextManager[Any]:
        """Give a connection of the driver for alembic, which leaves it open and outside a transaction."""
        ...

    def keep_copy(self, name: str) -> Path | None:
        """Copy everything, where the database can; return where the copy is."""
        ...

    def fault(self, error: Exception) -> Fault | None:
        """Return what an error means; None for one that is a fault of the program."""
        ...

    def trouble(self, error: Exception) -> HiveError:
        """Return what `fault` understands as an error for people: state_unwritable where trying again is no use."""
        ...

    def close(self) -> None:
        """Let the database go. Raises nothing."""
        ...
