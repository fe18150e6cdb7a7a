"""Revisions of the tables: they end where the statements expect them, and no older or newer store is spoiled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from conductor.core.records import FindTask
from conductor.store.sql.migrate import config, upgrade
from conductor.store.sql.postgres import PostgresDatabase
from conductor.store.sql.schema import HEAD, REVISIONS, metadata
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from conductor.store.sql.versions import revision_of, to_do
from hive.errors import HiveError
from tests.fakes.postgres import server
from tests.fakes.records import Teller, finished, submitted, task

pytestmark = pytest.mark.timeout(120)


def test_the_revisions_are_those_of_the_scripts() -> None:
    scripts = ScriptDirectory.from_config(config())
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS
    assert scripts.get_current_head() == HEAD


@contextmanager
def connected(dialect: str, folder: Path) -> Iterator[Any]:
    """Yield a connection of the driver to a new database."""
    if dialect == "sqlite":
        made: Any = sqlite3.connect(folder / "x.db", isolation_level=None)
    else:
        made = psycopg.connect(server().url())
    yield made
    made.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_of_the_schema(dialect: str, tmp_path: Path) -> None:
    with connected(dialect, tmp_path) as driver:
        upgrade(driver, dialect)
        address = "sqlite://" if dialect == "sqlite" else "postgresql+psycopg://"
        engine = create_engine(address, creator=lambda: driver, poolclass=StaticPool)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []


def older(path: Path) -> None:
    """Make a store of the first revision with one finished task."""
    database = SqliteDatabase(path)
    store = SqlStore(database)
    store.open()
    Teller(store).keep(submitted(1), finished(1))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP INDEX outcomes_by_state")
        connection.execute("DROP INDEX outcomes_by_end")
        connection.execute("UPDATE alembic_version SET version_num = ?", (REVISIONS[0],))
    connection.close()


def test_an_older_store_is_migrated_after_a_copy_was_made(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    older(path)
    store = SqlStore(SqliteDatabase(path))
    assert store.open() == 2
    assert Teller(store).ask(FindTask("local", task(1))) is not None
    store.close()
    copy = SqliteDatabase(path.with_name(f"store.db.before-{HEAD}"))
    with sqlite3.connect(copy.path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISIONS[0],)]
        assert connection.execute("SELECT count(*) FROM tasks").fetchall() == [(1,)]
    connection.close()


def test_a_store_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for _ in range(2):
        database = SqliteDatabase(path)
        database.connect()
        assert (revision_of(database), to_do(database)) == (HEAD, ())
        database.close()
    assert [file.name for file in tmp_path.iterdir() if "before" in file.name] == []


def test_a_newer_store_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    older(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()
    with pytest.raises(HiveError) as caught:
        SqlStore(SqliteDatabase(path)).open()
    assert caught.value.code == "store_newer"
    assert "r9999" in caught.value.detail


def test_a_newer_postgres_is_not_touched() -> None:
    url = server().url()
    store = SqlStore(PostgresDatabase(url))
    store.open()
    store.close()
    server().ask(url, "UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(HiveError) as caught:
        SqlStore(PostgresDatabase(url)).open()
    assert caught.value.code == "store_newer"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(HiveError) as caught:
        SqlStore(SqliteDatabase(path)).open()
    assert caught.value.code == "state_unwritable"
    assert "put a backup in its place" in caught.value.detail


def test_a_damaged_file_is_refused_with_what_to_do_and_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqlStore(SqliteDatabase(path))
    store.open()
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))  # the first page is sound: it opens
    with pytest.raises(HiveError) as caught:
        SqlStore(SqliteDatabase(path)).open()
    assert caught.value.code == "state_unwritable"
    assert "put a backup in its place" in caught.value.detail


def test_a_postgres_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(HiveError) as caught:
        SqlStore(PostgresDatabase(f"postgresql:///hive?host={tmp_path}")).open()
    assert caught.value.code == "store_unavailable"
