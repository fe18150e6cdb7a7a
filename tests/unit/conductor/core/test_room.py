"""Brown-out: who is refused while the queue fills up, who gives way when it is full, and who never does."""

from __future__ import annotations

import pytest

from conductor.core.room import fill_for
from conductor.core.settings import Settings
from hive.ids import TaskId
from hive.wire.messages import EMPTY, Flag, Submit
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, INTERNAL, MS, Bench

A = 10


def full(priority: int = 5, *, wait: bool = True, durable: bool = False, at_most: int = 10) -> Bench:
    """Return a bench whose queue is full of waiting tasks of one priority; one more runs."""
    bench = Bench(Settings(queue_max_tasks=at_most))
    bench.node(A, "a", credit=1)
    for _ in range(at_most):
        bench.submit(priority=priority, wait=wait, durable=durable, deadline_us=60_000 * MS)
    assert bench.core.state.open_count == at_most
    return bench


def left(bench: Bench) -> list[int]:
    """Return the numbers of the tasks that are open."""
    return [int.from_bytes(t.id, "big") for t in bench.core.state.tasks.values() if not t.closed]


@pytest.mark.parametrize(
    ("priority", "fill"), [(0, 0.8), (1, 0.84), (2, 0.88), (3, 0.92), (4, 0.96), (5, 1.0), (9, 1.0)]
)
def test_each_priority_is_taken_up_to_its_fill(priority: int, fill: float) -> None:
    assert fill_for(priority, 0.8) == pytest.approx(fill)


def test_low_priorities_are_refused_while_others_are_still_taken() -> None:
    bench = full(at_most=100)
    for session in range(8):
        bench.answer(A, bench.work(A)[session])
    assert bench.core.state.open_count == 92
    for priority in range(6):
        bench.submit(priority=priority)
    refused = bench.refusals()
    assert [r.code for r in refused] == ["queue_full"] * 4
    assert "priority 0 are taken up to 80%" in refused[0].detail
    assert all(0 < r.context["retry_after_ms"] <= 5_000 for r in refused)  # type: ignore[operator]
    assert bench.core.state.open_count == 94


def test_a_task_of_a_higher_priority_takes_the_place_of_the_youngest_of_the_lowest() -> None:
    bench = full()
    bench.submit(priority=8)
    (refusal,) = bench.refusals()
    assert (refusal.code, refusal.header.task) == ("queue_full", TaskId((10).to_bytes(16, "big")))
    assert refusal.context["retry_after_ms"] == 5_000
    assert left(bench) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    bench.submit(priority=9)
    assert left(bench) == [1, 2, 3, 4, 5, 6, 7, 8, 11, 12]
    assert bench.core.state.counts["tasks_shed"] == 2


def test_a_task_of_the_same_priority_waits_for_nobody_s_place() -> None:
    bench = full()
    bench.submit(priority=5)
    assert [r.header.task[-1] for r in bench.refusals()] == [11]
    assert left(bench) == list(range(1, 11))


@pytest.mark.parametrize(("wait", "durable"), [(False, False), (True, True), (False, True)])
def test_what_was_acknowledged_or_stored_is_never_shed(wait: bool, durable: bool) -> None:  # noqa: FBT001 - cases
    bench = full(wait=wait, durable=durable)
    bench.submit(priority=9)
    assert [r.header.task[-1] for r in bench.refusals()] == [11]
    assert left(bench) == list(range(1, 11))


def test_a_task_that_is_acknowledged_later_is_not_shed_either() -> None:
    bench = full(at_most=2)
    header = EMPTY._replace(task=TaskId((2).to_bytes(16, "big")), labels=INTERNAL, priority=5)
    bench.send(CLIENT, Submit(header, CLASSIFY, body=(b"hello",)))
    bench.submit(priority=9)
    assert left(bench) == [1, 2]


def test_what_runs_or_has_run_is_not_shed() -> None:
    bench = full(at_most=2)
    bench.lose(A)  # what ran waits again
    bench.submit(priority=9)
    bench.submit(priority=9)
    assert [r.header.task[-1] for r in bench.refusals()] == [2, 4]
    assert left(bench) == [1, 3]


def test_bytes_count_too_and_several_small_ones_may_go_for_a_large_one() -> None:
    bench = Bench(Settings(queue_max_bytes=1_000))
    for _ in range(10):
        bench.submit(priority=6, body=b"x" * 100)
    bench.submit(priority=7, body=b"y" * 250)
    assert [r.header.task[-1] for r in bench.refusals()] == [10, 9, 8]
    bench.submit(priority=7, body=b"z" * 900)
    assert bench.refusals()[-1].header.task[-1] == 12
    assert bench.core.state.open_bytes == 950


def test_a_large_one_lets_nobody_down_for_nothing() -> None:
    bench = Bench(Settings(queue_max_bytes=1_000))
    bench.submit(priority=6, body=b"x" * 600)
    bench.submit(priority=9, body=b"x" * 400)
    bench.submit(priority=7, body=b"y" * 700)
    assert [r.header.task[-1] for r in bench.refusals()] == [3]
    assert left(bench) == [1, 2]


def test_in_a_flood_everything_accepted_is_done_and_the_rest_is_told_when_to_come_again() -> None:
    bench = Bench(Settings(queue_max_tasks=50))
    bench.node(A, "a", credit=4)
    begun = 0
    for number in range(2_000):  # twenty for each that is answered
        bench.submit(priority=number % 10, deadline_us=600_000 * MS, wait=number % 3 > 0)
        if number % 20 == 0:
            bench.answer(A, bench.work(A)[begun])
            begun += 1
    while len(bench.work(A)) > begun:
        bench.answer(A, bench.work(A)[begun])
        begun += 1
    refused = {r.header.task for r in bench.refusals()}
    receipts = {m.header.task for _, m in bench.sent if type(m).__name__ == "Receipt"}
    done = {o.header.task for o in bench.outcomes() if o.state == "done"}
    waited = {t.id for t in bench.core.state.tasks.values() if t.header.flags & Flag.WAIT}
    assert not refused & (receipts | done)
    assert len(refused) + len(receipts) + len(waited - receipts) == 2_000
    assert all(t.closed for t in bench.core.state.tasks.values())
    assert all(r.code == "queue_full" and r.context["retry_after_ms"] for r in bench.refusals())
