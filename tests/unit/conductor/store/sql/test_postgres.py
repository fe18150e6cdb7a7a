"""What is special about a store in PostgreSQL: its session may be lost while another conductor takes over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conductor.core.actions import CommitFailed, Committed
from conductor.core.records import FindTask
from conductor.store.sql.postgres import PostgresDatabase
from conductor.store.sql.store import SqlStore
from conductor.store.timeline import Moment
from hive.errors import HiveError
from tests.fakes.postgres import server
from tests.fakes.records import Teller, submitted, task
from tests.fakes.waiting import until

pytestmark = pytest.mark.timeout(120)

END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
)


class Clock:
    """Moves by itself, so that a store that failed tries again at once."""

    def __init__(self) -> None:
        self.now_us = 1_000_000_000

    def __call__(self) -> Moment:
        self.now_us += 1_000_000
        return Moment("boot", self.now_us, self.now_us)


class Conductor:
    """One start on a store."""

    def __init__(self, url: str) -> None:
        self.store = SqlStore(PostgresDatabase(url), now=Clock())
        self.epoch = self.store.open()
        self.teller = Teller(self.store)

    def ends_with(self) -> str:
        """Return the code with which it ends."""
        with pytest.raises(HiveError) as caught:
            until(lambda: bool(self.store.events()))
        return caught.value.code


@pytest.fixture
def url() -> str:
    return server().url()


@pytest.fixture
def first(url: str) -> Iterator[Conductor]:
    made = Conductor(url)
    made.teller.keep(submitted(1))
    yield made
    made.store.close()


def test_a_session_that_is_ended_is_begun_anew(url: str, first: Conductor) -> None:
    server().ask(url, END_SESSIONS)
    first.teller.keep(submitted(2))  # may fail: its session is gone
    assert first.teller.keep(submitted(3)) == [Committed((3,))]
    assert first.teller.ask(FindTask("local", task(1))) is not None


def test_who_lost_the_lock_writes_nothing_while_another_has_it_and_ends_after_that(
    url: str, first: Conductor
) -> None:
    server().ask(url, END_SESSIONS)
    second = Conductor(url)
    assert (first.epoch, second.epoch) == (1, 2)
    assert isinstance(first.teller.keep(submitted(2))[0], CommitFailed)
    assert isinstance(second.teller.keep(submitted(3))[0], Committed)
    second.store.close()
    first.teller.write(submitted(4))
    assert first.ends_with() == "store_in_use"
    found = server().ask(url, "SELECT task FROM tasks ORDER BY seq")
    assert [row[0] for row in found] == [task(1), task(3)]


def test_an_epoch_that_another_began_ends_this_one_in_the_same_transaction(
    url: str, first: Conductor
) -> None:
    server().ask(url, "UPDATE conductor SET epoch = epoch + 1")
    first.teller.write(submitted(2))
    assert first.ends_with() == "store_in_use"
    assert server().ask(url, "SELECT count(*) FROM tasks") == [(1,)]


def test_a_text_that_postgres_cannot_hold_fails_alone(first: Conductor) -> None:
    events = first.teller.keep(submitted(2), submitted(3, key="a\0b"), submitted(4))
    assert [type(event) for event in events] == [Committed, CommitFailed, Committed]
