"""The open requests of a caller, one event at a time."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hive.core.client import ClientCore, ClientTuning
from hive.core.client_events import (
    Arrived,
    Ask,
    Closed,
    Finished,
    GiveUp,
    Opened,
    Progress,
    Tick,
    Unsent,
    Withdraw,
)
from hive.core.link import Send
from hive.errors import HiveError
from hive.ids import TaskId
from hive.wire.messages import (
    EMPTY,
    Cancel,
    Event,
    Flag,
    Header,
    Outcome,
    Query,
    Refuse,
    Reply,
    Submit,
    Watch,
)

TASK, OTHER = TaskId(b"t" * 16), TaskId(b"o" * 16)
SECOND = 1_000_000
NOW = 5 * SECOND


def make(pending_max: int = 10) -> ClientCore:
    return ClientCore(random.Random(1), ClientTuning(pending_max=pending_max))


def header(core: ClientCore, task: TaskId = TASK, **fields: int) -> Header:
    return EMPTY._replace(attempt=core.number(), task=task, **fields)


def submission(
    core: ClientCore, deadline_us: int = NOW + SECOND, *, patient: bool = True, task: TaskId = TASK
) -> Ask:
    head = header(core, task, flags=int(Flag.WAIT), capability=7, remaining_us=deadline_us - NOW, sent_us=NOW)
    return Ask(Submit(head, body=(b"x",)), deadline_us, patient, "text.classify_intent")


def refusal(ask: Ask, code: str, **context: object) -> Arrived:
    return Arrived(Refuse(ask.request.header, code, "No.", context=context))


def open_session(core: ClientCore) -> None:
    core.handle(Opened(), NOW)


def test_a_request_is_sent_as_it_is_while_a_session_works() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    assert core.handle(ask, NOW) == [Send(ask.request)]
    assert len(core) == 1


def test_its_outcome_ends_it() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    outcome = Outcome(ask.request.header, "done")
    assert core.handle(Arrived(outcome), NOW) == [Finished(ask.request.header.attempt, outcome)]
    assert len(core) == 0
    assert core.handle(Arrived(outcome), NOW) == []


def test_without_a_session_it_waits_and_then_goes_by_name_with_the_time_that_is_left() -> None:
    core = make()
    ask = submission(core)
    assert core.handle(ask, NOW) == []
    (sent,) = core.handle(Opened(), NOW + 400_000)
    assert isinstance(sent, Send)
    assert isinstance(ask.request, Submit)
    head = ask.request.header._replace(capability=0, remaining_us=600_000, sent_us=NOW + 400_000)
    assert sent.message == replace(ask.request, header=head, capability="text.classify_intent")


def test_after_a_reconnect_everything_unanswered_is_sent_again_under_the_same_task_id() -> None:
    core = make()
    open_session(core)
    first, second = submission(core), submission(core, task=OTHER)
    core.handle(first, NOW)
    core.handle(second, NOW)
    core.handle(Arrived(Outcome(first.request.header, "done")), NOW)
    assert core.handle(Closed(), NOW) == []
    sent = core.handle(Opened(), NOW + 1)
    assert [action.message.header.task for action in sent if isinstance(action, Send)] == [OTHER]


def test_a_patient_caller_tries_again_after_the_time_that_the_refusal_names() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    assert core.handle(refusal(ask, "queue_full", retry_after_ms=50), NOW) == []
    assert core.handle(Tick(), NOW + 49_000) == []
    (sent,) = core.handle(Tick(), NOW + 105_000)
    assert isinstance(sent, Send)
    assert sent.message.header.task == TASK
    assert sent.message.header.remaining_us == SECOND - 105_000


def test_a_gateway_passes_the_refusal_on() -> None:
    core = make()
    open_session(core)
    ask = submission(core, patient=False)
    core.handle(ask, NOW)
    (end,) = core.handle(refusal(ask, "queue_full", retry_after_ms=50), NOW)
    assert isinstance(end, Finished)
    assert isinstance(end.answer, HiveError)
    assert (end.answer.code, end.answer.context) == ("queue_full", {"retry_after_ms": 50})


@pytest.mark.parametrize("code", ["forbidden", "label_forbidden", "no_route", "key_conflict"])
def test_a_refusal_that_time_does_not_mend_ends_the_request(code: str) -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    (end,) = core.handle(refusal(ask, code), NOW)
    assert isinstance(end, Finished)
    assert isinstance(end.answer, HiveError)
    assert end.answer.code == code


def test_no_pause_reaches_beyond_the_deadline() -> None:
    core = make()
    open_session(core)
    ask = submission(core, NOW + 40_000)
    core.handle(ask, NOW)
    (end,) = core.handle(refusal(ask, "queue_full", retry_after_ms=50), NOW)
    assert isinstance(end, Finished)


def test_the_conductor_has_a_grace_to_say_expired_itself() -> None:
    core = make()
    open_session(core)
    core.handle(submission(core), NOW)
    assert core.handle(Tick(), NOW + SECOND + 100_000) == []
    (end,) = core.handle(Tick(), NOW + SECOND + 600_000)
    assert isinstance(end, Finished)
    assert isinstance(end.answer, HiveError)
    assert end.answer.code == "expired"
    assert "may have accepted task" in end.answer.detail


def test_a_refusal_is_not_the_last_word_on_what_was_sent_again_since() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    core.handle(refusal(ask, "queue_full", retry_after_ms=50), NOW)
    (sent,) = core.handle(Tick(), NOW + 110_000)
    assert isinstance(sent, Send)
    core.handle(Closed(), NOW + SECOND)
    (end,) = core.handle(Tick(), NOW + SECOND + 10_000)
    assert isinstance(end, Finished)
    assert isinstance(end.answer, HiveError)
    assert end.answer.code == "unreachable", "it may have been accepted meanwhile"


def test_a_refusal_is_the_last_word_on_what_was_not_sent_again() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    core.handle(refusal(ask, "queue_full", retry_after_ms=50), NOW)
    core.handle(Closed(), NOW + 20_000)
    assert core.handle(Tick(), NOW + 110_000) == []
    (end,) = core.handle(Tick(), NOW + SECOND + 10_000)
    assert isinstance(end, Finished)
    assert isinstance(end.answer, HiveError)
    assert end.answer.code == "queue_full"


def test_without_a_session_the_deadline_is_exact_and_the_error_says_why() -> None:
    core = make()
    core.handle(submission(core), NOW)
    (end,) = core.handle(Tick(), NOW + SECOND + 10_000)
    assert isinstance(end, Finished)
    assert isinstance(end.answer, HiveError)
    assert end.answer.code == "unreachable"


def test_a_session_that_ends_during_the_grace_ends_the_wait() -> None:
    core = make()
    open_session(core)
    core.handle(submission(core), NOW)
    core.handle(Tick(), NOW + SECOND + 10_000)
    core.handle(Closed(), NOW + SECOND + 20_000)
    (end,) = core.handle(Tick(), NOW + SECOND + 30_000)
    assert isinstance(end, Finished)


def test_a_full_send_queue_is_tried_again_soon() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    core.handle(Unsent(ask.request.header.attempt), NOW)
    (sent,) = core.handle(Tick(), NOW + 30_000)
    assert isinstance(sent, Send)


def test_open_requests_are_bounded() -> None:
    core = make(pending_max=1)
    core.handle(submission(core), NOW)
    with pytest.raises(HiveError, match="queue_full"):
        core.handle(submission(core), NOW)
    assert len(core) == 1


def test_withdrawn_is_forgotten() -> None:
    core = make()
    open_session(core)
    ask = submission(core)
    core.handle(ask, NOW)
    core.handle(Withdraw(ask.request.header.attempt), NOW)
    assert core.handle(Arrived(Outcome(ask.request.header, "done")), NOW) == []
    assert core.next_us() == -1 or core.handle(Tick(), NOW + 10 * SECOND) == []


def test_giving_up_ends_everything() -> None:
    core = make()
    for _ in range(3):
        core.handle(submission(core), NOW)
    error = HiveError("unreachable", "Closed.")
    assert [action.answer for action in core.handle(GiveUp(error), NOW) if isinstance(action, Finished)] == [
        error
    ] * 3
    assert len(core) == 0


def test_a_reply_finds_its_question() -> None:
    core = make()
    open_session(core)
    asks = []
    for what in ("nodes", "status"):
        head = header(core, TaskId(bytes(16)))
        asks.append(Ask(Query(head, head.attempt, what), NOW + SECOND))
        core.handle(asks[-1], NOW)
    reply = Reply(asks[1].request.header, asks[1].request.header.attempt, [])
    assert core.handle(Arrived(reply), NOW) == [Finished(asks[1].request.header.attempt, reply)]


def test_events_go_to_the_watch_even_under_the_number_of_the_submission() -> None:
    core = make()
    open_session(core)
    watch = Ask(Watch(header(core)))
    core.handle(watch, NOW)
    event = Event(EMPTY._replace(task=TASK, attempt=999), "running")
    assert core.handle(Arrived(event), NOW) == [Progress(watch.request.header.attempt, event)]
    outcome = Outcome(EMPTY._replace(task=TASK, attempt=999), "done")
    assert core.handle(Arrived(outcome), NOW) == [Finished(watch.request.header.attempt, outcome)]


def test_an_outcome_never_reaches_the_watch_of_another_principal() -> None:
    core = make()
    open_session(core)
    for principal in ("alice", "eve"):
        core.handle(Ask(Watch(header(core), principal)), NOW)
    assert core.handle(Arrived(Outcome(EMPTY._replace(task=TASK, attempt=999), "done")), NOW) == []
    assert len(core) == 2


def test_an_answer_with_the_wrong_task_is_nobodys() -> None:
    core = make()
    open_session(core)
    ask = Ask(Cancel(header(core)), NOW + SECOND)
    core.handle(ask, NOW)
    stray = Outcome(ask.request.header._replace(task=OTHER), "done")
    assert core.handle(Arrived(stray), NOW) == []


def test_numbers_are_never_zero_nor_in_use() -> None:
    core = make()
    taken = submission(core)
    core.handle(taken, NOW)
    core._count = 2**32 - 2
    assert [core.number(), core.number()] == [2**32 - 1, 2]
