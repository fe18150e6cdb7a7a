"""Hedges: when a slow attempt gets a second one beside it, through which gate, and what all of them may cost."""

from __future__ import annotations

import random

import msgpack
import pytest

from conductor.core.hedging import Hedging
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from hive.wire.messages import EMPTY, Event, Flag, Outcome, Query, Refuse, Reply, Revoke, Watch, Work
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, INTERNAL, MS, PII, Bench

A, B, C = 10, 11, 12
SOON = 20 * MS  # the estimate, and a bucket of the timer wheel


def warm(bench: Bench, session: int = A, took_us: int = MS) -> None:
    """Let a node answer so often that it is known how long that takes."""
    for _ in range(100):
        bench.submit()
        work = bench.work(session)[-1]
        bench.tick(took_us)
        bench.answer(session, work)
    bench.sent.clear()


def hedging(settings: Settings | None = None, *, b_idempotent: bool = True, b_credit: int = 2) -> Bench:
    """Return a bench that knows how long node a takes, and where b has just come."""
    bench = Bench(settings)
    bench.node(A, "a", idempotent=True)
    warm(bench)
    bench.node(B, "b", credit=b_credit, idempotent=b_idempotent)
    bench.core.state.nodes["b"].ewma_us = 1e6  # so that a is chosen first
    return bench


def provenance(outcome: Outcome) -> dict[str, object]:
    """Return how a task came to its outcome."""
    return msgpack.unpackb(outcome.provenance)  # type: ignore[no-any-return]


def test_a_slow_attempt_gets_a_second_one_and_the_first_answer_counts() -> None:
    bench = hedging()
    task = bench.submit()
    (slow,) = bench.work(A)
    assert not slow.header.flags & Flag.HEDGE
    assert bench.work(B) == []
    bench.tick(SOON)
    (hedge,) = bench.work(B)
    assert hedge.header.flags & Flag.HEDGE
    assert (hedge.header.task, hedge.body, hedge.header.labels) == (task, slow.body, slow.header.labels)
    bench.answer(B, hedge, b"quick")
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.body) == ("done", (b"quick",))
    assert provenance(outcome)["hedges"] == [["plant", hedge.header.attempt]]
    (revoked,) = bench.of(A, Revoke)
    assert revoked.header.attempt == slow.header.attempt
    counts = bench.core.state.counts
    assert (counts["hedges"], counts["hedges_won"]) == (1, 1)


def test_the_loser_keeps_its_slot_until_it_says_something() -> None:
    bench = hedging()
    bench.submit()
    bench.tick(SOON)
    bench.answer(B, bench.work(B)[0])
    assert bench.core.state.nodes["a"].inflight == 1
    bench.answer(A, bench.work(A)[0], b"late")
    assert bench.core.state.nodes["a"].inflight == 0
    assert len(bench.outcomes()) == 1


def test_the_original_may_still_win() -> None:
    bench = hedging()
    bench.submit()
    bench.tick(SOON)
    bench.answer(A, bench.work(A)[0], b"first")
    assert [o.body for o in bench.outcomes()] == [(b"first",)]
    assert "hedges_won" not in bench.core.state.counts
    assert len(bench.of(B, Revoke)) == 1


def test_a_step_is_hedged_once() -> None:
    bench = hedging()
    bench.node(C, "c", idempotent=True)
    bench.submit()
    bench.tick(SOON)
    bench.tick(SOON)
    assert len(bench.work(B)) + len(bench.work(C)) == 1


def test_what_is_not_said_to_be_idempotent_is_not_run_beside_itself() -> None:
    bench = hedging(b_idempotent=False)
    bench.submit()
    bench.tick(SOON)
    assert bench.work(B) == []


def test_only_an_idle_node_is_asked_a_second_time() -> None:
    bench = hedging()
    s = bench.core.state
    s.nodes["a"].ewma_us = 2e6
    bench.submit()
    (busy,) = bench.work(B)
    s.nodes["a"].ewma_us = 0.0
    bench.submit()
    bench.tick(SOON)
    assert (len(bench.work(A)), bench.work(B)) == (1, [busy])
    assert "hedges" not in s.counts


def test_a_hedge_passes_the_gate_like_every_other_try() -> None:
    bench = hedging()
    bench.allowed_at = {"annex": INTERNAL}
    bench.node(C, "c", site="annex", idempotent=True)
    bench.lose(B)
    bench.submit(labels=PII)
    bench.tick(SOON)
    assert bench.work(C) == []
    bench.submit(labels=INTERNAL)
    bench.tick(SOON)
    assert len(bench.work(C)) == 1


def test_each_fresh_step_earns_a_share_of_a_hedge() -> None:
    bench = hedging(Settings(hedge_burst=1.0, hedge_share=0.25))
    for _ in range(12):
        bench.submit()
        bench.tick(SOON)
        for session in (A, B):
            for work in bench.work(session):
                bench.answer(session, work)
        bench.sent.clear()
    assert bench.core.state.counts["hedges"] == 3
    assert bench.core.state.capabilities[CLASSIFY].hedging.tokens < 1.0


