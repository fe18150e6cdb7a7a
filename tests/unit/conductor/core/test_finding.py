"""Lists of tasks: pages that skip nothing, whatever is opened at one instant or decided while the store looks."""

from __future__ import annotations

from conductor.core.actions import Look, Looked
from conductor.store.memory import row_of
from hive.wire.messages import EMPTY, Query, Reply
from tests.unit.conductor.core.bench import CLIENT, MS, Bench

A = 10


def page(bench: Bench, **args: object) -> list[dict[str, object]]:
    bench.send(CLIENT, Query(EMPTY._replace(attempt=8), 8, "tasks", args))
    reply = bench.of(CLIENT, Reply)[-1]
    assert isinstance(reply, Reply)
    return reply.result  # type: ignore[return-value]


def every(bench: Bench, limit: int) -> list[str]:
    """Return the ids of all tasks, read page by page."""
    found: list[str] = []
    rows = page(bench, limit=limit)
    while rows:
        found += [str(row["id"]) for row in rows]
        rows = page(bench, limit=limit, before=rows[-1]["cursor"])
    return found


def test_pages_skip_no_task_of_those_that_came_at_one_instant() -> None:
    bench = Bench()
    tasks = [bench.submit(durable=number % 3 > 0, wait=False).hex() for number in range(20)]
    for limit in (1, 3, 7):
        assert every(bench, limit) == tasks[::-1]
    durable = [task for number, task in enumerate(tasks) if number % 3]
    assert every(bench.restarted(), 3) == durable[::-1]
    assert {row["age_ms"] for row in page(bench)} == {0}


def test_what_the_store_says_is_decided_is_listed_so_although_its_commit_is_not_heard_of_yet() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True)
    bench.auto_commit = bench.auto_look = False
    bench.answer(A, bench.work(A)[0])
    bench.send(CLIENT, Query(EMPTY._replace(attempt=8), 8, "tasks", {"states": ["done"]}))
    (look,) = [a for a in bench.actions if isinstance(a, Look)]
    bench.actions.remove(look)
    waiting, bench.actions = bench.actions, []
    outcome = waiting[-1].record  # type: ignore[union-attr]
    bench.store.tables.apply(outcome)
    stored = bench.store.tables.tasks["local", task]
    bench._do(Looked(look.token, (row_of(stored),)))
    reply = bench.of(CLIENT, Reply)[-1]
    assert isinstance(reply, Reply)
    assert [(row["id"], row["state"]) for row in reply.result] == [(task.hex(), "done")]  # type: ignore[attr-defined]


def test_a_page_of_what_only_memory_has_ends_where_it_is_full() -> None:
    bench = Bench()
    bench.node(A, "a", credit=8)
    for _ in range(6):
        bench.submit()
        bench.now += MS
    for work in bench.work(A)[:4]:
        bench.answer(A, work)
    assert [row["id"] for row in page(bench, states=["done"], limit=2)] == [f"{n:032x}" for n in (4, 3)]
    assert [row["state"] for row in page(bench, states=["open"])] == ["running", "running"]
