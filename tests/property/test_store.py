"""Whatever is written in whatever order: a store in a database keeps the same as the tables in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conductor.core.actions import CommitFailed, Committed, Known, Looked
from conductor.core.records import (
    Body,
    Dropped,
    FindTask,
    Finished,
    ListTasks,
    Met,
    Purged,
    Question,
    Record,
    Recovery,
    Started,
    Stepped,
    Submitted,
)
from conductor.store.base import Store
from conductor.store.memory import MemoryStore, Tables
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from hive.ids import TaskId
from tests.fakes.records import Teller, tokens_of

LABELS = ("public", "internal", "pii")
PRINCIPALS = ("local", "site:shop")
STATES = ("done", "failed", "dead_lettered", "cancelled")

labels = st.lists(st.sampled_from(LABELS), unique=True, max_size=2).map(tuple)
frames = st.lists(st.binary(max_size=4), max_size=2).map(tuple)
bodies = st.builds(Body, st.sampled_from(("", "text")), st.just("text"), labels, frames)
tasks = st.integers(1, 3).map(lambda number: TaskId(bytes([number] * 16)))
who = st.sampled_from(PRINCIPALS)
small = st.integers(0, 3)
instants = st.integers(1, 9)

records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Submitted, who, tasks, st.just(""), st.binary(max_size=2), st.just("c"), labels, instants, instants,
        st.binary(max_size=2), st.lists(bodies, max_size=2).map(tuple),
    ),
    st.builds(Started, who, tasks, small, small, small, st.just("n"), st.just("s"), small, small, small),
    st.builds(Stepped, who, tasks, small, bodies, st.binary(max_size=2)),
    st.builds(
        Finished, who, tasks, st.sampled_from(STATES), st.just("x"), instants, st.binary(max_size=2),
        st.none() | bodies,
    ),
    st.builds(Dropped, who, tasks),
    st.builds(Purged, labels),
    st.builds(Met, st.sampled_from(("a", "b")), st.binary(max_size=2)),
)  # fmt: skip

QUESTIONS: list[Question] = [
    *(FindTask(owner, TaskId(bytes([number] * 16))) for owner in PRINCIPALS for number in range(1, 4)),
    *(
        ListTasks(owner, states, before, limit)
        for owner in PRINCIPALS
        for states in ((), ("open",), ("done", "failed"), ("open", "dead_lettered"))
        for before, limit in ((0, 10), (5, 1))
    ),
]


def fates(teller: Teller, batch: list[Record]) -> dict[int, str]:
    """Return what was said of each record of a batch."""
    events = teller.keep(*batch) if batch else []
    names = {Committed: "kept", CommitFailed: "failed", Known: "known", Looked: "looked"}
    return {token: names[type(event)] for event in events for token in tokens_of(event)}


def in_order(found: Recovery) -> tuple[object, ...]:
    """Return what a start finds, with those who were met by their names."""
    return found.open, found.owed, tuple(sorted(found.met, key=lambda met: met.name))


@pytest.mark.timeout(300)
@settings(max_examples=120)
@given(st.lists(st.lists(records, max_size=6), max_size=6))
def test_a_database_keeps_what_the_tables_keep(batches: list[list[Record]]) -> None:
    tables = Tables()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        stores: tuple[Store, Store] = (MemoryStore(tables=tables), SqlStore(SqliteDatabase(path)))
        for store in stores:
            store.open()
        told = [Teller(store) for store in stores]
        for batch in batches:
            assert fates(told[0], batch) == fates(told[1], batch)
            assert told[0].ask_all(QUESTIONS) == told[1].ask_all(QUESTIONS)
        for store in stores:
            store.close()
        again = SqlStore(SqliteDatabase(path))
        again.open()
        assert in_order(again.recover()) == in_order(tables.recovery())
        again.close()
