"""SQLite's log on a disk that has little room: it stays short, and gives back what it can when the disk is full."""

from __future__ import annotations

from pathlib import Path

from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore


def log_bytes(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def test_room_is_made_by_cutting_the_log_off(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database = SqliteDatabase(path)
    store = SqlStore(database)
    store.open()
    assert log_bytes(path) > 0
    database.make_room()
    assert log_bytes(path) == 0
    store.close()


def test_the_log_has_at_most_as_many_pages_as_sqlite_would_give_it(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "store.db")
    store = SqlStore(database)
    store.open()
    ((pages,),) = database.rows("PRAGMA wal_autocheckpoint")
    assert 32 <= int(str(pages)) <= 1_000
    store.close()
