"""A durable task outlives the conductor: what was acknowledged goes on after a restart, and has one outcome."""

from __future__ import annotations

import pytest

from conductor.core.actions import Persist
from conductor.core.records import Finished, Started
from conductor.core.states import TaskState
from hive.ids import TaskId, task_id_for_retry
from hive.wire.messages import (
    EMPTY,
    Cancel,
    Flag,
    Hello,
    Query,
    Receipt,
    Refuse,
    Reply,
    Seen,
    Submit,
    Watch,
    Welcome,
)
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

A, B = 10, 11


def ask(bench: Bench, task: TaskId, number: int = 9) -> Reply | Refuse:
    bench.send(CLIENT, Query(EMPTY._replace(task=task, attempt=number), number, "task"))
    answers = [m for to, m in bench.sent if to == CLIENT and isinstance(m, Reply | Refuse)]
    return [m for m in answers if m.header.attempt == number][-1]


def state_of(reply: Reply | Refuse) -> object:
    assert isinstance(reply, Reply)
    assert isinstance(reply.result, dict)
    return reply.result["state"]


def listed(bench: Bench, **args: object) -> list[tuple[str, str]]:
    bench.send(CLIENT, Query(EMPTY._replace(attempt=8), 8, "tasks", args))
    reply = bench.of(CLIENT, Reply)[-1]
    assert isinstance(reply, Reply)
    assert isinstance(reply.result, list)
    return [(row["id"][-2:], row["state"]) for row in reply.result]


def retry(bench: Bench, task: TaskId, *, wait: bool = False) -> TaskId:
    again = task_id_for_retry(task)
    flags = int(Flag.WAIT) if wait else 0
    header = EMPTY._replace(task=again, attempt=5, flags=flags, remaining_us=1_000 * MS, sent_us=bench.now)
    bench.send(CLIENT, Submit(header, retry_of=task))
    return again


def test_an_acknowledged_task_runs_after_a_restart_and_can_be_asked_for() -> None:
    bench = Bench()
    task = bench.submit(wait=False, durable=True)
    assert len(bench.of(CLIENT, Receipt)) == 1
    after = bench.restarted()
    after.node(A, "a")
    (work,) = after.work(A)
    assert (work.header.task, work.header.epoch, work.body) == (task, 8, (b"hello",))
    after.answer(A, work)
    reply = ask(after, task)
    assert isinstance(reply, Reply)
    assert (state_of(reply), reply.body) == ("done", (b"ok",))


def test_a_task_whose_submission_was_not_committed_is_as_if_it_never_was() -> None:
    bench = Bench()
    bench.auto_commit = False
    task = bench.submit(wait=False, durable=True)
    assert bench.of(CLIENT, Receipt) == []
    after = bench.restarted()
    after.node(A, "a")
    assert after.work(A) == []
    answer = ask(after, task)
    assert isinstance(answer, Refuse)
    assert answer.code == "task_unknown"


def test_an_outcome_that_was_not_committed_was_not_shown_and_is_made_again() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True, deadline_us=20_000 * MS)
    bench.auto_commit = False
    bench.answer(A, bench.work(A)[0], b"first")
    assert bench.outcomes() == []
    after = bench.restarted()
    after.node(A, "a", incarnation=2)
    after.run_for(1_500 * MS, beating=(A,))
    after.submit(durable=True, task=task)
    after.answer(A, after.work(A)[0], b"second")
    assert [o.body for o in after.outcomes()] == [(b"second",)]


def test_a_committed_outcome_is_never_changed_by_a_restart_nor_run_again() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True)
    bench.answer(A, bench.work(A)[0], b"first", confidence=0.75)
    after = bench.restarted()
    after.node(A, "a")
    after.submit(durable=True, task=task)
    assert after.work(A) == []
    (outcome,) = after.outcomes()
    assert (outcome.state, outcome.body, outcome.confidence) == ("done", (b"first",), 0.75)
    assert outcome.provenance == bench.outcomes()[0].provenance


def test_the_node_that_has_the_work_finishes_it_under_the_old_names() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(wait=False, durable=True, deadline_us=20_000 * MS)
    (work,) = bench.work(A)
    after = bench.restarted()
    ref = (work.header.epoch, work.header.attempt)
    after.node(A, "a", held=(ref,))
    welcome = after.of(A, Welcome)[0]
    assert isinstance(welcome, Welcome)
    assert welcome.drop == ()
    after.run_for(3_000 * MS, beating=(A,))
    assert after.work(A) == []
    after.answer(A, work)
    (task,) = after.core.state.tasks.values()
    assert (task.state, len(task.attempts), after.core.state.counts.get("answers_stale")) == (
        TaskState.DONE,
        1,
        None,
    )


