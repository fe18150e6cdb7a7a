"""From an address to a store. What a store needs is imported only where it is chosen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from conductor.store.address import Address
from conductor.store.base import Store
from conductor.store.keep import Keep
from conductor.store.memory import MemoryStore
from hive.errors import HiveError

if TYPE_CHECKING:
    from conductor.store.sql.database import Database

_EXTRAS = {"psycopg": "postgres"}


def store_at(address: Address, keep: Keep, epoch_file: Path) -> Store:
    """Return the store at an address, which nobody has opened yet; that in memory keeps its epoch in `epoch_file`.

    Raises HiveError(extra_missing).
    """
    if address.scheme == "memory":
        return MemoryStore(epoch_file)
    database = database_at(address)
    from conductor.store.sql.store import SqlStore  # noqa: PLC0415 - not for a store in memory

    return SqlStore(database, keep)


def database_at(address: Address) -> Database:
    """Return the database at an address. Raises HiveError(extra_missing)."""
    try:
        if address.path is not None:
            from conductor.store.sql.sqlite import SqliteDatabase  # noqa: PLC0415 - only where it is chosen

            return SqliteDatabase(address.path)
        from conductor.store.sql.postgres import PostgresDatabase  # noqa: PLC0415 - only where it is chosen
    except ImportError as error:
        extra = _EXTRAS.get(str(error.name), "conductor")
        detail = f"A store at {address.shown} needs {error.name}: pip install 'hive-mesh[{extra}]'."
        raise HiveError("extra_missing", detail) from error
    return PostgresDatabase(address.url, address.password or os.environ.get("PGPASSWORD", ""))
