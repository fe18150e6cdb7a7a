"""Durable tasks when things happen in the wrong order: commits fail or are late, callers repeat and cancel."""

from __future__ import annotations

from hive.ids import TaskId, task_id_for_key
from hive.wire.messages import EMPTY, Cancel, Hello, Outcome, Query, Receipt, Refuse, Reply
from tests.unit.conductor.core.bench import CLIENT, MS, Bench

A, B = 10, 11


def told(bench: Bench) -> list[str]:
    """Return what the client heard of its tasks: states of receipts and outcomes, codes of refusals."""
    heard = [m for to, m in bench.sent if to == CLIENT and isinstance(m, Receipt | Outcome | Refuse)]
    return [m.code if isinstance(m, Refuse) else f"{type(m).__name__} {m.state}" for m in heard]


def cancel(bench: Bench, task: TaskId) -> None:
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task, attempt=7)))


def fail_commits(bench: Bench) -> None:
    """Let the store answer for everything that waits that it could not be written."""
    bench.store.failing = "no space"
    bench.commit()
    bench.store.failing = ""


def finished_earlier() -> Bench:
    """Return the next start of a conductor after a task under the key `order-7` was done."""
    bench = Bench()
    bench.node(A, "a")
    bench.submit(key="order-7")
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted()
    after.auto_commit = False
    return after


def test_a_repeated_submission_that_expires_before_the_store_knows_it_does_not_delete_the_first() -> None:
    bench = finished_earlier()
    bench.submit(key="order-7", deadline_us=10 * MS)
    bench.run_for(50 * MS)
    bench.commit()
    assert [m.state for m in bench.outcomes()] == ["done"]
    assert [s.finished.state for s in bench.store.tables.tasks.values() if s.finished] == ["done"]


def test_a_repeated_submission_that_is_cancelled_meanwhile_shows_the_outcome_that_there_was() -> None:
    bench = finished_earlier()
    task = bench.submit(key="order-7")
    cancel(bench, task)
    bench.commit()
    assert told(bench) == ["Outcome done", "Outcome done"]
    assert [t.state.value for t in bench.core.state.tasks.values()] == ["done"]


def test_another_request_under_a_known_key_is_a_conflict_even_if_it_is_cancelled_meanwhile() -> None:
    bench = finished_earlier()
    task = bench.submit(key="order-7", body=b"something else")
    cancel(bench, task)
    bench.commit()
    assert told(bench) == ["key_conflict", "key_conflict"]
    assert (bench.core.state.tasks, bench.core.state.open_count) == ({}, 0)


def test_a_cancelled_submission_that_could_not_be_written_has_no_outcome() -> None:
    bench = Bench()
    bench.auto_commit = False
    task = bench.submit(durable=True, wait=False)
    cancel(bench, task)
    fail_commits(bench)
    assert told(bench) == ["store_unavailable", "store_unavailable"]
    assert (bench.core.state.tasks, bench.core.state.open_count) == ({}, 0)


def test_a_task_that_is_cancelled_before_it_is_planned_stays_cancelled_after_a_restart() -> None:
    bench = Bench()
    bench.lose(1)
    task = bench.submit(key="order-7")
    cancel(bench, task)
    assert told(bench) == ["Outcome cancelled", "Outcome cancelled"]
    after = bench.restarted()
    after.node(A, "a")
    after.submit(key="order-7")
    assert (after.work(A), told(after)) == ([], ["Outcome cancelled"])


def test_no_receipt_for_a_repeated_submission_while_the_first_is_not_written() -> None:
    bench = Bench()
    bench.auto_commit = False
    task = bench.submit(durable=True)
    cancel(bench, task)
    bench.submit(durable=True, wait=False, task=task)
    assert told(bench) == []
    bench.commit()
    assert told(bench) == ["Outcome cancelled"] * 3


def test_an_outcome_that_is_not_committed_cannot_be_read() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.auto_commit = False
    task = bench.submit(durable=True)
    bench.commit()
    bench.answer(A, bench.work(A)[0], b"secret")
    bench.send(CLIENT, Query(EMPTY._replace(task=task, attempt=7), 7, "task"))
    (reply,) = bench.of(CLIENT, Reply)
    assert isinstance(reply, Reply)
    assert isinstance(reply.result, dict)
    assert (reply.body, reply.result["state"], reply.result["confidence"]) == ((), "running", 0.0)


def test_a_task_that_was_not_to_be_kept_gets_no_receipt_that_it_is() -> None:
    bench = Bench()
    task = bench.submit()
    bench.submit(durable=True, wait=False, task=task)
    assert told(bench) == ["key_conflict"]


def test_a_node_cannot_take_the_name_of_a_linked_sites_tasks() -> None:
    bench = Bench()
    bench.node(A, "site:cloud")
    bench.send(A, Query(EMPTY._replace(attempt=8), 8, "tasks"))
    assert bench.of(A, Reply) == []
    bench.send(B, Hello(EMPTY, "client", "site:cloud", "m"))
    assert [r.code for r in bench.refusals(A)] == ["bad_request", "hello_required"]
    assert [r.code for r in bench.refusals(B)] == ["bad_request"]


def query(bench: Bench, task: TaskId) -> str:
    """Return the state that a question about a task is answered with."""
    bench.send(CLIENT, Query(EMPTY._replace(task=task, attempt=7), 7, "task"))
    bench.commit()
    reply = bench.of(CLIENT, Reply)[-1]
    assert isinstance(reply, Reply)
    assert isinstance(reply.result, dict)
    return str(reply.result["state"])


def test_a_task_with_an_outcome_is_not_seen_open_again_because_its_submission_is_repeated() -> None:
    bench = finished_earlier()
    task = bench.submit(key="order-7")
    assert (query(bench, task), told(bench)) == ("done", ["Outcome done"])


def test_nor_is_it_while_nobody_is_there_who_could_plan_it() -> None:
    bench = finished_earlier()
    bench.lose(1)
    task = bench.submit(key="order-7")
    bench.send(CLIENT, Query(EMPTY._replace(attempt=8), 8, "tasks"))
    rows = bench.of(CLIENT, Reply)[-1].result  # type: ignore[attr-defined]
    assert [row["state"] for row in rows] == ["done"]
    assert (query(bench, task), told(bench)) == ("done", ["Outcome done"])


def test_a_submission_that_is_not_written_yet_can_be_asked_for_and_gives_way_once() -> None:
    bench = Bench()
    bench.auto_look = bench.auto_commit = False
    task = bench.submit(durable=True)
    assert query(bench, task) == "queued"
    after = finished_earlier()
    after.auto_look = False
    known = task_id_for_key("order-7")
    after.send(CLIENT, Query(EMPTY._replace(task=known, attempt=7), 7, "task"))
    after.submit(key="order-7")  # the store is asked before it hears of this one
    after.commit()
    assert (told(after), len(after.core.state.finished)) == (["Outcome done"], 1)
