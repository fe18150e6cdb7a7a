"""The node's core, event by event, with exact answers."""

from __future__ import annotations

import pytest

from hive.ids import TaskId
from hive.wire.messages import (
    EMPTY,
    NO_DEADLINE_US,
    Ack,
    Answer,
    Beat,
    Bye,
    Flag,
    Header,
    Kind,
    Message,
    Refuse,
    Revoke,
    Running,
    Submit,
    Welcome,
    Work,
)
from specialists.core.admission import NodeLimits
from specialists.core.events import (
    Done,
    Drain,
    Drained,
    Failed,
    Joined,
    Left,
    Malformed,
    NodeAction,
    Ran,
    Received,
    Result,
    Run,
    Send,
    Turned,
)
from specialists.core.machine import NodeCore
from specialists.core.states import NodeFaultError, NodeState

CONDUCTOR, CALLER = 0, 7
BEAT_US = 100_000
LABELS = ("public", "internal", "pii", "phi")
OK = Done((b"out",), 0.9)


def welcome(drop: tuple[tuple[int, int], ...] = (), labels: tuple[str, ...] = LABELS) -> Welcome:
    ids = {"text.echo": 3}
    return Welcome(EMPTY, 1, "c", "s", "n", "ready", (), ids, labels, BEAT_US, 0, drop)


def work(
    attempt: int,
    *,
    priority: int = 5,
    remaining_us: int = NO_DEADLINE_US,
    sent_us: int = 0,
    capability: int = 3,
) -> Work:
    header = Header(
        priority=priority,
        capability=capability,
        epoch=4,
        attempt=attempt,
        remaining_us=remaining_us,
        sent_us=sent_us,
        task=TaskId(attempt.to_bytes(16, "little")),
    )
    return Work(header, (), (b"in",))


class Node:
    """A core with a clock, that checks its invariants after every event."""

    def __init__(self, run_us: int = 0, **limits: int) -> None:
        self.now_us = 1_000_000
        self.core = NodeCore("text.echo", NodeLimits(**{"run_bound_us": 50_000, **limits}), run_us)

    def do(self, event: object, after_us: int = 0) -> list[NodeAction]:
        self.now_us += after_us
        actions = self.core.handle(event, self.now_us)  # type: ignore[arg-type]
        self.core.validate_state()
        return actions

    def join(
        self, credit: int = 4, grantor: int = CONDUCTOR, drop: tuple[tuple[int, int], ...] = ()
    ) -> list[Message]:
        return sent(self.do(Joined(grantor, credit, welcome(drop))))

    def give(self, *works: Work, grantor: int = CONDUCTOR) -> list[Message]:
        return [m for w in works for m in sent(self.do(Received(grantor, w)))]

    def turn(self, after_us: int = 0) -> list[NodeAction]:
        return [
            a
            for a in self.do(Turned(), after_us)
            if not (isinstance(a, Send) and isinstance(a.message, Beat))
        ]

    def ran(self, *results: Result, after_us: int = 1000) -> list[Message]:
        return sent(self.do(Ran(results), after_us))


def sent(actions: list[NodeAction]) -> list[Message]:
    assert all(isinstance(action, Send) for action in actions)
    return [action.message for action in actions if isinstance(action, Send)]


def joined(credit: int = 4, run_us: int = 0, **limits: int) -> Node:
    node = Node(run_us, **limits)
    assert node.join(credit) == []
    return node


def attempts(action: NodeAction) -> list[int]:
    assert isinstance(action, Run)
    return [w.header.attempt for w in action.works]


def refusals(messages: list[Message]) -> list[tuple[int, str]]:
    assert all(isinstance(m, Refuse) for m in messages)
    return [(m.header.attempt, m.code) for m in messages if isinstance(m, Refuse)]


def test_a_work_is_run_and_answered_under_its_own_names() -> None:
    node = joined()
    node.give(work(1))
    node.now_us += 250
    assert node.turn() == [Run((work(1),), 50_000)]
    (answer,) = node.ran(OK, after_us=700)
    assert isinstance(answer, Answer)
    assert answer.header == work(1).header._replace(sent_us=node.now_us)
    assert (answer.confidence, answer.removed, answer.body) == (0.9, 0, (b"out",))
    assert (answer.queued_us, answer.run_us) == (250, 700)
    assert node.core.inflight == 0


