"""The file of an outbox: its tables, how it is opened, and what its failures mean.

SQLite's write-ahead log is what makes a torn write harmless: each transaction in it carries checksums, and what follows
the last whole one is not there. It needs a local disk: a network's file system does not keep what its locks promise.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hive.errors import HiveError

VERSION: Final = 1
APPLICATION: Final = 0x48_4F_42_31  # "HOB1"
COLUMNS: Final = "number, task, state, sent, what, body, size, boot, up_us, wall_us, expires_ms, error"
_BUSY_S: Final = 5.0
_CACHE_KB: Final = 512
_TABLES: Final = """
CREATE TABLE entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    task BLOB NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'kept',
    sent INTEGER NOT NULL DEFAULT 0,
    what TEXT NOT NULL,
    body TEXT,
    size INTEGER NOT NULL,
    boot TEXT NOT NULL,
    up_us INTEGER NOT NULL,
    wall_us INTEGER NOT NULL,
    expires_ms INTEGER,
    error TEXT
);
CREATE INDEX by_state ON entry (state, number, size);
CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), principal TEXT NOT NULL);
"""
_FULL: Final = ("disk is full", "disk I/O error", "readonly database", "unable to open")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file at `path`, make its tables if it is new. Raises HiveError as `guarded` does."""
    with guarded(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # for its owner alone: it may carry any label
        db = sqlite3.connect(path, _BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(path, db)
        except BaseException:
            db.close()
            raise
        return db


def _prepare(path: Path, db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")  # an input that is deleted is overwritten too
    db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")  # of two that make it at once, the second finds it made
        if db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in _TABLES.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    kind, version = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")
    )
    if kind != APPLICATION:
        raise HiveError("outbox_invalid", f"{path} is a database of something else; name another file.")
    if version > VERSION:
        raise HiveError("outbox_invalid", f"{path} was written by a later version of Hive; use that one.")


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into errors of the catalogue.

    Raises HiveError: outbox_in_use (another process has not let go of it for seconds), state_unwritable (full,
    read-only, gone), outbox_invalid (not an outbox, or damaged).
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise HiveError(
                "outbox_in_use", f"{path} has been locked for {_BUSY_S:.0f} s; try again."
            ) from error
        if any(word in str(error) for word in _FULL):
            raise _unwritable(path, str(error)) from error
        raise HiveError("outbox_invalid", f"{path} cannot be read as an outbox: {error}.") from error
    except sqlite3.DatabaseError as error:
        detail = f"{path} cannot be read as an outbox: {error}. Move it away; what it held may be lost."
        raise HiveError("outbox_invalid", detail) from error
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise HiveError(
                "outbox_invalid", f"{path} is no place for an outbox: {error.strerror}."
            ) from error
        raise _unwritable(path, error.strerror or str(error)) from error


def _unwritable(path: Path, why: str) -> HiveError:
    return HiveError(
        "state_unwritable", f"{path} cannot be written: {why}. Make room there, or name another place."
    )
