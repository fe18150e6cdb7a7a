"""What every store does: in memory, in a file of SQLite, and in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conductor.core.actions import Committed, Known, Looked
from conductor.core.records import (
    UNHEARD,
    Body,
    Dropped,
    FindTask,
    ListTasks,
    Met,
    Purged,
    Record,
    Recovery,
    Stored,
    TaskRow,
)
from conductor.store.memory import Tables
from hive.errors import HiveError
from tests.fakes.records import Teller, body, finished, started, stepped, submitted, task, tokens_of
from tests.fakes.stores import KINDS, Place, place_of
from tests.fakes.waiting import until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place_of(request) as made:
        yield made


@pytest.fixture
def teller(place: Place) -> Iterator[Teller]:
    store = place.store()
    store.open()
    assert store.recover() == Recovery()
    yield Teller(store)
    store.close()


def found(teller: Teller, number: int, principal: str = "local") -> Stored | None:
    answer = teller.ask(FindTask(principal, task(number)))
    assert answer is None or isinstance(answer, Stored)
    return answer


def listed(
    teller: Teller, *states: str, before_us: int = 0, limit: int = 10, principal: str = "local"
) -> list[int]:
    rows = teller.ask(ListTasks(principal, states, before_us, limit))
    assert isinstance(rows, tuple)
    return [int.from_bytes(row.task, "big") for row in rows]


def restarted(place: Place, teller: Teller) -> tuple[Teller, Recovery]:
    teller.store.close()
    store = place.store()
    store.open()
    return Teller(store), store.recover()


def test_what_is_written_is_committed_in_one_event_and_in_order(teller: Teller) -> None:
    tokens = teller.write(submitted(1), started(1), submitted(2), finished(1))
    assert teller.fate(tokens) == [Committed(tuple(tokens))]


def test_nobody_hears_of_what_nobody_waits_for(teller: Teller) -> None:
    teller.store.write(UNHEARD, submitted(1))
    assert teller.keep(submitted(2)) == [Committed((1,))]
    assert listed(teller) == [2, 1]


def test_a_task_is_found_as_it_was_written(teller: Teller) -> None:
    asked = submitted(
        1, key="k", inputs=(body((b"a", b"", bytes(range(256)))), body((), ("pii", "phi"), "more"))
    )
    teller.keep(asked, started(1), stepped(1), started(1, 2, step=1))
    assert found(teller, 1) == Stored(asked, (stepped(1),), (started(1), started(1, 2, step=1)), None)
    assert found(teller, 2) is None
    assert found(teller, 1, "other") is None


def test_a_submission_of_what_is_there_is_not_written_and_told_what_is_there(teller: Teller) -> None:
    first = submitted(1)
    teller.keep(first)
    again = submitted(1, at_us=77, inputs=(body((b"other",)),))
    assert teller.keep(again) == [Known(2, Stored(first, (), (), None))]
    assert teller.keep(submitted(1, "somebody else")) == [Committed((3,))]


def test_two_submissions_in_one_batch_are_one_task(teller: Teller) -> None:
    events = teller.keep(submitted(1), submitted(1, at_us=77))
    assert events == [Committed((1,)), Known(2, Stored(submitted(1), (), (), None))]


def test_who_submits_again_is_told_what_is_there_though_it_is_dropped_right_after(teller: Teller) -> None:
    tokens = teller.write(submitted(1), submitted(1, at_us=77), Dropped("local", task(1)))
    assert teller.fate(tokens) == [
        Committed((1,)),
        Known(2, Stored(submitted(1), (), (), None)),
        Committed((3,)),
    ]
    assert found(teller, 1) is None


def test_steps_are_in_their_order(teller: Teller) -> None:
    teller.keep(submitted(1), stepped(1, 2), stepped(1), stepped(1, 1))
    there = found(teller, 1)
    assert there is not None
    assert [step.step for step in there.steps] == [0, 1, 2]


def test_the_first_outcome_stays_and_nothing_comes_after_it(teller: Teller) -> None:
    teller.keep(submitted(1), started(1), finished(1))
    teller.keep(finished(1, "failed"), stepped(1), started(1, 2))
    there = found(teller, 1)
    assert there is not None
    assert (there.finished, there.steps, there.attempts) == (finished(1), (), (started(1),))


@pytest.mark.parametrize(
    ("state", "left"), [("done", 0), ("cancelled", 0), ("expired", 0), ("failed", 1), ("dead_lettered", 1)]
)
def test_inputs_go_with_an_outcome_unless_it_can_be_tried_again(
    teller: Teller, state: str, left: int
) -> None:
    teller.keep(submitted(1), stepped(1), finished(1, state))
    there = found(teller, 1)
    assert there is not None
    assert (len(there.submitted.inputs), there.steps, there.finished) == (left, (), finished(1, state))


def test_what_belongs_to_no_task_is_let_go(teller: Teller) -> None:
    events = teller.keep(started(1), stepped(1), finished(1), Dropped("local", task(1)))
    assert [token for event in events for token in tokens_of(event)] == [1, 2, 3, 4]
    assert found(teller, 1) is None


def test_a_task_that_is_dropped_is_gone_and_its_id_is_free(teller: Teller) -> None:
    teller.keep(submitted(1), started(1), finished(1), Dropped("local", task(1)), submitted(1, at_us=9))
    assert found(teller, 1) == Stored(submitted(1, at_us=9), (), (), None)


def test_a_list_has_the_newest_first_and_pages(teller: Teller) -> None:
    teller.keep(*(submitted(number) for number in (3, 1, 2, 5, 4)), submitted(9, "other"))
    assert listed(teller, limit=2) == [5, 4]
    assert listed(teller, before_us=4_000, limit=2) == [3, 2]
    assert listed(teller, before_us=2_000, limit=2) == [1]
    assert listed(teller, before_us=1_000) == []


def test_a_list_can_be_of_some_states(teller: Teller) -> None:
    teller.keep(*(submitted(number) for number in range(1, 6)))
    teller.keep(
        finished(1, "dead_lettered"), finished(2), finished(3, "failed"), finished(4, "dead_lettered")
    )
    assert listed(teller, "dead_lettered") == [4, 1]
    assert listed(teller, "dead_lettered", limit=1) == [4]
    assert listed(teller, "dead_lettered", before_us=4_000) == [1]
    assert listed(teller, "open") == [5]
    assert listed(teller, "open", "failed", "done", limit=2) == [5, 3]
    assert listed(teller) == [5, 4, 3, 2, 1]


def test_a_list_shows_each_task_without_its_bodies(teller: Teller) -> None:
    teller.keep(submitted(1, key="k"), started(1), started(1, 2), finished(1, "failed"), submitted(2))
    assert teller.ask(ListTasks("local", (), 0, 10)) == (
        TaskRow("local", task(2), "", "text.echo", "open", "", ("internal",), 0, 2_000, 0),
        TaskRow("local", task(1), "k", "text.echo", "failed", "internal", ("internal",), 2, 1_000, 1_500),
    )


def test_a_question_sees_what_was_written_before_it(teller: Teller) -> None:
    teller.store.write(UNHEARD, submitted(1))
    teller.store.write(UNHEARD, finished(1))
    there = found(teller, 1)
    assert there is not None
    assert there.finished == finished(1)


def test_what_is_said_comes_in_the_order_of_writing(teller: Teller) -> None:
    teller.keep(submitted(1))
    store, ask = teller.store, FindTask("local", task(9))
    for token, item in ((11, submitted(2)), (12, submitted(1)), (14, started(2)), (16, submitted(3))):
        store.write(token, item)
        if token == 14:
            store.ask(15, ask)
    events = teller.fate([11, 12, 14, 15, 16])
    assert events == [
        Committed((11,)),
        Known(12, Stored(submitted(1), (), (), None)),
        Committed((14,)),
        Looked(15, None),
        Committed((16,)),
    ]


def test_a_restart_finds_what_is_open_what_is_owed_and_who_was_known(place: Place, teller: Teller) -> None:
    teller.keep(
        submitted(1), started(1), submitted(2), finished(2), submitted(3, "site:shop"), Met("b", b"2")
    )
    teller.keep(finished(3, principal="site:shop"), submitted(4, "site:shop"), Met("a", b"1"), Met("b", b"3"))
    teller, recovery = restarted(place, teller)
    assert recovery.open == (
        Stored(submitted(1), (), (started(1),), None),
        Stored(submitted(4, "site:shop"), (), (), None),
    )
    (owed,) = recovery.owed
    assert (owed.submitted.task, owed.finished) == (task(3), finished(3, principal="site:shop"))
    assert sorted(recovery.met, key=lambda met: met.name) == [Met("a", b"1"), Met("b", b"3")]
    teller.keep(Dropped("site:shop", task(3)), finished(1), finished(4, principal="site:shop"))
    teller, recovery = restarted(place, teller)
    assert [there.submitted.task for there in (*recovery.open, *recovery.owed)] == [task(4)]
    teller.store.close()


def test_a_restart_goes_on_with_a_task_and_numbers_its_attempts(place: Place, teller: Teller) -> None:
    teller.keep(submitted(1), started(1), stepped(1))
    teller, recovery = restarted(place, teller)
    assert recovery.open == (Stored(submitted(1), (stepped(1),), (started(1),), None),)
    assert isinstance(teller.keep(submitted(1))[0], Known)
    teller.keep(started(1, 2, step=1), finished(1), submitted(2))
    there = found(teller, 1)
    assert there is not None
    assert there.attempts == (started(1), started(1, 2, step=1))
    assert listed(teller) == [2, 1]
    teller.store.close()


def test_epochs_grow(place: Place) -> None:
    epochs = []
    for _ in range(3):
        store = place.store()
        epochs.append(store.open())
        store.close()
    assert epochs == [1, 2, 3]


def test_what_was_written_is_committed_by_closing(place: Place, teller: Teller) -> None:
    if place.kind == "memory":
        pytest.skip("a store in memory ends with its process")
    teller.write(submitted(1), submitted(2))
    teller, recovery = restarted(place, teller)
    assert [there.submitted.task for there in recovery.open] == [task(1), task(2)]
    teller.store.close()


def test_a_purge_deletes_bodies_by_their_labels_and_nothing_else(teller: Teller) -> None:
    pii = body((b"secret",), ("internal", "pii"))
    plain = body((b"plain",), ("internal",), "other")
    teller.keep(submitted(1, inputs=(pii, plain)), stepped(1, output=pii), stepped(1, 1, output=plain))
    teller.keep(submitted(2, inputs=(pii,)), finished(2, "failed"), submitted(3), finished(3))
    teller.keep(Purged(("public", "internal")))
    there = [found(teller, number) for number in (1, 2, 3)]
    assert [one.submitted.inputs if one else None for one in there] == [(plain,), (), ()]
    assert there[0] is not None
    assert [step.step for step in there[0].steps] == [1]
    assert [one.finished if one else None for one in there] == [None, finished(2, "failed"), finished(3)]
    assert there[1] is not None
    assert there[1].submitted.labels == ("internal", "pii")
    teller.keep(submitted(4, inputs=(pii,)))
    assert found(teller, 4) == Stored(submitted(4, inputs=(pii,)), (), (), None)
    teller.keep(Purged(("public", "internal")))
    there = [found(teller, 4)]
    assert [one.submitted.inputs if one else None for one in there] == [()]


def test_there_is_a_call_whenever_there_are_events(place: Place, teller: Teller) -> None:
    if place.kind == "memory":
        pytest.skip("a store in memory has no thread of its own")
    calls: list[bool] = []
    teller.store.wake(lambda: calls.append(True))
    teller.write(submitted(1))
    assert teller.store.events() == []
    until(lambda: bool(calls))
    assert teller.store.events() == [Committed((1,))]


def test_many_records_of_many_tasks(teller: Teller) -> None:
    numbers = range(1, 501)
    tokens: list[int] = []
    for number in numbers:
        tokens += teller.write(submitted(number), started(number), finished(number))
        if number % 7 == 0:
            teller.heard += teller.store.events()
    teller.fate(tokens[-1:])
    told = [token for event in teller.heard for token in tokens_of(event)]
    assert sorted(told) == tokens
    assert told == sorted(told)
    assert listed(teller, "done", limit=1000) == list(reversed(numbers))


def test_one_store_belongs_to_one_conductor(place: Place, teller: Teller) -> None:
    if place.kind == "memory":
        pytest.skip("a store in memory belongs to its process")
    teller.keep(submitted(1))
    with pytest.raises(HiveError) as caught:
        place.store().open()
    assert caught.value.code == "store_in_use"
    assert teller.keep(submitted(2)) == [Committed((2,))]


def test_text_of_any_kind_comes_back(teller: Teller) -> None:
    strange = Body("a'b\"%s?", "t:x", ("internal", "l\N{SNOWMAN}"), (b"\0\xff", b"%s"))
    asked = submitted(1, "who's \N{GRINNING FACE} %", key="key ? ' \n", inputs=(strange,))
    teller.keep(asked)
    assert found(teller, 1, "who's \N{GRINNING FACE} %") == Stored(asked, (), (), None)


def test_a_large_body_comes_back(teller: Teller) -> None:
    large = body((bytes(3_000_000), b"x" * 1_000_000))
    teller.keep(submitted(1, inputs=(large,)))
    there = found(teller, 1)
    assert there is not None
    assert there.submitted.inputs == (large,)


def test_the_reference_agrees_with_itself() -> None:
    tables = Tables()
    records: list[Record] = [submitted(1), stepped(1), stepped(1), finished(1, "failed"), stepped(1, 1)]
    for item in records:
        tables.apply(item)
    there = tables.answer(FindTask("local", task(1)))
    assert there == Stored(submitted(1), (), (), finished(1, "failed"))