def test_the_most_urgent_runs_first_then_the_earliest() -> None:
    node = joined(credit=5)
    node.give(work(1), work(2, priority=9), work(3), work(4, priority=0), work(5, priority=9))
    order = []
    for _ in range(5):
        (action,) = node.turn()
        order += attempts(action)
        node.ran(OK)
    assert order == [2, 5, 1, 3, 4]


def test_what_is_queued_already_is_run_together_up_to_the_models_limit() -> None:
    node = joined(credit=5, max_batch=3)
    node.give(*[work(n) for n in range(1, 6)])
    (first,) = node.turn()
    assert attempts(first) == [1, 2, 3]
    answers = node.ran(OK, Failed("inference_failed", "bad"), Done((b"x",)))
    assert [type(m) for m in answers] == [Answer, Refuse, Answer]
    (second,) = node.turn()
    assert attempts(second) == [4, 5]


def test_more_than_the_credit_is_refused_and_a_refusal_takes_no_slot() -> None:
    node = joined(credit=2)
    assert refusals(node.give(work(1), work(2), work(3))) == [(3, "credit_exceeded")]
    node.turn()
    node.ran(OK)
    assert node.give(work(4)) == []


def test_credit_is_counted_per_grantor() -> None:
    node = joined(credit=1)
    node.join(credit=2, grantor=CALLER)
    assert node.give(work(1), work(2)) != []
    assert node.give(work(1), work(2), grantor=CALLER) == []
    assert refusals(node.give(work(3), grantor=CALLER)) == [(3, "credit_exceeded")]


def test_every_grantor_gets_its_own_answers() -> None:
    node = joined(max_batch=2)
    node.join(grantor=CALLER)
    node.give(work(1))
    node.give(work(1), grantor=CALLER)
    node.turn()
    assert [a.grantor for a in node.do(Ran((OK, OK))) if isinstance(a, Send)] == [CONDUCTOR, CALLER]


def test_a_deadline_that_cannot_be_met_is_refused_at_once() -> None:
    node = joined(run_us=10_000)
    assert refusals(node.give(work(1, remaining_us=9_999))) == [(1, "deadline_too_short")]
    assert node.give(work(2, remaining_us=10_001)) == []


def test_queueing_ahead_counts_but_only_what_is_not_less_urgent() -> None:
    node = joined(run_us=10_000)
    node.give(work(1), work(2, priority=1))
    assert refusals(node.give(work(3, remaining_us=25_000, priority=1))) == [(3, "deadline_too_short")]
    assert node.give(work(4, remaining_us=25_000, priority=2)) == []


def test_time_that_the_message_queued_on_its_way_is_taken_off() -> None:
    node = joined(run_us=10_000)
    node.give(work(1, remaining_us=50_000, sent_us=400_000))  # 600 ms is the shortest trip: another clock
    node.now_us += 45_000
    late = node.give(work(2, remaining_us=50_000, sent_us=400_000))
    assert refusals(late) == [(2, "deadline_too_short")]
    assert refusals(node.give(work(3, remaining_us=40_000, sent_us=400_000))) == [(3, "expired")]


def test_what_expired_in_the_queue_is_dropped_before_it_runs() -> None:
    node = joined(max_batch=4)
    node.give(work(1, remaining_us=5_000), work(2, remaining_us=500_000))
    actions = node.turn(after_us=5_000)
    assert refusals(sent(actions[:1])) == [(1, "expired")]
    assert attempts(actions[1]) == [2]
    assert node.core.inflight == 1


def test_the_estimate_follows_what_runs_take_and_a_standstill_does_not_poison_it() -> None:
    node = joined(run_us=1_000)
    node.give(work(1))
    node.turn()
    node.ran(OK, after_us=60_000_000)  # the process was stopped for a minute
    assert node.give(work(2, remaining_us=2_000, sent_us=node.now_us)) == []
    for attempt in range(3, 30):
        node.turn()
        node.ran(OK, after_us=8_000)
        node.give(work(attempt, remaining_us=500_000, sent_us=node.now_us))
    node.turn()
    node.ran(OK, after_us=8_000)
    assert refusals(node.give(work(40, remaining_us=6_000, sent_us=node.now_us))) == [
        (40, "deadline_too_short")
    ]