def test_an_answer_that_was_given_while_the_conductor_was_away_counts() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(wait=False, durable=True)
    (work,) = bench.work(A)
    after = bench.restarted()
    after.node(A, "a", unacked=((work.header.epoch, work.header.attempt),))
    after.answer(A, work)
    assert [t.state for t in after.core.state.tasks.values()] == [TaskState.DONE]
    assert after.core.state.nodes["a"].inflight == 0


@pytest.mark.parametrize(
    ("incarnation", "digest"), [(2, "sha256:00"), (1, "sha256:11")], ids=["another boot", "another model"]
)
def test_an_attempt_of_another_boot_or_model_is_fenced(incarnation: int, digest: str) -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(wait=False, durable=True, deadline_us=20_000 * MS)
    (work,) = bench.work(A)
    after = bench.restarted()
    ref = (work.header.epoch, work.header.attempt)
    after.node(A, "a", incarnation=incarnation, digest=digest, held=(ref,))
    welcome = after.of(A, Welcome)[0]
    assert isinstance(welcome, Welcome)
    assert welcome.drop == (ref,)
    after.answer(A, work, b"stale")
    assert after.core.state.counts["answers_stale"] == 1
    after.run_for(1_200 * MS, beating=(A,))
    (again,) = after.work(A)
    after.answer(A, again, b"fresh")
    (task,) = after.core.state.tasks.values()
    assert task.result == (b"fresh",)


def test_work_whose_node_does_not_come_back_is_placed_after_the_grace_and_its_late_answer_is_dropped() -> (
    None
):
    bench = Bench()
    bench.node(A, "a")
    bench.submit(wait=False, durable=True, deadline_us=20_000 * MS)
    (old,) = bench.work(A)
    after = bench.restarted()
    after.node(B, "b")
    after.run_for(900 * MS, beating=(B,))
    assert after.work(B) == []
    after.run_for(200 * MS, beating=(B,))
    (new,) = after.work(B)
    after.answer(B, new, b"b")
    after.node(A, "a", unacked=((old.header.epoch, old.header.attempt),))
    after.answer(A, old, b"a")
    (task,) = after.core.state.tasks.values()
    assert task.result == (b"b",)


def test_the_grace_leaves_half_of_the_time_that_is_left() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(wait=False, durable=True, deadline_us=1_000 * MS)
    after = bench.restarted()
    after.node(B, "b")
    after.run_for(400 * MS, beating=(B,))
    assert after.work(B) == []
    after.run_for(200 * MS, beating=(B,))
    assert len(after.work(B)) == 1


def test_who_greets_before_there_is_a_policy_waits_for_it_and_keeps_its_work() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(wait=False, durable=True)
    (work,) = bench.work(A)
    after = bench.restarted(control=False)
    after.node(A, "a", held=((work.header.epoch, work.header.attempt),))
    after.node(B, "b")
    after.lose(B)
    assert after.of(A, Welcome) == []
    after.restart_control()
    welcome = after.of(A, Welcome)[0]
    assert isinstance(welcome, Welcome)
    assert welcome.drop == ()
    assert after.of(B, Welcome) == []
    after.answer(A, work)
    assert [t.state for t in after.core.state.tasks.values()] == [TaskState.DONE]


def test_a_later_step_goes_on_with_the_output_of_the_one_before() -> None:
    bench = Bench()
    bench.plans["text.two"] = (CLASSIFY, "text.route")
    bench.node(A, "a")
    bench.submit("text.two", wait=False, durable=True, deadline_us=20_000 * MS)
    bench.answer(A, bench.work(A)[0], b"half", confidence=0.5)
    after = bench.restarted()
    after.node(A, "a")
    after.node(B, "b", "text.route")
    after.run_for(1_500 * MS, beating=(A, B))
    assert after.work(A) == []
    (work,) = after.work(B)
    assert work.body == (b"half",)
    after.answer(B, work, b"whole", confidence=0.9)
    (task,) = after.core.state.tasks.values()
    assert (task.result, task.confidence) == ((b"whole",), 0.5)


