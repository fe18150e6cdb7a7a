"""A durable submission that comes before there is a policy waits for it: the store may have the task already."""

from __future__ import annotations

from conductor.core.early import due_us
from conductor.core.settings import Settings
from hive.ids import TaskId
from hive.wire.messages import Receipt
from tests.unit.conductor.core.bench import CLIENT, MS, Bench

A = 10


def receipts(bench: Bench) -> list[tuple[TaskId, str]]:
    return [(m.header.task, m.state) for m in bench.of(CLIENT, Receipt) if isinstance(m, Receipt)]


def test_a_task_that_goes_on_is_acknowledged_again_and_not_refused() -> None:
    bench = Bench()
    task = bench.submit(wait=False, durable=True)
    after = bench.restarted(control=False)
    after.submit(wait=False, durable=True, task=task)
    assert (receipts(after), after.refusals()) == ([], [])
    after.restart_control()
    assert (receipts(after), after.refusals()) == ([(task, "queued")], [])
    after.node(A, "a")
    assert [work.header.task for work in after.work(A)] == [task], "it is one task"


def test_a_task_that_had_its_outcome_is_acknowledged_and_not_run_again() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(wait=False, durable=True)
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted(control=False)
    after.submit(wait=False, durable=True, task=task)
    after.restart_control()
    after.node(A, "a")
    assert receipts(after) == [(task, "done")]
    assert after.work(A) == []


def test_a_new_one_is_accepted_once_there_is_a_policy_in_the_order_of_coming() -> None:
    bench = Bench(control=False)
    tasks = [bench.submit(wait=False, durable=True), bench.submit(wait=False, key="k")]
    bench.restart_control()
    assert receipts(bench) == [(task, "queued") for task in tasks]


def test_what_promises_nothing_is_refused_at_once() -> None:
    bench = Bench(control=False)
    bench.submit(wait=True)
    assert [m.code for m in bench.refusals()] == ["planning_unavailable"]


def test_without_a_policy_it_is_refused_after_the_planning_timeout() -> None:
    bench = Bench(Settings(planning_timeout_us=500 * MS), control=False)
    bench.submit(wait=False, durable=True, deadline_us=60_000 * MS)
    assert bench.core.next_us() == due_us(bench.core.state) == bench.now + 500 * MS
    bench.tick(499 * MS)
    assert bench.refusals() == []
    bench.tick(1 * MS)
    assert [m.code for m in bench.refusals()] == ["planning_unavailable"]
    assert bench.core.state.ledger.early_bytes == 0
    bench.restart_control()
    assert receipts(bench) == []


def test_no_more_waits_than_there_is_room_for() -> None:
    bench = Bench(Settings(queue_max_tasks=2, queue_max_bytes=12), control=False)
    for _ in range(3):
        bench.submit(wait=False, durable=True)
    assert [m.code for m in bench.refusals()] == ["planning_unavailable"]
    assert bench.core.state.ledger.early_bytes == 10


def test_who_has_left_is_not_answered() -> None:
    bench = Bench(control=False)
    bench.submit(wait=False, durable=True)
    bench.lose(CLIENT)
    bench.restart_control()
    assert bench.core.state.tasks == {}
