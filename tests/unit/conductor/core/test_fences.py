"""Whose answer counts: the boot that was given the attempt, on the connection that it has now, once."""

from __future__ import annotations

from conductor.core.settings import Settings
from conductor.core.states import NodeState
from hive.wire.messages import EMPTY, Cancel, Welcome, Work
from tests.unit.conductor.core.bench import CLIENT, INTERNAL, MS, PII, Bench

A, B, C, D = 10, 11, 12, 13


def ref(work: Work) -> tuple[int, int]:
    return (work.header.epoch, work.header.attempt)


def test_another_boot_cannot_answer_what_the_one_before_it_was_given() -> None:
    """The old boot's model was granted to remove the label; nothing is known of what the new one runs."""
    bench = Bench()
    bench.removes = PII
    bench.node(A, "a", "text.redact", incarnation=1)
    task = bench.submit("text.redact", labels=INTERNAL | PII)
    (work,) = bench.work(A)
    bench.lose(A)
    bench.removes = 0
    bench.node(B, "a", "text.redact", incarnation=2, digest="sha256:ff")
    bench.answer(B, work, b"not redacted", removed=PII)
    assert bench.outcomes() == []
    assert bench.core.state.counts["answers_stale"] == 1
    (again,) = bench.work(B)
    bench.answer(B, again, removed=PII)
    (outcome,) = bench.outcomes()
    assert (outcome.header.task, outcome.header.labels) == (task, INTERNAL | PII)


def test_a_boot_that_comes_back_with_another_model_must_drop_what_it_holds() -> None:
    bench = Bench()
    bench.node(A, "a", incarnation=1)
    bench.submit()
    (work,) = bench.work(A)
    bench.lose(A)
    (welcome, *_) = bench.node(B, "a", incarnation=1, held=(ref(work),), digest="sha256:ff")
    assert isinstance(welcome, Welcome)
    assert welcome.drop == (ref(work),)
    assert bench.core.state.nodes["a"].inflight == 1, "only what it is given anew"


def test_another_nodes_answer_and_a_second_answer_change_nothing() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.node(B, "b")
    bench.submit()
    (work,) = bench.work(A)
    bench.answer(B, work, b"not yours")
    assert (bench.outcomes(), bench.core.state.nodes["a"].inflight) == ([], 1)
    bench.answer(A, work, b"mine")
    bench.answer(A, work, b"again")
    bench.refuse(A, work, "inference_failed")
    assert [o.body for o in bench.outcomes()] == [(b"mine",)]
    assert bench.core.state.nodes["a"].inflight == 0
    assert bench.core.state.counts["answers_stale"] == 3


def test_an_answer_that_was_promised_and_never_came_is_forgotten_with_its_task() -> None:
    bench = Bench()
    bench.node(A, "a", incarnation=1)
    task = bench.submit()
    (work,) = bench.work(A)
    bench.lose(A)
    bench.node(B, "a", incarnation=1, unacked=(ref(work),))
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
    bench.lose(B)
    assert bench.core.state.attempts == {}


def poisoned(bench: Bench) -> None:
    """Let a task take the nodes a and b down; it runs on c then, alone."""
    for session, name in ((A, "a"), (B, "b"), (C, "c")):
        bench.node(session, name, credit=3)
    bench.submit(deadline_us=60_000 * MS)
    bench.lose(A)
    bench.lose(B)
    (work,) = bench.work(C)
    assert bench.core.state.nodes["c"].exclusive
    assert bench.core.state.tasks["local", work.header.task].kills == 2


def test_what_took_nodes_down_runs_alone_after_a_cut_too() -> None:
    bench = Bench(Settings(flap_losses=50))
    poisoned(bench)
    (work,) = bench.work(C)
    bench.lose(C)
    bench.node(D, "c", credit=3, held=(ref(work),))
    bench.submit()
    assert bench.work(D) == [], "the only node runs the suspicious task, and nothing beside it"
    bench.answer(D, work)
    (other,) = bench.work(D)
    bench.answer(D, other)
    assert [o.state for o in bench.outcomes()] == ["done", "done"]
    assert not bench.core.state.nodes["c"].exclusive


def test_a_node_is_free_for_others_once_the_task_that_ran_alone_was_cancelled_and_handed_back() -> None:
    bench = Bench()
    poisoned(bench)
    (work,) = bench.work(C)
    bench.send(CLIENT, Cancel(EMPTY._replace(task=work.header.task)))
    bench.submit()
    assert len(bench.work(C)) == 1, "a cancel does not mean that the slot is free"
    bench.refuse(C, work, "cancelled")
    assert len(bench.work(C)) == 2
    assert bench.core.state.nodes["c"].state is NodeState.READY


def test_credit_comes_back_once_however_a_task_ends() -> None:
    for how in ("cancel", "expire", "refuse"):
        bench = Bench()
        bench.node(A, "a", credit=1)
        task = bench.submit(deadline_us=50 * MS)
        if how == "cancel":
            bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
        elif how == "expire":
            bench.run_for(100 * MS, beating=(A,))
        (work,) = bench.work(A)
        bench.submit()
        assert len(bench.work(A)) == 1
        for _ in range(2):
            bench.refuse(A, work, "input_invalid")
        node = bench.core.state.nodes["a"]
        assert (node.inflight, len(bench.work(A))) == (1, 2), how
