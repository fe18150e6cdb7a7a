"""The dialling side's state machine, event by event."""

from __future__ import annotations

import random

import pytest

from hive.core.link import (
    TRANSITIONS,
    Dial,
    Down,
    Hangup,
    Link,
    LinkAction,
    LinkEvent,
    LinkFaultError,
    LinkState,
    LinkTuning,
    Send,
    Up,
)
from hive.wire.messages import EMPTY, Ack, Bye, Hello, Kind, Refuse, Welcome

HELLO = Hello(EMPTY, role="node", name="press-1/echo", mesh="factory")
WELCOME = Welcome(EMPTY, 1, "plant-a", "plant-a", "press-1/echo", "ready", beat_us=100_000)
A, B = "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"


def link(*endpoints: str, tuning: LinkTuning | None = None) -> Link:
    return Link(endpoints or (A,), random.Random(5), tuning)


def up(endpoint: str = A) -> Link:
    made = link(endpoint)
    made.start(0)
    made.opened(HELLO, 10)
    assert made.received(WELCOME, 20) == [Up(WELCOME)]
    return made


def down(actions: list[LinkAction]) -> Down:
    assert [type(action) for action in actions] == [Hangup, Down]
    assert isinstance(actions[1], Down)
    return actions[1]


def test_dials_greets_and_comes_up() -> None:
    made = link()
    assert made.start(0) == [Dial(A)]
    assert made.opened(HELLO, 5) == [Send(HELLO)]
    assert made.next_us == 1_000_005
    assert made.received(WELCOME, 20) == [Up(WELCOME)]
    assert made.state is LinkState.UP
    assert made.next_us is None


def test_a_socket_of_this_machine_is_dialled_again_within_a_tenth_of_a_second() -> None:
    waits = {}
    for endpoint in ("ipc:///run/plant.sock", A):
        made = link(endpoint)
        made.start(0)
        now_us = longest_us = 0
        for _ in range(40):
            assert down(made.failed(now_us)).error is not None
            due_us = made.next_us
            assert due_us is not None
            longest_us = max(longest_us, due_us - now_us)
            now_us = due_us
            assert made.tick(now_us) == [Dial(endpoint)]
        waits[endpoint] = longest_us
    assert waits["ipc:///run/plant.sock"] <= 100_000 < waits[A] <= 1_000_000


def test_an_unanswered_hello_is_unreachable_and_tried_again_within_the_cap() -> None:
    made = link()
    made.start(0)
    made.opened(HELLO, 0)
    assert made.tick(999_999) == []
    ended = down(made.tick(1_000_000))
    assert ended.error is not None
    assert (ended.error.code, ended.was_up) == ("unreachable", False)
    assert made.next_us is not None
    assert made.next_us <= 2_000_000
    assert made.tick(made.next_us) == [Dial(A)]


def test_a_closed_connection_is_dialled_again_within_the_cap_for_ever() -> None:
    made = up()
    assert down(made.failed(50)).was_up
    now_us = 50
    for _ in range(200):
        due_us = made.next_us
        assert due_us is not None
        assert due_us - now_us <= 1_000_000
        now_us = due_us
        assert made.tick(now_us) == [Dial(A)]
        down(made.failed(now_us))


def test_tries_each_endpoint_in_turn() -> None:
    made = link(A, B)
    dialled = [made.start(0)]
    for _ in range(3):
        made.failed(0)
        assert made.next_us is not None
        dialled.append(made.tick(made.next_us))
    assert dialled == [[Dial(A)], [Dial(B)], [Dial(A)], [Dial(B)]]


def test_a_lost_session_is_first_tried_where_it_was() -> None:
    made = link(A, B)
    made.start(0)
    made.opened(HELLO, 0)
    made.received(WELCOME, 0)
    made.failed(10)
    assert made.next_us is not None
    assert made.tick(made.next_us) == [Dial(A)]


def test_silence_counts_only_after_something_that_wants_an_answer() -> None:
    made = up()
    assert made.tick(60_000_000) == []
    made.asked(60_000_000)
    made.asked(60_100_000)
    assert made.tick(61_999_999) == []
    ended = down(made.tick(62_000_000))
    assert ended.error is not None
    assert (ended.error.code, ended.was_up) == ("unreachable", True)


def test_any_message_ends_the_silence() -> None:
    made = up()
    made.asked(100)
    assert made.received(Ack(EMPTY, 0), 1_900_000) == []
    assert made.next_us is None


def test_silence_scales_with_the_beat_that_the_conductor_sets() -> None:
    made = link()
    made.start(0)
    made.opened(HELLO, 0)
    made.received(Welcome(EMPTY, 1, "c", "s", "p", "ready", beat_us=500_000), 0)
    made.asked(0)
    assert made.next_us == 5_000_000


def answered_after(made: Link, *delays_us: int) -> int:
    """Let beats be answered after so long; return how long the next may then stay unanswered."""
    now = 10_000_000
    for delay_us in delays_us:
        made.asked(now)
        now += delay_us
        made.received(Ack(EMPTY), now)
    made.asked(now)
    assert made.next_us is not None
    return made.next_us - now


def test_where_answers_are_slow_again_and_again_a_silence_may_be_longer() -> None:
    assert answered_after(up(), 1_000, 1_000_000, 1_000, 900_000, 1_000) == 3_571_876
    assert answered_after(up(), 4_000_000, 4_000_000) == 10_000_000


