"""What an agent does about its workers, event by event."""

from __future__ import annotations

import random

import pytest

from hive.errors import CATALOGUE
from specialists.core.states import NodeFaultError
from specialists.core.supervise import (
    WORKER_TRANSITIONS,
    Finish,
    Kill,
    Spawn,
    SuperviseTuning,
    Supervisor,
    SupervisorAction,
    Tell,
    Terminate,
    WorkerState,
)

S = 1_000_000
A, B = "press-1/a", "press-1/b"


def supervisor(*nodes: str) -> Supervisor:
    made = Supervisor(nodes or (A,), random.Random(1))
    assert made.tick(0) == [Spawn(node) for node in nodes or (A,)]
    return made


def running(*nodes: str) -> Supervisor:
    made = supervisor(*nodes)
    for node in nodes or (A,):
        made.ready(node, 0)
    return made


def deeds(actions: list[SupervisorAction]) -> list[SupervisorAction]:
    return [action for action in actions if not isinstance(action, Tell)]


def tick_to(made: Supervisor, start_us: int, end_us: int) -> list[SupervisorAction]:
    """Tick as the shell does, twice a second, and return all that came of it."""
    return [a for now_us in range(start_us, end_us + 1, S // 2) for a in made.tick(now_us)]


def test_a_crashed_worker_is_started_again_after_a_growing_pause() -> None:
    made = running()
    waits = []
    now_us = 0
    for _ in range(12):
        (told,) = made.exited(A, "killed by SIGKILL", now_us)
        assert isinstance(told, Tell)
        assert "SIGKILL" in told.sentence
        due_us = made.next_us
        assert due_us is not None
        waits.append(due_us - now_us)
        assert made.tick(due_us - 1) == []
        now_us = due_us
        assert made.tick(now_us) == [Spawn(A)]
    assert waits[0] <= 100_000
    assert max(waits) > 1_000_000
    assert max(waits) <= 30 * S


def test_a_long_stable_worker_is_started_again_quickly() -> None:
    made = running()
    for _ in range(10):
        made.exited(A, "x", 0)
        made.tick(made.next_us or 0)
    made.ready(A, 0)
    made.exited(A, "x", 10 * S)
    assert made.next_us is not None
    assert made.next_us <= 10 * S + 100_000


def test_a_worker_that_is_silent_beyond_its_bound_is_killed() -> None:
    made = running()
    made.alive(A, 0, 1 * S)
    assert tick_to(made, 0, 4 * S - 1) == []
    assert deeds(made.tick(4 * S)) == [Kill(A)]
    made.exited(A, "killed by SIGKILL", 4 * S)
    assert made.state(A) is WorkerState.WAITING


def test_an_announced_run_may_take_its_time() -> None:
    made = running()
    made.alive(A, 60 * S, 0)
    assert tick_to(made, 0, 62 * S) == []
    assert deeds(tick_to(made, 62 * S, 63 * S)) == [Kill(A)]


def test_our_own_standstill_is_not_the_workers_silence() -> None:
    made = running()
    tick_to(made, 0, 2 * S)
    assert made.tick(600 * S) == []
    assert deeds(tick_to(made, 600 * S, 605 * S)) == [Kill(A), Kill(A)]


def test_a_worker_that_never_gets_ready_is_killed() -> None:
    made = supervisor()
    assert tick_to(made, 0, 59 * S) == []
    assert deeds(made.tick(60 * S)) == [Kill(A)]


def test_what_a_person_must_change_is_not_tried_again_and_ends_a_lone_agent() -> None:
    made = supervisor()
    made.failed(A, "model_not_found", "There is none.")
    told, finish = made.exited(A, "exit status 60", 0)
    assert told == Tell("error", A, "model_not_found: There is none.")
    assert finish == Finish(60)
    assert tick_to(made, 0, 100 * S) == []


def test_one_that_failed_leaves_its_neighbours_alone() -> None:
    made = running(A, B)
    made.exited(A, "x", 0)
    made.tick(S)
    made.failed(A, "model_digest_mismatch", "changed")
    assert deeds(made.exited(A, "exit status 62", S)) == []
    assert made.state(B) is WorkerState.RUNNING
    assert deeds(made.stop(2 * S)) == [Terminate(B)]
    assert deeds(made.exited(B, "exit status 0", 2 * S)) == [Finish(0)]


def test_a_failure_that_may_pass_is_tried_again() -> None:
    made = supervisor()
    code = next(code for code, kind in CATALOGUE.items() if kind.retryable)
    made.failed(A, code, "later")
    assert deeds(made.exited(A, "exit status 1", 0)) == []
    assert made.state(A) is WorkerState.WAITING


def test_a_stopping_agent_asks_then_kills_then_ends() -> None:
    made = running(A, B)
    assert made.stop(0) == [Terminate(A), Terminate(B)]
    assert made.exited(A, "exit status 0", S) == []
    assert deeds(tick_to(made, S, 10 * S)) == [Kill(B)]
    assert made.exited(B, "killed by SIGKILL", 10 * S) == [Finish(0)]


def test_stopped_twice_it_kills_at_once() -> None:
    made = running()
    made.stop(0)
    assert made.stop(1) == [Kill(A)]


def test_stopped_while_waiting_it_ends_at_once() -> None:
    made = running()
    made.exited(A, "x", 0)
    assert made.stop(1) == [Finish(0)]
    assert made.next_us is None


def test_a_worker_that_gets_ready_while_it_stops_is_still_stopped() -> None:
    made = supervisor()
    made.stop(0)
    made.ready(A, 1)
    assert made.state(A) is WorkerState.STOPPING


def test_an_illegal_event_is_our_own_fault() -> None:
    made = running()
    with pytest.raises(NodeFaultError, match="running cannot take 'ready'"):
        made.ready(A, 1)


def test_every_state_is_left_by_something_but_the_last_two() -> None:
    left = {state for (state, _), target in WORKER_TRANSITIONS.items() if target is not state}
    assert set(WorkerState) - left == {WorkerState.FAILED, WorkerState.ENDED}


def test_the_silence_allowed_is_a_setting() -> None:
    made = Supervisor([A], random.Random(1), SuperviseTuning(silence_us=S))
    made.tick(0)
    made.ready(A, 0)
    assert deeds(tick_to(made, 0, S)) == [Kill(A)]