def test_an_estimate_that_refuses_everything_is_doubted_until_work_corrects_it() -> None:
    node = joined(run_us=100_000)
    refused = 0
    while node.give(work(refused + 1, remaining_us=50_000)):
        refused += 1
    assert refused == 7  # 0.9 ** 7 < 0.5


def test_another_capability_and_too_large_a_body_are_refused() -> None:
    node = joined(max_body_bytes=2)
    assert refusals(node.give(work(1, capability=9))) == [(1, "capability_unknown")]
    assert node.give(work(2)) == []
    large = Work(work(3).header, (), (b"abc",))
    assert refusals(node.give(large)) == [(3, "too_large")]


def test_beats_come_from_turns_at_the_conductors_pace() -> None:
    node = joined()
    assert [type(m) for m in sent(node.do(Turned()))] == [Beat]
    assert node.do(Turned(), BEAT_US - 1) == []
    assert node.core.next_us == node.now_us + 1
    (beat,) = sent(node.do(Turned(), 1))
    assert beat == Beat(Header(sent_us=node.now_us), turns=3, inflight=0)
    assert len(sent(node.do(Turned(), 50 * BEAT_US))) == 1  # no burst after a standstill


def test_work_that_waits_wants_a_turn_now() -> None:
    node = joined()
    node.give(work(1))
    assert node.core.next_us == 0


def test_a_run_that_may_be_long_is_announced_to_everyone() -> None:
    node = joined(run_bound_us=2 * BEAT_US + 1)
    node.join(grantor=CALLER)
    node.give(work(1))
    actions = node.do(Turned())
    assert [(a.grantor, type(a.message)) for a in actions[:-1] if isinstance(a, Send)] == [
        (CONDUCTOR, Beat),
        (CONDUCTOR, Running),
        (CALLER, Beat),
        (CALLER, Running),
    ]
    told = [a.message for a in actions[:-1] if isinstance(a, Send)]
    assert all(m.busy_us == 200_001 for m in told if isinstance(m, Beat))
    assert all(m.bound_us == 200_001 for m in told if isinstance(m, Running))
    assert isinstance(actions[-1], Run)


def test_a_short_run_is_not_announced() -> None:
    node = joined(run_bound_us=2 * BEAT_US)
    node.give(work(1))
    assert [type(a) for a in node.turn()] == [Run]


def test_a_model_that_proved_quick_is_not_announced_for_its_whole_bound() -> None:
    node = joined(run_bound_us=10_000_000, max_batch=8)
    node.give(work(1))
    assert [type(a.message) for a in node.turn()[:-1] if isinstance(a, Send)] == [Running]
    node.ran(OK, after_us=1_000)
    node.give(work(2), work(3))
    assert node.turn() == [Run((work(2), work(3)), 32_000)]
    node.ran(OK, OK, after_us=8_000_000)  # one slow run doubles the estimate, to 1.9 ms a work
    node.give(*[work(n) for n in range(4, 8)])
    assert node.turn()[-1] == Run(tuple(work(n) for n in range(4, 8)), 120_000)


def test_an_unsure_model_removes_no_label() -> None:
    node = joined(max_batch=2)
    node.give(work(1), work(2))
    node.turn()
    sure, unsure = node.ran(
        Done((), 0.9, removes=("pii", "nonesuch")), Done((), 0.4, unsure=True, removes=("pii",))
    )
    assert isinstance(sure, Answer)
    assert isinstance(unsure, Answer)
    assert (sure.removed, sure.header.flags) == (4, 0)
    assert (unsure.removed, unsure.header.flags) == (0, Flag.UNSURE)


