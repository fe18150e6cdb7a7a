"""Stores of processes that are killed at any moment: what was acknowledged is there, and the next start goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conductor.store.base import Store
from conductor.store.sql.postgres import PostgresDatabase
from conductor.store.sql.schema import HEAD, REVISIONS
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from tests.fakes.postgres import server
from tests.fakes.store_process import ROOT, Said, WriterProcess, missing
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

NOTHING = {"lost": set(), "undone": set()}
TRACED = ("strace", "-f", "-qq", "-o", "/dev/null")
WRITES = "pwrite64,fdatasync,fsync,ftruncate,unlink,rename"
COUNT = 100_000  # more than any writer gets to


def traced() -> bool:
    """Return whether faults can be put into system calls here."""
    program = shutil.which("strace")
    if program is None:
        return False
    return subprocess.run([program, "-qq", "true"], check=False, capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not traced(), reason="strace is not installed, or may not trace here")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def kills(url: str, rounds: int, said: Said, seed: int) -> None:
    """Let writers write, and kill each after a moment."""
    chance = random.Random(seed)
    for number in range(rounds):
        writer = WriterProcess(url, 1 + number * COUNT, COUNT)
        writer.wait_for("done ")
        time.sleep(chance.random() * 0.2)
        writer.kill()
        assert writer.end(said) == -signal.SIGKILL


def judged(store: Store, said: Said, epochs: int) -> None:
    """See that nothing is missing from a store that was killed so often."""
    assert store.open() == epochs + 1
    recovery = store.recover()
    assert said.opened == list(range(1, epochs + 1))
    assert said.acknowledged
    assert missing(store, said) == NOTHING
    assert len(recovery.open) <= 64 * epochs
    store.close()


def test_sqlite_keeps_what_it_acknowledged_through_kills(tmp_path: Path) -> None:
    said = Said()
    path = tmp_path / "store.db"
    kills(f"sqlite://{path}", 5, said, seed=1)
    judged(SqlStore(SqliteDatabase(path)), said, 5)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_postgres_keeps_what_it_acknowledged_through_kills() -> None:
    said = Said()
    url = server().url()
    kills(url, 3, said, seed=2)
    judged(SqlStore(PostgresDatabase(url)), said, 3)


def test_a_writer_outlives_crashes_of_its_postgres() -> None:
    said = Said()
    url = server().url()
    writer = WriterProcess(url, 1, COUNT)
    writer.wait_for("done ")
    for _ in range(2):
        server().crash()
        server().start()
        size = len(writer.text())
        until(lambda size=size: "done " in writer.text()[size:], 30, "a commit after the crash")  # type: ignore[misc]
    writer.kill()
    writer.end(said)
    judged(SqlStore(PostgresDatabase(url)), said, 1)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/store.db"
    first, second = WriterProcess(url, 1, COUNT), Said()
    first.wait_for("done ")
    assert WriterProcess(url, 1, 1).end(second) == 90
    assert second.errors[0].startswith("store_in_use ")
    size = len(first.text())
    until(lambda: "done " in first.text()[size:], what="the first one's next commit")
    first.kill()
    first.end(Said())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)  # noqa: S607
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


@needs_root
def test_a_disk_that_is_full_ends_nothing(small_disk: Path) -> None:
    said = Said()
    ballast = small_disk / "ballast"
    path = small_disk / "store.db"
    writer = WriterProcess(f"sqlite://{path}", 1, COUNT)
    writer.wait_for("done ")
    with ballast.open("wb") as file:
        free = os.statvfs(small_disk).f_bavail * 4096
        file.write(bytes(max(0, free - 100_000)))
    writer.wait_for("fail ")
    assert writer.process.poll() is None
    assert "full" in writer.text()
    ballast.unlink()
    size = len(writer.text())
    until(lambda: "done " in writer.text()[size:], 30, "a commit once there is space")
    writer.kill()
    writer.end(said)
    judged(SqlStore(SqliteDatabase(path)), said, 1)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@needs_strace
def test_a_disk_that_fails_to_sync_acknowledges_nothing_and_comes_back(tmp_path: Path) -> None:
    said = Said()
    path = tmp_path / "store.db"
    fault = [*TRACED, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=60..66"]
    writer = WriterProcess(f"sqlite://{path}", 1, 2_000, fault)
    assert writer.end(said, 120) == 0
    assert said.failed
    assert "disk I/O error" in said.failed[0]
    assert said.done == set(range(1, 2_001))
    judged(SqlStore(SqliteDatabase(path)), said, 1)


def older(path: Path) -> None:
    """Leave a store of the first revision."""
    store = SqlStore(SqliteDatabase(path))
    store.open()
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP INDEX outcomes_by_state")
        connection.execute("DROP INDEX outcomes_by_end")
        connection.execute("UPDATE alembic_version SET version_num = ?", (REVISIONS[0],))
    connection.close()


def fresh(path: Path) -> None:
    """Leave nothing."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


OPENS = (
    "import sys; from pathlib import Path; from conductor.store.sql.sqlite import SqliteDatabase;"
    "SqliteDatabase(Path(sys.argv[1])).connect()"
)


@needs_strace
@pytest.mark.parametrize("before", [older, fresh])
def test_a_migration_that_is_killed_leaves_the_old_tables_or_the_new_ones(
    tmp_path: Path, before: Callable[[Path], None]
) -> None:
    path = tmp_path / "store.db"
    seen: set[str] = set()
    killed = 0
    for number in range(1, 400, 9):
        before(path)
        words = [*TRACED, "-e", f"trace={WRITES}", "-e", f"inject={WRITES}:signal=SIGKILL:when={number}"]
        words += [sys.executable, "-c", OPENS, str(path)]
        done = subprocess.run(
            words, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False, timeout=60
        )
        if done.returncode == 0:
            break
        killed += 1
        seen.add(_state_of(path))
    assert killed > 3
    assert seen <= {"", *REVISIONS}
    assert {"", REVISIONS[0]} & seen
    database = SqliteDatabase(path)
    database.connect()
    database.close()
    assert _state_of(path) == HEAD


def _state_of(path: Path) -> str:
    """Return the revision of a store, after seeing that it has exactly the tables of that."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql IS NOT NULL")}
        found = (
            connection.execute("SELECT version_num FROM alembic_version").fetchall()
            if "alembic_version" in names
            else []
        )
    connection.close()
    revision = str(found[0][0]) if found else ""
    assert ("outcomes_by_end" in names, "outcomes_by_state" in names) == ((revision == HEAD),) * 2
    assert ("tasks" in names) == (revision != "")
    return revision
