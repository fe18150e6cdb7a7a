"""What a store lets go, and what it never lets go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conductor.core.records import ListTasks, Purged, Record
from conductor.store.keep import Keep
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from conductor.store.timeline import Moment
from tests.fakes.records import Teller, body, finished, submitted
from tests.fakes.waiting import until

DAY = 86_400 * 1_000_000
NOW = 100 * DAY


@contextmanager
def kept(folder: Path, keep: Keep, *records: Record) -> Iterator[Teller]:
    """Yield who writes to a store that holds some records."""
    store = SqlStore(SqliteDatabase(folder / "store.db"), keep, lambda: Moment("boot", NOW, NOW))
    store.open()
    teller = Teller(store)
    teller.keep(*records)
    yield teller
    store.close()


def left(teller: Teller, principal: str = "local") -> list[int]:
    rows = teller.ask(ListTasks(principal, (), 0, 1000))
    assert isinstance(rows, tuple)
    return sorted(int.from_bytes(row.task, "big") for row in rows)


def ended(number: int, days: float, state: str = "done", principal: str = "local") -> list[Record]:
    """Return a task that ended so many days ago."""
    at_us = NOW - int(days * DAY)
    return [submitted(number, principal, at_us - 10), finished(number, state, principal, at_us)]


def test_old_tasks_go_and_dead_letters_later(tmp_path: Path) -> None:
    records = [
        *ended(1, 8), *ended(2, 6), *ended(3, 8, "failed"),
        *ended(4, 8, "dead_lettered"), *ended(5, 31, "dead_lettered"),
        submitted(6, at_us=NOW - 50 * DAY),
    ]  # fmt: skip
    with kept(tmp_path, Keep(7, 30), *records) as teller:
        until(lambda: left(teller) == [2, 4, 6])


def test_an_answer_that_a_site_has_not_taken_is_kept_like_a_dead_letter(tmp_path: Path) -> None:
    records = [*ended(1, 8, principal="site:shop"), *ended(2, 31, principal="site:shop"), *ended(3, 8)]
    with kept(tmp_path, Keep(7, 30), *records) as teller:
        until(lambda: left(teller) == [])
        until(lambda: left(teller, "site:shop") == [1])


def test_the_oldest_go_where_there_are_too_many(tmp_path: Path) -> None:
    records = [record for number in range(1, 301) for record in ended(number, 1 - number / 1000)]
    with kept(tmp_path, Keep(tasks=20), *records, *ended(999, 2, "dead_lettered"), submitted(1000)) as teller:
        until(lambda: left(teller) == [*range(282, 301), 999, 1000])


def test_the_oldest_go_where_they_are_too_large(tmp_path: Path) -> None:
    records: list[Record] = []
    for number in range(1, 11):
        asked, ended_ = ended(number, 1 - number / 1000)
        records += [asked, finished(number, at_us=ended_.closed_us, result=bytes(1000))]  # type: ignore[union-attr]
    with kept(tmp_path, Keep(bytes=5_100), *records) as teller:
        until(lambda: left(teller) == [6, 7, 8, 9, 10])


def test_what_was_kept_before_counts_after_a_restart(tmp_path: Path) -> None:
    records = [record for number in range(1, 11) for record in ended(number, 1 - number / 1000)]
    with kept(tmp_path, Keep(), *records) as teller:
        assert len(left(teller)) == 10
    with kept(tmp_path, Keep(tasks=3), submitted(99)) as teller:
        until(lambda: left(teller) == [8, 9, 10, 99])


@pytest.mark.parametrize("size", [100, 200_000])
def test_no_byte_of_a_purged_body_stays_in_any_file(tmp_path: Path, size: int) -> None:
    secret = b"patient-4711" * (size // 12)
    records = [submitted(1, inputs=(body((secret,), ("phi",)),)), submitted(2), *ended(3, 8)]
    with kept(tmp_path, Keep(100), *records) as teller:
        assert present(tmp_path)
        teller.keep(Purged(("public", "internal")))
        until(lambda: not present(tmp_path))


def test_no_byte_of_a_pruned_body_stays_in_the_database(tmp_path: Path) -> None:
    with kept(tmp_path, Keep(100)) as teller:
        asked, ended_ = ended(1, 8)
        teller.keep(asked, finished(1, at_us=ended_.closed_us, result=b"patient-4711" * 9_000))  # type: ignore[union-attr]
    assert present(tmp_path)
    with kept(tmp_path, Keep(7), submitted(2)) as teller:
        until(lambda: left(teller) == [2])
    assert not present(tmp_path)


def present(folder: Path) -> bool:
    """Return whether a part of the secret is in any file."""
    return any(b"patient-4711" in path.read_bytes() for path in folder.iterdir())