def test_what_took_nodes_down_is_remembered() -> None:
    bench = Bench()
    for number in (20, 21):
        bench.node(number, f"n{number}")
    bench.submit(wait=False, durable=True, deadline_us=60_000 * MS)
    for number in (20, 21):
        assert len(bench.work(number)) == 1
        bench.lose(number)
    bench.node(22, "n22")
    assert len(bench.work(22)) == 1
    after = bench.restarted()
    after.node(23, "n23")
    after.run_for(1_200 * MS, beating=(23,))
    (task,) = after.core.state.tasks.values()
    assert task.kills == 2
    assert len(after.work(23)) == 1
    after.lose(23)
    after.run_for(3_000 * MS)
    (task,) = after.core.state.tasks.values()
    assert task.state is TaskState.DEAD_LETTERED


def test_a_deadline_that_passed_meanwhile_expires_the_task() -> None:
    bench = Bench()
    task = bench.submit(wait=False, durable=True, deadline_us=500 * MS)
    bench.now += 600 * MS
    after = bench.restarted()
    after.run_for(100 * MS)
    reply = ask(after, task)
    assert isinstance(reply, Reply)
    assert state_of(reply) == "expired"


def test_a_task_that_was_cancelled_stays_so() -> None:
    bench = Bench()
    task = bench.submit(wait=False, durable=True)
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
    after = bench.restarted()
    after.node(A, "a")
    assert after.work(A) == []
    after.send(CLIENT, Watch(EMPTY._replace(task=task, attempt=3)))
    assert [o.state for o in after.outcomes()] == ["cancelled"]


def test_what_policy_forbids_since_the_restart_fails_and_its_body_is_deleted() -> None:
    bench = Bench()
    task = bench.submit(wait=False, durable=True, labels=PII)
    finished = bench.submit(wait=False, durable=True, labels=PII)
    bench.node(A, "a")
    works = {work.header.task: work for work in bench.work(A)}
    bench.answer(A, works[finished], b"private")
    forbidding = bench.restarted(control=False)
    forbidding.allowed = INTERNAL
    forbidding.restart_control()
    bodies = [
        body
        for stored in forbidding.store.tables.tasks.values()
        for body in (*stored.submitted.inputs, *([stored.finished.result] if stored.finished else []))
        if body is not None
    ]
    assert bodies == []
    stored = forbidding.store.tables.tasks["local", task]
    assert stored.finished is not None
    assert (stored.finished.state, stored.finished.code) == ("failed", "label_forbidden")
    answer = ask(forbidding, finished)
    assert isinstance(answer, Refuse)
    assert answer.code == "result_withdrawn"


def test_a_key_is_remembered_by_the_store_when_memory_has_forgotten_it() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(key="order-7")
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted()
    after.node(A, "a")
    after.submit(key="order-7")
    after.submit(key="order-7", body=b"something else")
    after.submit(key="order-7", wait=False)
    assert after.work(A) == []
    assert [o.body for o in after.outcomes()] == [(b"ok",)]
    assert [r.code for r in after.refusals()] == ["key_conflict"]
    (receipt,) = after.of(CLIENT, Receipt)
    assert isinstance(receipt, Receipt)
    assert receipt.state == "done"


def test_a_conflicting_key_does_not_delete_what_the_store_has() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit(key="order-7")
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted()
    after.submit(key="order-7", body=b"something else")
    assert [r.code for r in after.refusals()] == ["key_conflict"]
    assert len(after.store.tables.tasks) == 1
    assert after.core.state.open_count == 0


def test_a_failed_task_is_tried_again_with_what_it_was_given_and_once() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True, labels=PII, body=b"private", priority=7)
    bench.refuse(A, bench.work(A)[0], "input_invalid")
    assert [o.state for o in bench.outcomes()] == ["failed"]
    again = retry(bench, task)
    assert retry(bench, task) == again
    (_, work) = bench.work(A)
    assert (work.header.task, work.header.labels, work.header.priority, work.body) == (
        again,
        PII,
        7,
        (b"private",),
    )
    assert len(bench.of(CLIENT, Receipt)) == 2
    bench.answer(A, work)
    reply = ask(bench, again)
    assert isinstance(reply, Reply)
    assert state_of(reply) == "done"


