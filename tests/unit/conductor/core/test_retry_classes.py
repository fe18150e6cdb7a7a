"""What follows from each code of a refusal."""

from __future__ import annotations

import msgpack
import pytest

from conductor.core.retry_classes import CLASSES, FORGIVEN, Again
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from hive.errors import CATALOGUE
from hive.wire.messages import EMPTY, Beat, Credit
from tests.unit.conductor.core.bench import CLASSIFY, MS, Bench

A, B = 10, 11
BY_CLASS = {again: sorted(code for code, it in CLASSES.items() if it is again) for again in Again}


def refused_with(code: str, *, nodes: int = 2, settings: Settings | None = None) -> Bench:
    """Return a bench on which the first node has refused a task with this code."""
    bench = Bench(settings)
    for number in range(nodes):
        bench.node(A + number, "ab"[number])
    bench.submit(deadline_us=60_000 * MS)
    bench.refuse(A, bench.work(A)[0], code)
    return bench


def test_every_code_has_a_class_and_no_class_a_code_that_is_none() -> None:
    assert CLASSES.keys() == CATALOGUE.keys()
    assert CATALOGUE.keys() >= FORGIVEN


@pytest.mark.parametrize("code", BY_CLASS[Again.NEVER])
def test_what_every_node_would_say_ends_the_task(code: str) -> None:
    bench = refused_with(code)
    assert bench.work(B) == []
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.error["code"]) == ("expired" if code == "expired" else "failed", code)


@pytest.mark.parametrize("code", BY_CLASS[Again.ELSEWHERE])
def test_a_node_that_cannot_now_costs_nothing(code: str) -> None:
    bench = refused_with(code)
    assert len(bench.work(B)) == 1
    assert "retries" not in bench.core.state.counts
    assert bench.core.state.nodes["a"].faults == 0


@pytest.mark.parametrize("code", BY_CLASS[Again.ELSEWHERE])
def test_who_refuses_it_again_and_again_is_asked_once_a_beat(code: str) -> None:
    bench = refused_with(code, nodes=1)
    for tries in range(2, 12):
        bench.tick(95 * MS)
        assert len(bench.work(A)) == tries - 1
        bench.send(A, Beat(EMPTY))
        assert len(bench.work(A)) == tries
        bench.refuse(A, bench.work(A)[-1], code)
    assert bench.outcomes() == []


@pytest.mark.parametrize("code", BY_CLASS[Again.ELSEWHERE])
def test_who_takes_nothing_now_is_not_sent_all_that_waits_one_after_the_other(code: str) -> None:
    bench = refused_with(code, nodes=1)
    for _ in range(50):
        bench.submit(deadline_us=60_000 * MS)
    assert len(bench.work(A)) == 1
    bench.tick(100 * MS)
    bench.send(A, Beat(EMPTY))
    for work in bench.work(A)[1:]:
        bench.refuse(A, work, code)
    assert len(bench.work(A)) == 3  # as many as it said that it takes
    bench.send(A, Credit(EMPTY, 4))
    assert len(bench.work(A)) == 7


def test_a_deadline_that_is_too_short_here_may_do_elsewhere() -> None:
    bench = refused_with("deadline_too_short")
    bench.refuse(B, bench.work(B)[0], "deadline_too_short")
    assert [o.error["code"] for o in bench.outcomes()] == ["deadline_too_short"]


@pytest.mark.parametrize("code", [*BY_CLASS[Again.BUDGET], *BY_CLASS[Again.SITE]])
def test_everything_else_waits_and_is_paid_for(code: str) -> None:
    bench = refused_with(code, settings=Settings(retry_burst=1.0))
    assert bench.work(B) == []
    bench.tick(30 * MS)
    assert len(bench.work(B)) == 1
    assert bench.core.state.counts["retries"] == 1
    assert bench.core.state.nodes["a"].faults == (code not in FORGIVEN)
    bench.refuse(B, bench.work(B)[0], code)
    assert [o.error["code"] for o in bench.outcomes()] == ["retry_budget_spent"]


def test_a_code_that_nobody_knows_is_a_failure_of_the_node() -> None:
    bench = refused_with("out_of_cheese")
    (task,) = bench.core.state.tasks.values()
    assert (task.state, task.failures) == (TaskState.QUEUED, 1)


def test_later_steps_earn_retries_of_their_own_capability() -> None:
    bench = Bench(Settings(retry_burst=1.0, retry_share=0.5))
    bench.plans = {"c1": ("c1", "c2")}
    bench.node(A, "a", "c1")
    bench.node(B, "b", "c2")
    second = bench.core.state.capability("c2")
    second.budget = 0.0
    bench.submit("c1")
    bench.answer(A, bench.work(A)[0])
    assert second.budget == 0.5


def test_a_task_that_silences_node_after_node_for_good_is_set_aside() -> None:
    bench = Bench(Settings(lost_after_us=2_000 * MS))
    for number in range(20):
        bench.node(100 + number, f"n{number}")
    task = bench.submit(CLASSIFY, deadline_us=600_000 * MS)
    beating = set(range(100, 120))
    for _ in range(600):
        live = bench.core.state.tasks["local", task].live.values()
        beating -= {a.node.session for a in live if not a.ended}
        bench.run_for(100 * MS, beating=tuple(beating))
        if bench.outcomes():
            break
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.error["code"]) == ("dead_lettered", "dead_lettered")
    assert "8 nodes fell silent" in outcome.error["detail"]
    assert len(beating) == 12


def test_a_task_that_is_handed_back_for_ever_does_not_grow() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(deadline_us=600_000 * MS)
    for _ in range(150):
        bench.refuse(A, bench.work(A)[-1], "draining")
        bench.run_for(25 * MS, beating=(A,))
    kept = bench.core.state.tasks["local", task]
    assert (len(kept.attempts), kept.forgotten, len(bench.core.state.attempts)) == (100, 51, 1)
    bench.answer(A, bench.work(A)[-1])
    (outcome,) = bench.outcomes()
    assert msgpack.unpackb(outcome.provenance)["forgotten"] == 51
