"""Store and forward: one entry at a time, in order, again until it is accepted or refused for good."""

from __future__ import annotations

from random import Random

import pytest

from hive.core.forward import (
    TRANSITIONS,
    EntryState,
    Forwarder,
    ForwardTuning,
    Go,
    Halt,
    Inquire,
    Item,
    Load,
    Loaded,
    Mark,
    NoteSent,
    Phase,
    Received,
    Refused,
    Transmit,
    Verdict,
    verdict_on,
)
from hive.errors import CATALOGUE, HiveError
from hive.ids import TaskId

SECOND = 1_000_000
TUNING = ForwardTuning(base_us=SECOND, cap_us=4 * SECOND, patience_us=10 * SECOND)
FULL = HiveError("queue_full", "Full.", retry_after_ms=2000)
GONE = HiveError("unreachable", "Nobody.")


def item(number: int, *, sent: bool = False, left_us: int | None = None) -> Item:
    return Item(number, TaskId(bytes([number]) * 16), sent, left_us)


def sending(one: Item) -> Forwarder:
    core = Forwarder(Random(1), TUNING)
    core.handle(Go(), 0)
    core.handle(Loaded(one), 0)
    return core


def test_an_entry_is_noted_as_sent_before_it_is_sent() -> None:
    core = Forwarder(Random(1), TUNING)
    assert core.handle(Go(), 0) == [Load()]
    assert core.handle(Loaded(item(1)), 0) == [NoteSent(1), Transmit(item(1))]
    assert core.phase is Phase.SENDING


def test_one_that_was_noted_already_is_just_sent_again() -> None:
    core = Forwarder(Random(1), TUNING)
    core.handle(Go(), 0)
    assert core.handle(Loaded(item(1, sent=True)), 0) == [Transmit(item(1, sent=True))]


def test_the_next_one_is_looked_for_only_after_the_receipt() -> None:
    core = sending(item(1))
    assert core.handle(Received(1), 5) == [Mark(1, EntryState.ACCEPTED), Load()]
    assert core.handle(Loaded(None), 5) == []
    assert (core.phase, core.next_us()) == (Phase.IDLE, -1)


def test_a_receipt_that_nobody_waits_for_changes_nothing() -> None:
    core = sending(item(2))
    assert core.handle(Received(1), 5) == []
    core.handle(Received(2), 5)
    assert core.handle(Received(2), 5) == []
    assert core.handle(Refused(2, FULL), 5) == []
    assert core.phase is Phase.LOADING


def test_what_is_refused_for_good_is_kept_as_that_and_holds_up_nothing() -> None:
    core = sending(item(1))
    error = HiveError("label_forbidden", "phi may not be there.")
    assert core.handle(Refused(1, error), 5) == [Mark(1, EntryState.REFUSED, error), Load()]


def test_a_full_queue_is_waited_for_and_asked_again_not_before_it_said() -> None:
    core = sending(item(1))
    assert core.handle(Refused(1, FULL), 5) == [Mark(1, EntryState.KEPT, FULL)]
    assert core.phase is Phase.WAITING
    assert 5 + 2 * SECOND <= core.next_us() <= 5 + 3 * SECOND
    assert core.handle(Go(), core.next_us() - 1) == []
    assert core.handle(Go(), core.next_us()) == [Load()]


def test_waiting_grows_up_to_the_cap_and_a_receipt_ends_that() -> None:
    core, now, waits = sending(item(1)), 0, []
    for _ in range(20):
        core.handle(Refused(1, GONE), now)
        waits.append(core.next_us() - now)
        now = core.next_us()
        core.handle(Go(), now)
        core.handle(Loaded(item(1, sent=True)), now)
    assert max(waits) <= TUNING.cap_us
    assert max(waits[3:]) > TUNING.base_us
    core.handle(Received(1), now)
    core.handle(Loaded(item(2)), now)
    core.handle(Refused(2, GONE), now)
    assert core.next_us() - now <= TUNING.base_us


