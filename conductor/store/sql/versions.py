"""Which revision a store's tables have, and how they get to that of this version.

alembic is imported only when there is something to do: a store that is up to date costs one question.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from conductor.store.sql.database import Database
from conductor.store.sql.schema import HEAD, REVISIONS
from hive.errors import HiveError

_THERE: Final = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
    "postgresql": "SELECT 1 FROM pg_catalog.pg_tables WHERE tablename = 'alembic_version' "
    "AND schemaname = current_schema()",
}


def revision_of(database: Database) -> str:
    """Return the revision of the tables; empty if there are none."""
    if not database.rows(_THERE[database.dialect]):
        return ""
    found = database.rows("SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else ""


def to_do(database: Database) -> tuple[str, ...]:
    """Return the revisions that the tables still have to pass. Raises HiveError(store_newer)."""
    there = revision_of(database)
    if there and there not in REVISIONS:
        detail = (
            f"{database.shown} has tables of revision {there}, and this version knows {REVISIONS[0]} to {HEAD}. "
            "Run the version of Hive that wrote it, or a newer one."
        )
        raise HiveError("store_newer", detail)
    return REVISIONS[REVISIONS.index(there) + 1 :] if there else REVISIONS


def require_head(database: Database) -> str:
    """Return the revision, if it is that of this version. Raises HiveError: store_newer, store_unavailable."""
    if to_do(database):
        there = revision_of(database) or "none"
        detail = f"{database.shown} has tables of revision {there}, not {HEAD}: `hive store migrate` brings them there."
        raise HiveError("store_unavailable", detail)
    return HEAD


def brought_to_head(database: Database) -> Path | None:
    """Make or migrate the tables, each revision in one transaction; return the copy that was made before."""
    passing = to_do(database)
    if not passing:
        return None
    from conductor.store.sql.migrate import upgrade  # noqa: PLC0415 - alembic: only where it has something to do

    copy = database.keep_copy(f"before-{HEAD}") if passing != REVISIONS else None
    with database.migrating() as connection:
        upgrade(connection, database.dialect)
    return copy
