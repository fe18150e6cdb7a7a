"""Which revision a store's tables have, and how they get to that of this version.

alembic is imported only when there is something to do: a store that is up to date costs one question.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from conductor.store.sql.database import Row
from conductor.store.sql.schema import HEAD, REVISIONS
from hive.errors import HiveError

_THERE: Final = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
    "postgresql": "SELECT 1 FROM pg_catalog.pg_tables WHERE tablename = 'alembic_version' "
    "AND schemaname = current_schema()",
}


class Versioned(Protocol):
    """A database whose tables have a revision."""

    dialect: str
    shown: str

    def rows(self, text: str, row: Row = ()) -> Sequence[Row]:
        """Return what a question finds."""
        ...

    def migrating(self) -> AbstractContextManager[Any]:
        """Give a connection of the driver for alembic, which leaves it open and outside a transaction."""
        ...

    def keep_copy(self, name: str) -> Path | None:
        """Copy everything, where the database can; return where the copy is."""
        ...


def revision_of(database: Versioned) -> str:
    """Return the revision of the tables; empty if there are none."""
    if not database.rows(_THERE[database.dialect]):
        return ""
    found = database.rows("SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else ""


def to_do(database: Versioned) -> tuple[str, ...]:
    """Return the revisions that the tables still have to pass. Raises HiveError(store_newer)."""
    there = revision_of(database)
    if there and there not in REVISIONS:
        detail = (
            f"{database.shown} has tables of revision {there}, and this version knows {REVISIONS[0]} to {HEAD}. "
            "Run the version of Hive that wrote it, or a newer one."
        )
        raise HiveError("store_newer", detail)
    return REVISIONS[REVISIONS.index(there) + 1 :] if there else REVISIONS


def brought_to_head(database: Versioned) -> Path | None:
    """Make or migrate the tables, each revision in one transaction; return the copy that was made before."""
    passing = to_do(database)
    if not passing:
        return None
    from conductor.store.sql.migrate import upgrade  # noqa: PLC0415 - alembic: only where it has something to do

    copy = database.keep_copy(f"before-{HEAD}") if passing != REVISIONS else None
    with database.migrating() as connection:
        upgrade(connection, database.dialect)
    return copy
