"""A line of waiting tasks: in order for whoever may have them all, and without the others for whoever may not."""

from __future__ import annotations

import random

from conductor.core.line import Line
from conductor.core.tasks import Task
from hive.ids import TaskId
from hive.wire.messages import EMPTY
from tests.unit.conductor.core.bench import INTERNAL, PII, Bench

A = 10


def a_task(number: int) -> Task:
    return Task(TaskId(number.to_bytes(16, "big")), "local", EMPTY, 0)


def test_tasks_stand_in_order_whatever_their_labels_are() -> None:
    line = Line()
    tasks = [a_task(number) for number in range(6)]
    for number, task in enumerate(tasks):
        line.add(task, (INTERNAL, PII)[number % 2])
    early = a_task(9)
    line.add(early, PII, first=True)
    assert list(line) == [early, *tasks]
    assert list(line.permitted(INTERNAL)) == tasks[::2]
    assert list(line.permitted(INTERNAL | PII)) == [early, *tasks]
    assert list(line.permitted(0)) == []


def test_a_line_is_what_a_list_would_be_whatever_happens_to_it() -> None:
    rand = random.Random(1)
    line, plain = Line(), list[tuple[Task, int]]()
    for number in range(2_000):
        if plain and rand.random() < 0.4:
            gone, _ = plain.pop(rand.randrange(len(plain)))
            line.remove(gone)
            assert gone not in line
        else:
            task, labels, first = a_task(number), rand.randrange(4), rand.random() < 0.3
            line.add(task, labels, first=first)
            plain.insert(0 if first else len(plain), (task, labels))
            assert task in line
        allowed = rand.randrange(4)
        assert next(line.permitted(allowed), None) == next(
            (t for t, mask in plain if not mask & ~allowed), None
        )
        assert len(line) == len(plain)
    assert list(line) == [task for task, _ in plain]


def test_a_node_that_may_have_little_is_given_the_first_that_it_may_have() -> None:
    bench = Bench()
    for _ in range(50):
        bench.submit(labels=PII)
    task = bench.submit(labels=INTERNAL)
    bench.allowed_at = {"annex": INTERNAL}
    bench.node(A, "a", site="annex")
    assert [work.header.task for work in bench.work(A)] == [task]
