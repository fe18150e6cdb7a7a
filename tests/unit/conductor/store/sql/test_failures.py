"""A database that fails: what is said of each record, and that the truth is found out before anything else is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conductor.core.actions import CommitFailed, Committed, Known, Looked
from conductor.core.records import FindTask, Recovery, Stored
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from conductor.store.timeline import Moment
from hive.errors import HiveError
from tests.fakes.records import Teller, body, finished, started, submitted, task
from tests.fakes.waiting import until


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.now_us = 1_000_000_000

    def __call__(self) -> Moment:
        return Moment("boot", self.now_us, self.now_us)


class Disk(SqliteDatabase):
    """A database whose commits fail on demand: `before` or `after` they were really made."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.fails = ""
        self.gone = False
        self.reconnects = self.commits = 0

    def commit(self) -> None:
        self.commits += 1
        if self.fails == "after":
            super().commit()
        if self.fails:
            self.fails = ""
            raise _error(sqlite3.SQLITE_IOERR_FSYNC)
        super().commit()

    def reconnect(self) -> None:
        self.reconnects += 1
        if self.gone:
            raise _error(sqlite3.SQLITE_CANTOPEN)
        super().reconnect()

    def limit(self, pages: int) -> None:
        """Let the file have so many pages, as a disk that is full."""
        self.rows(f"PRAGMA max_page_count={pages}")

    def pages(self) -> int:
        return int(self.rows("PRAGMA page_count")[0][0])


def _error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.disk = Disk(folder / "store.db")
        self.store = SqlStore(self.disk, now=self.clock)
        self.epoch = self.store.open()
        assert self.store.recover() == Recovery()
        self.teller = Teller(self.store)

    def found(self, number: int) -> bool:
        return self.teller.ask(FindTask("local", task(number))) is not None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_a_full_disk_takes_nothing_and_everything_again_once_there_is_space(bench: Bench) -> None:
    bench.teller.keep(submitted(1))
    bench.disk.limit(bench.disk.pages())
    large = submitted(2, inputs=(body((bytes(100_000),)),))
    assert bench.teller.keep(large, submitted(3)) == [CommitFailed((2, 3), "database or disk is full")]
    assert bench.disk.reconnects == 0
    assert (bench.found(1), bench.found(2), bench.found(3)) == (True, False, False)
    bench.disk.limit(100_000)
    tokens = bench.teller.write(large, submitted(3))
    assert bench.teller.fate(tokens) == [Committed(tuple(tokens))]
    assert bench.disk.rows("PRAGMA integrity_check") == [("ok",)]


def test_what_failed_and_is_not_there_has_failed(bench: Bench) -> None:
    bench.disk.fails = "before"
    assert bench.teller.keep(submitted(1)) == [CommitFailed((1,), "disk I/O error")]
    assert bench.disk.reconnects == 1
    assert not bench.found(1)
    assert isinstance(bench.teller.keep(submitted(1))[0], Committed)


def test_what_failed_and_is_there_all_the_same_is_committed(bench: Bench) -> None:
    bench.disk.fails = "after"
    assert bench.teller.keep(submitted(1)) == [Committed((1,))]
    assert bench.disk.reconnects == 1
    assert bench.teller.keep(started(1), finished(1)) == [Committed((2, 3))]
    assert bench.found(1)


def test_nothing_is_said_to_be_kept_while_the_disk_is_gone(bench: Bench) -> None:
    bench.disk.fails, bench.disk.gone = "before", True
    assert isinstance(bench.teller.keep(submitted(1))[0], CommitFailed)
    assert isinstance(bench.teller.keep(submitted(2))[0], CommitFailed)
    bench.store.ask(77, FindTask("local", task(1)))
    (event,) = bench.teller.fate([77])
    assert event == Looked(77, None, "disk I/O error")
    assert bench.disk.reconnects == 1  # it is left alone for a while
    bench.clock.now_us += 1_000_000
    assert isinstance(bench.teller.keep(submitted(2))[0], CommitFailed)
    assert bench.disk.reconnects == 2
    bench.disk.gone = False
    bench.clock.now_us += 1_000_000
    assert isinstance(bench.teller.keep(submitted(2))[0], Committed)
    assert not bench.found(1)


def test_what_was_said_to_have_failed_is_undone_if_it_is_there_after_all(bench: Bench) -> None:
    bench.teller.keep(submitted(1))
    bench.disk.fails, bench.disk.gone = "after", True
    assert isinstance(bench.teller.keep(submitted(2), finished(1))[0], CommitFailed)
    bench.disk.gone = False
    bench.clock.now_us += 1_000_000
    events = bench.teller.keep(submitted(2, at_us=9), finished(1))
    assert [type(event) for event in events] == [Committed]
    there = bench.teller.ask(FindTask("local", task(2)))
    assert there == Stored(submitted(2, at_us=9), (), (), None)


def test_one_record_that_cannot_be_written_fails_alone(bench: Bench) -> None:
    broken = replace(started(1), incarnation=1 << 70)
    events = bench.teller.keep(submitted(1), broken, submitted(2))
    assert [type(event) for event in events] == [Committed, CommitFailed, Committed]
    assert (bench.found(1), bench.found(2)) == (True, True)


def test_of_a_large_group_with_one_bad_record_few_commits_are_made(bench: Bench) -> None:
    records = [submitted(number) for number in range(1, 301)]
    records[137] = replace(records[137], key="\ud800")
    bench.disk.commits = 0
    tokens = bench.teller.write(*records)
    events = bench.teller.fate(tokens)
    failed = [token for event in events if isinstance(event, CommitFailed) for token in event.tokens]
    kept = [token for event in events if isinstance(event, Committed) for token in event.tokens]
    assert (failed, kept) == ([tokens[137]], [t for t in tokens if t != tokens[137]])
    assert bench.disk.commits <= 9


def test_a_file_that_is_taken_away_is_noticed_at_the_next_commit(bench: Bench) -> None:
    bench.teller.keep(submitted(1))
    bench.disk.path.rename(bench.disk.path.with_name("elsewhere.db"))
    (event,) = bench.teller.keep(submitted(2))
    assert isinstance(event, CommitFailed)
    assert "was removed or replaced" in event.reason
    bench.disk.path.with_name("elsewhere.db").rename(bench.disk.path)
    bench.clock.now_us += 1_000_000
    assert isinstance(bench.teller.keep(submitted(2))[0], Committed)
    assert bench.found(1)


def test_an_epoch_that_another_conductor_began_ends_this_one(bench: Bench) -> None:
    bench.teller.keep(submitted(1))
    with sqlite3.connect(bench.disk.path) as other:
        other.execute("UPDATE conductor SET epoch = epoch + 1")
    other.close()
    bench.teller.write(submitted(2))

    def ended() -> bool:
        with pytest.raises(HiveError) as caught:
            until(lambda: bool(bench.store.events()))
        return caught.value.code == "store_in_use"

    assert ended()
    assert bench.disk.rows("SELECT count(*) FROM tasks") == [(1,)]


def test_a_known_task_that_cannot_be_read_is_a_failure(bench: Bench) -> None:
    bench.teller.keep(submitted(1))
    assert isinstance(bench.teller.keep(submitted(1))[0], Known)
