"""Places for stores: each kind of store, made anew where an earlier one has been."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conductor.store.base import Store
from conductor.store.keep import Keep
from conductor.store.memory import MemoryStore, Tables
from conductor.store.sql.postgres import PostgresDatabase
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from conductor.store.timeline import Now, system_now
from tests.fakes.postgres import server

KINDS = ("memory", "sqlite", "postgresql")


class Place:
    """Where a store is; `store` returns one that finds what the one before left."""

    def __init__(self, kind: str, make: Callable[[Keep, Now], Store]) -> None:
        self.kind = kind
        self._make = make

    def store(self, keep: Keep | None = None, now: Now = system_now) -> Store:
        return self._make(keep or Keep(), now)


@contextmanager
def place_of(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Yield the place that a test's parameter names."""
    kind = str(request.param)
    with tempfile.TemporaryDirectory(prefix="hive-store-") as folder:
        if kind == "memory":
            tables = Tables()
            epochs = Path(folder) / "epoch"
            yield Place(kind, lambda _keep, _now: MemoryStore(epochs, tables))
        elif kind == "postgresql":
            url = server().url()
            yield Place(kind, lambda keep, now: SqlStore(PostgresDatabase(url), keep, now))
        else:
            path = Path(folder) / "store.db"
            yield Place(kind, lambda keep, now: SqlStore(SqliteDatabase(path), keep, now))