def test_a_hedge_that_is_refused_leaves_the_original_alone() -> None:
    bench = hedging()
    bench.submit()
    bench.tick(SOON)
    bench.refuse(B, bench.work(B)[0], "inference_failed")
    (task,) = [t for t in bench.core.state.tasks.values() if not t.closed]
    assert (task.state, task.failures) == (TaskState.RUNNING, 0)
    bench.answer(A, bench.work(A)[0])
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_if_the_slow_node_dies_its_hedge_goes_on_alone() -> None:
    bench = hedging()
    bench.node(C, "c", idempotent=True)
    bench.submit()
    bench.tick(SOON)
    (hedge,) = bench.work(B) or bench.work(C)
    bench.lose(A)
    assert len(bench.work(B)) + len(bench.work(C)) == 1
    bench.answer(B if bench.work(B) else C, hedge)
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_a_step_that_may_have_taken_a_node_down_is_never_at_two_nodes_at_once() -> None:
    bench = hedging()
    bench.node(C, "c", idempotent=True)
    bench.core.state.nodes["c"].ewma_us = 1e6
    bench.submit()
    assert len(bench.work(A)) == 1
    bench.lose(A)
    bench.tick(SOON)
    assert len(bench.work(B)) + len(bench.work(C)) == 1


def test_who_watches_hears_that_it_was_a_hedge() -> None:
    bench = hedging()
    task = bench.submit(wait=False)
    bench.send(CLIENT, Watch(EMPTY._replace(task=task, attempt=5)))
    bench.tick(SOON)
    events = [m for m in bench.of(CLIENT, Event) if isinstance(m, Event)]
    assert [(e.what, e.about.get("hedge")) for e in events] == [("running", None), ("running", True)]


def test_explain_says_after_how_long_a_second_node_is_asked() -> None:
    bench = hedging()
    args = {"capability": CLASSIFY, "have": [["text", "text"]]}
    bench.send(CLIENT, Query(EMPTY._replace(labels=INTERNAL), 1, "explain", args))
    (reply,) = bench.of(CLIENT, Reply)
    after_ms = reply.result["steps"][0]["hedge_after_ms"]  # type: ignore[attr-defined]
    assert after_ms == bench.core.state.capabilities[CLASSIFY].hedging.after_us / 1000
    assert 2 <= after_ms < 10


def test_every_message_of_a_hedge_names_its_own_attempt() -> None:
    bench = hedging()
    bench.submit()
    bench.tick(SOON)
    bench.send(B, Refuse(bench.work(B)[0].header, "draining"))
    assert bench.core.state.nodes["b"].inflight == 0
    assert bench.core.state.nodes["a"].inflight == 1


@pytest.mark.parametrize("quantile", [0.95, 0.98])
def test_the_estimate_follows_the_quantile_of_what_it_is_shown(quantile: float) -> None:
    rand = random.Random(7)
    estimate = Hedging(Settings(hedge_quantile=quantile, hedge_least_us=1))
    over = 0
    for number in range(60_000):
        took = int(rand.lognormvariate(7.0, 0.5)) * (1 if number < 30_000 else 5)
        settled = number % 30_000 > 10_000
        over += settled and took > estimate.after_us
        estimate.took(took)
    assert over / 40_000 == pytest.approx(1 - quantile, rel=0.25)


def test_there_is_no_estimate_before_enough_was_seen() -> None:
    estimate = Hedging(Settings())
    for _ in range(99):
        estimate.took(1_000)
    assert estimate.after_us == 0
    estimate.took(1_000)
    assert estimate.after_us == 2_000


def restarted_while_hedged(*greet: str) -> tuple[Bench, dict[str, Work]]:
    """Return the next start of a bench whose durable task was hedged, with these nodes back, and what each had."""
    bench = hedging()
    bench.submit(durable=True, deadline_us=20_000 * MS)
    bench.tick(SOON)
    works = {"a": bench.work(A)[0], "b": bench.work(B)[0]}
    after = bench.restarted()
    for name in greet:
        held = ((works[name].header.epoch, works[name].header.attempt),)
        after.node({"a": A, "b": B}[name], name, held=held, idempotent=True)
    return after, works


def test_of_two_attempts_that_outlive_the_conductor_the_first_answer_counts() -> None:
    after, works = restarted_while_hedged("a", "b")
    assert (after.work(A), after.work(B)) == ([], [])
    after.answer(B, works["b"], b"first")
    after.answer(A, works["a"], b"second")
    (task,) = after.core.state.tasks.values()
    assert (task.state, task.result) == (TaskState.DONE, (b"first",))
    assert len(after.of(A, Revoke)) == 1
    assert ([n.inflight for n in after.core.state.nodes.values()], after.core.state.ledger.inherited) == (
        [0, 0],
        {},
    )


def test_where_one_of_two_attempts_outlives_the_conductor_nothing_is_repeated_before_that_is_lost() -> None:
    after, _ = restarted_while_hedged("b")
    after.run_for(1_500 * MS, beating=(B,))
    after.node(A, "a", incarnation=2, idempotent=True)
    assert (after.work(A), after.work(B)) == ([], [])
    after.lose(B)
    after.answer(A, after.work(A)[0], b"again")
    (task,) = after.core.state.tasks.values()
    assert (task.state, task.result) == (TaskState.DONE, (b"again",))