def test_what_is_done_or_unknown_or_purged_is_not_tried_again() -> None:
    bench = Bench()
    bench.node(A, "a")
    done = bench.submit(durable=True)
    bench.answer(A, bench.work(A)[0])
    failed = bench.submit(durable=True, labels=PII)
    bench.refuse(A, bench.work(A)[1], "input_invalid")
    bench.submit(task=TaskId(b"interactive....."))
    bench.refuse(A, bench.work(A)[2], "input_invalid")
    bench.allowed = INTERNAL
    bench.generation(20)
    for task in (done, failed, TaskId(b"nobody's task..."), TaskId(b"interactive.....")):
        retry(bench, task)
    assert [r.code for r in bench.refusals()] == [
        "not_retryable",
        "not_retryable",
        "task_unknown",
        "task_unknown",
    ]


def test_a_retry_under_another_id_is_refused() -> None:
    bench = Bench()
    header = EMPTY._replace(task=TaskId(b"x" * 16), attempt=5, remaining_us=MS, sent_us=bench.now)
    bench.send(CLIENT, Submit(header, retry_of=b"y" * 16))
    assert [r.code for r in bench.refusals()] == ["bad_request"]


def test_a_list_shows_stored_and_waiting_tasks_by_state_and_page_by_page() -> None:
    bench = Bench()
    bench.node(A, "a", credit=8)
    for number in range(4):
        bench.submit(durable=number != 3)
        bench.now += MS
    works = bench.work(A)
    bench.answer(A, works[0])
    bench.refuse(A, works[1], "input_invalid")
    assert listed(bench) == [("04", "running"), ("03", "running"), ("02", "failed"), ("01", "done")]
    assert listed(bench, states=["failed", "done"]) == [("02", "failed"), ("01", "done")]
    assert listed(bench, states=["open"]) == [("04", "running"), ("03", "running")]
    assert listed(bench, limit=1) == [("04", "running")]
    after = bench.restarted()
    assert listed(after) == [("03", "queued"), ("02", "failed"), ("01", "done")]
    rows = after.of(CLIENT, Reply)[-1].result  # type: ignore[attr-defined]
    assert listed(after, before=rows[1]["cursor"]) == [("01", "done")]
    after.send(CLIENT, Query(EMPTY._replace(attempt=8), 8, "tasks", {"states": ["lost"]}))
    assert [r.code for r in after.refusals()] == ["bad_request"]


def test_a_stored_task_that_was_read_is_listed_with_its_attempts_still() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True)
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted()
    after.send(CLIENT, Query(EMPTY._replace(task=task, attempt=7), 7, "task"))
    assert listed(after) == [("01", "done")]
    reply = after.of(CLIENT, Reply)[-1]
    assert isinstance(reply, Reply)
    assert [row["attempts"] for row in reply.result] == [1]  # type: ignore[attr-defined]


def test_nobody_finds_the_stored_task_of_another() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True)
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted()
    after.send(B, Hello(EMPTY, "client", "other", "m"))
    after.send(B, Query(EMPTY._replace(task=task, attempt=3), 3, "task"))
    assert [r.code for r in after.refusals(B)] == ["task_unknown"]


def test_what_a_node_was_granted_is_kept_once_and_without_its_token() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.lose(A)
    bench.node(A, "a", incarnation=2)
    assert list(bench.store.tables.met) == ["a"]
    after = bench.restarted()
    assert list(after.core.state.away) == ["a"]
    assert [m.name for m in after.of(CONTROL, Seen) if isinstance(m, Seen)] == ["a"]


def test_a_task_for_a_node_that_is_not_back_yet_waits_for_it() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.lose(A)
    bench.submit(wait=False, durable=True)
    after = bench.restarted()
    assert [t.state for t in after.core.state.tasks.values()] == [TaskState.QUEUED]
    after.node(A, "a")
    assert len(after.work(A)) == 1


def test_only_durable_tasks_are_written_down() -> None:
    bench = Bench()
    bench.auto_commit = False
    bench.node(A, "a")
    bench.commit()
    bench.submit()
    bench.answer(A, bench.work(A)[0])
    assert [a for a in bench.actions if isinstance(a, Persist)] == []
    bench.submit(durable=True)
    bench.commit()
    bench.answer(A, bench.work(A)[1])
    kinds = [type(a.record) for a in bench.actions if isinstance(a, Persist)]
    assert kinds == [Started, Finished]