def test_an_answer_that_is_sent_again_names_its_labels_in_the_new_sessions_bits() -> None:
    node = joined()
    node.give(work(1))
    node.turn()
    node.ran(Done((), removes=("pii",)))
    node.do(Left(CONDUCTOR))
    (again,) = sent(node.do(Joined(CONDUCTOR, 4, welcome(labels=("pii",)))))
    assert isinstance(again, Answer)
    assert again.removed == 1


def test_replies_are_kept_until_acknowledged_and_counted_per_session() -> None:
    node = joined(credit=3)
    node.give(work(1), work(2), work(3))
    for _ in range(3):
        node.turn()
        node.ran(OK)
    assert node.core.unacked(CONDUCTOR) == ((4, 1), (4, 2), (4, 3))
    node.do(Received(CONDUCTOR, Ack(EMPTY, 2)))
    assert node.core.unacked(CONDUCTOR) == ((4, 3),)
    node.do(Received(CONDUCTOR, Ack(EMPTY, 99)))
    assert node.core.unacked(CONDUCTOR) == ()


def test_after_a_reconnect_the_rest_is_sent_again_and_acknowledged_from_one() -> None:
    node = joined(credit=4)
    node.give(work(1), work(2), work(3), work(4))
    for _ in range(3):
        node.turn()
        node.ran(OK)
    node.do(Received(CONDUCTOR, Ack(EMPTY, 1)))
    node.do(Left(CONDUCTOR))
    assert node.core.held(CONDUCTOR) == ((4, 4),)
    assert node.core.unacked(CONDUCTOR) == ((4, 2), (4, 3))
    again = node.join(drop=((4, 2), (4, 4)))
    assert [(type(m), m.header.attempt) for m in again] == [(Answer, 3)]
    assert node.core.inflight == 0
    node.do(Received(CONDUCTOR, Ack(EMPTY, 1)))
    assert node.core.unacked(CONDUCTOR) == ()


def test_what_finishes_without_a_session_is_sent_in_the_next_one() -> None:
    node = joined()
    node.give(work(1))
    node.turn()
    node.do(Left(CONDUCTOR))
    assert node.ran(OK) == []
    assert [m.header.attempt for m in node.join()] == [1]


def test_a_dropped_attempt_that_runs_is_finished_for_nobody() -> None:
    node = joined(credit=1)
    node.give(work(1))
    node.turn()
    node.do(Left(CONDUCTOR))
    node.join(credit=1, drop=((4, 1),))
    assert node.core.held(CONDUCTOR) == ()
    assert node.give(work(2)) == []
    assert node.ran(OK) == []
    assert node.core.unacked(CONDUCTOR) == ()


def test_a_grantor_that_is_forgotten_leaves_nothing_behind() -> None:
    node = joined()
    node.join(grantor=CALLER)
    node.give(work(1), work(2), grantor=CALLER)
    node.turn()
    node.do(Left(CALLER, forget=True))
    assert node.ran(OK) == []
    assert node.core.inflight == 0
    assert node.do(Received(CALLER, work(3))) == []


def test_the_replies_kept_are_bounded_in_count_and_bytes() -> None:
    node = joined(max_unacked=2, max_unacked_bytes=5)
    for attempt in (1, 2, 3):
        node.give(work(attempt))
        node.turn()
        node.ran(Done((b"x",)))
    assert node.core.unacked(CONDUCTOR) == ((4, 2), (4, 3))
    node.give(work(4))
    node.turn()
    node.ran(Done((b"12345",)))
    assert node.core.unacked(CONDUCTOR) == ((4, 4),)
    node.do(Received(CONDUCTOR, Ack(EMPTY, 3)))
    assert node.core.unacked(CONDUCTOR) == ((4, 4),)
    node.do(Received(CONDUCTOR, Ack(EMPTY, 4)))
    assert node.core.unacked(CONDUCTOR) == ()


def test_a_repeated_work_is_taken_once() -> None:
    node = joined()
    assert node.give(work(1), work(1)) == []
    node.turn()
    node.ran(OK)
    assert node.give(work(1)) == []
    assert node.core.counts["duplicates"] == 2
    assert node.core.inflight == 0