def test_one_answer_that_was_slow_changes_nothing() -> None:
    assert answered_after(up(), 1_000, 1_900_000, 1_000, 1_000) == 2_000_000


def test_slow_answers_are_forgotten() -> None:
    assert answered_after(up(), *[1_000_000] * 2, *[1_000] * 100) == 2_000_000


def test_our_own_standstill_is_not_the_other_sides_silence() -> None:
    made = up()
    made.asked(100)
    assert made.tick(30_000_000) == []
    assert made.state is LinkState.UP
    assert made.next_us == 32_000_000
    down(made.tick(32_000_000))


REFUSALS = ["mesh_mismatch", "claim_refused", "version_unsupported", "unauthenticated", "id_in_use"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_reported_and_retried_slowly_for_ever(code: str) -> None:
    made = link()
    actions = made.start(0)
    now_us = waited_us = 0
    for _ in range(40):
        assert actions == [Dial(A)]
        made.opened(HELLO, now_us)
        ended = down(made.received(Refuse(EMPTY, code, "because", Kind.HELLO), now_us))
        assert ended.error is not None
        assert (ended.error.code, ended.error.detail) == (code, "because")
        assert made.next_us is not None
        waited_us = max(waited_us, made.next_us - now_us)
        now_us = made.next_us
        actions = made.tick(now_us)
    assert 1_000_000 < waited_us <= 5_000_000


def test_a_refusal_may_ask_for_time() -> None:
    made = link()
    made.start(0)
    made.opened(HELLO, 0)
    made.received(Refuse(EMPTY, "quarantined", "flaps", Kind.HELLO, {"retry_after_ms": 3000}), 0)
    assert made.next_us is not None
    assert 3_000_000 <= made.next_us <= 3_100_000


@pytest.mark.parametrize("asked", [10**12, -5, "soon", None, 1.5])
def test_a_senseless_retry_after_does_no_harm(asked: object) -> None:
    made = link()
    made.start(0)
    made.opened(HELLO, 0)
    made.received(Refuse(EMPTY, "quarantined", "", Kind.HELLO, {"retry_after_ms": asked}), 0)
    assert made.next_us is not None
    assert made.next_us <= 60_100_000


def test_a_claim_refused_after_the_welcome_ends_the_session() -> None:
    made = up()
    ended = down(made.received(Refuse(EMPTY, "claim_refused", "no rule", Kind.HELLO), 30))
    assert ended.error is not None
    assert (ended.error.code, ended.was_up) == ("claim_refused", True)


def test_refusals_of_other_messages_are_left_to_the_owner() -> None:
    made = up()
    assert made.received(Refuse(EMPTY, "queue_full", "", Kind.SUBMIT), 30) == []
    assert made.state is LinkState.UP


def test_a_conductor_that_forgot_the_session_is_greeted_again() -> None:
    assert down(up().received(Refuse(EMPTY, "hello_required", "", Kind.BEAT), 30)).was_up


def test_goodbye_is_no_error() -> None:
    assert down(up().received(Bye(EMPTY, "restart"), 30)) == Down(None, was_up=True)


def test_an_unknown_version_is_refused() -> None:
    made = link()
    made.start(0)
    made.opened(HELLO, 0)
    ended = down(made.received(Welcome(EMPTY, 9, "c", "s", "p", "ready"), 0))
    assert ended.error is not None
    assert ended.error.code == "version_unsupported"


def test_a_new_hint_does_not_disturb_a_working_session() -> None:
    made = up()
    assert made.retarget([B], 30) == []
    assert (made.state, made.endpoint) == (LinkState.UP, A)
    made.failed(40)
    assert made.next_us is not None
    assert made.tick(made.next_us) == [Dial(B)]


def test_a_new_hint_cuts_the_back_off_short() -> None:
    made = up()
    made.failed(30)
    assert made.retarget([A, B], 31) == [Dial(B)]


def test_an_old_hint_does_not_cut_the_back_off_short() -> None:
    made = up()
    made.failed(30)
    assert made.retarget([A], 31) == []


def test_without_an_endpoint_it_waits_for_a_hint() -> None:
    made = Link((), random.Random(1))
    assert made.start(0) == []
    assert (made.state, made.next_us) == (LinkState.WAITING, None)
    assert made.retarget([A], 5) == [Dial(A)]


def test_a_long_session_resets_the_back_off() -> None:
    tuning = LinkTuning(backoff_base_us=10)
    made = link(tuning=tuning)
    made.start(0)
    for _ in range(30):
        made.failed(0)
        made.tick(made.next_us or 0)
    made.opened(HELLO, 0)
    made.received(WELCOME, 0)
    made.failed(5_000_000)
    assert made.next_us is not None
    assert made.next_us <= 5_000_010


def test_stop_hangs_up_once() -> None:
    made = up()
    assert made.stop() == [Hangup()]
    assert made.stop() == []
    assert made.start(99) == [Dial(A)]


def test_an_illegal_event_is_our_fault_and_changes_nothing() -> None:
    made = link()
    with pytest.raises(LinkFaultError, match="idle cannot take opened"):
        made.opened(HELLO, 0)
    assert made.state is LinkState.IDLE
    assert made.failed(0) == []


def test_a_second_welcome_is_ignored() -> None:
    assert up().received(WELCOME, 30) == []


def test_every_state_can_be_left_and_stopped() -> None:
    for state in LinkState:
        assert TRANSITIONS[state, LinkEvent.STOP] is LinkState.IDLE
        assert any(source is state and target is not state for (source, _), target in TRANSITIONS.items())