def test_what_only_this_entry_cannot_get_is_tried_for_a_while() -> None:
    error = HiveError("capability_unknown", "Nothing offers it.")
    core, now = sending(item(1)), 7
    while core.handle(Refused(1, error), now) == [Mark(1, EntryState.KEPT, error)]:
        now = core.next_us()
        core.handle(Go(), now)
        core.handle(Loaded(item(1, sent=True)), now)
    assert 7 + TUNING.patience_us <= now <= 7 + TUNING.patience_us + TUNING.cap_us
    assert core.phase is Phase.LOADING


def test_patience_is_each_entry_s_own() -> None:
    error = HiveError("no_route", "No way.")
    core = sending(item(1))
    core.handle(Refused(1, error), 0)
    core.handle(Go(), core.next_us())
    core.handle(Loaded(item(2)), 20 * SECOND)  # the first was taken back meanwhile
    assert core.handle(Refused(2, error), 20 * SECOND) == [Mark(2, EntryState.KEPT, error)]


def test_a_sender_that_is_set_up_wrongly_stops_and_blames_no_entry() -> None:
    core = sending(item(1))
    error = HiveError("unauthenticated", "No such token.")
    assert core.handle(Refused(1, error), 5) == [Mark(1, EntryState.KEPT, error), Halt(error)]
    assert core.handle(Go(), 6) == [Load()]


def test_one_that_waited_too_long_is_not_sent() -> None:
    core = Forwarder(Random(1), TUNING)
    core.handle(Go(), 0)
    marked, load = core.handle(Loaded(item(1, left_us=0)), 0)
    assert isinstance(marked, Mark)
    assert (marked.number, marked.state, load) == (1, EntryState.REFUSED, Load())
    assert marked.error is not None
    assert marked.error.code == "expired"
    assert core.handle(Loaded(item(2, left_us=1)), 0) == [NoteSent(2), Transmit(item(2, left_us=1))]


def test_one_that_waited_too_long_but_may_have_been_accepted_is_asked_for() -> None:
    late = item(1, sent=True, left_us=-5)
    core = Forwarder(Random(1), TUNING)
    core.handle(Go(), 0)
    assert core.handle(Loaded(late), 0) == [Inquire(late)]
    assert core.handle(Received(1), 1) == [Mark(1, EntryState.ACCEPTED), Load()]
    core.handle(Loaded(item(2, sent=True, left_us=-5)), 1)
    marked = core.handle(Refused(2, HiveError("task_unknown")), 2)[0]
    assert isinstance(marked, Mark)
    assert (marked.state, marked.error and marked.error.code) == (EntryState.REFUSED, "expired")


def test_whoever_begins_again_asks_the_disk_again() -> None:
    core = sending(item(1))
    assert core.handle(Go(), 9) == [Load()]
    assert core.handle(Received(1), 9) == []


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("unreachable", Verdict.WAIT),
        ("queue_full", Verdict.WAIT),
        ("store_unavailable", Verdict.WAIT),
        ("draining", Verdict.WAIT),
        ("bad_request", Verdict.FINAL),
        ("label_forbidden", Verdict.FINAL),
        ("key_conflict", Verdict.FINAL),
        ("too_large", Verdict.FINAL),
        ("capability_unknown", Verdict.DOUBT),
        ("internal", Verdict.DOUBT),
        ("unauthenticated", Verdict.HALT),
        ("mesh_mismatch", Verdict.HALT),
    ],
)
def test_a_code_says_what_becomes_of_the_entry(code: str, verdict: Verdict) -> None:
    assert verdict_on(code) is verdict


def test_what_the_catalogue_calls_retryable_is_never_final_at_once() -> None:
    assert {verdict_on(kind.code) for kind in CATALOGUE.values() if kind.retryable} <= {
        Verdict.WAIT,
        Verdict.DOUBT,
    }


def test_an_accepted_entry_is_the_end() -> None:
    assert not [key for key in TRANSITIONS if key[0] is EntryState.ACCEPTED]