def test_a_revoked_work_that_waits_is_refused_and_one_that_runs_answers() -> None:
    node = joined()
    node.give(work(1), work(2))
    node.turn()
    revoked = [sent(node.do(Received(CONDUCTOR, Revoke(work(n).header, "cancelled")))) for n in (1, 2, 3)]
    assert [refusals(messages) for messages in revoked] == [[], [(2, "cancelled")], []]
    assert [type(m) for m in node.ran(OK)] == [Answer]
    assert node.turn() == []


def test_malformed_work_is_refused_once_under_its_names() -> None:
    node = joined()
    event = Malformed(CONDUCTOR, work(9).header, Kind.WORK, "frame_malformed", "bad map")
    (refuse,) = sent(node.do(event))
    assert isinstance(refuse, Refuse)
    assert (refuse.header.attempt, refuse.code, refuse.about) == (9, "frame_malformed", Kind.WORK)
    assert node.core.unacked(CONDUCTOR) == ((4, 9),)
    assert node.core.counts["malformed:frame_malformed"] == 1


def test_a_refusal_is_never_refused() -> None:
    node = joined()
    assert node.do(Malformed(CONDUCTOR, EMPTY, Kind.REFUSE, "frame_malformed", "")) == []
    assert node.do(Received(CONDUCTOR, Refuse(EMPTY, "bad_request"))) == []


def test_a_message_that_no_node_takes_is_refused() -> None:
    node = joined()
    (refuse,) = sent(node.do(Received(CONDUCTOR, Submit(EMPTY, "text.echo"))))
    assert isinstance(refuse, Refuse)
    assert refuse.code == "kind_unknown"
    assert node.core.unacked(CONDUCTOR) == ()


def test_draining_finishes_waits_for_the_acknowledgement_and_says_goodbye() -> None:
    node = joined()
    node.do(Turned())
    node.give(work(1))
    (beat,) = sent(node.do(Drain()))
    assert isinstance(beat, Beat)
    assert beat.draining
    assert node.do(Drain()) == []
    assert refusals(node.give(work(2))) == [(2, "draining")]
    assert [type(a) for a in node.turn()] == [Run]
    assert [type(m) for m in node.ran(OK)] == [Answer]
    assert node.turn() == []
    node.do(Received(CONDUCTOR, Ack(EMPTY, 2)))  # answers the beat before the drain
    assert node.turn() == []
    node.do(Received(CONDUCTOR, Ack(EMPTY, 2)))
    bye, drained = node.turn()
    assert bye == Send(CONDUCTOR, Bye(Header(sent_us=node.now_us), "drained"))
    assert drained == Drained()
    assert node.core.state is NodeState.DRAINED
    assert node.turn() == []


def test_draining_does_not_wait_for_ever_for_a_conductor_that_is_silent() -> None:
    node = joined(drain_grace_us=300_000)
    node.do(Drain())
    assert node.turn() == []
    assert node.turn(after_us=299_999) == []
    assert Drained() in node.turn(after_us=1)


def test_draining_without_a_session_keeps_answers_for_the_grace_time() -> None:
    node = joined()
    node.give(work(1))
    node.turn()
    node.do(Left(CONDUCTOR))
    node.do(Drain())
    node.ran(OK)
    assert node.turn() == []
    again = node.join()
    assert [type(m) for m in again] == [Answer, Beat]
    node.do(Received(CONDUCTOR, Ack(EMPTY, 1)))
    assert node.turn()[-1] == Drained()


def test_an_idle_node_without_a_conductor_drains_at_once() -> None:
    node = Node()
    node.do(Drain())
    assert node.core.next_us == 0
    assert node.turn() == [Drained()]


def test_results_that_do_not_fit_are_our_own_fault() -> None:
    node = joined()
    with pytest.raises(NodeFaultError, match="do not fit"):
        node.core.handle(Ran((OK,)), 0)


def test_a_second_welcome_renews_what_it_assigns() -> None:
    node = joined()
    node.do(
        Received(CONDUCTOR, Welcome(EMPTY, 1, "c", "s", "n", "ready", (), {"text.echo": 9}, LABELS, BEAT_US))
    )
    assert refusals(node.give(work(1))) == [(1, "capability_unknown")]
    assert node.give(work(2, capability=9)) == []
