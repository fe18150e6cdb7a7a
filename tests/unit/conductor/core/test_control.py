"""The control process is ours and may still be slow, stale, garbled or gone: nothing hangs and nothing leaks by it."""

from __future__ import annotations

from conductor.core.actions import Received
from conductor.core.settings import Settings
from hive.ids import TaskId
from hive.wire.messages import (
    EMPTY,
    Generation,
    Hello,
    Kind,
    Plan,
    PlanWanted,
    Query,
    Refuse,
    Seen,
    Submit,
    Verdict,
)
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

A, B = 10, 11
BY_HAND = 3
STEP: dict[str, object] = {"capability": CLASSIFY, "output": "intent", "inputs": [["text", "text", -1]]}


def by_hand(settings: Settings | None = None) -> Bench:
    """Return a bench with one node, the control process of which says what the test lets it say."""
    bench = Bench(settings)
    bench.node(A, "a")
    bench.send(BY_HAND, Hello(EMPTY, "control", "control", "m"), trusted=True)
    for seen in bench.of(BY_HAND, Seen):
        assert isinstance(seen, Seen)
        grant = {"capability": CLASSIFY, "pool": "p", "removes": 0, "rule": "nodes"}
        bench.send(BY_HAND, Verdict(EMPTY, seen.ask, seen.name, INTERNAL | PII, (grant,)))
    return bench


def wanted(bench: Bench) -> list[int]:
    return [m.ask for m in bench.of(BY_HAND, PlanWanted)]  # type: ignore[attr-defined]


def plan(bench: Bench, ask: int, *steps: dict[str, object], **more: object) -> None:
    generation = bench.core.state.generation
    bench.send(BY_HAND, Plan(EMPTY, ask, **{"generation": generation, "steps": steps, **more}))  # type: ignore[arg-type]


# Plans


def test_a_refusal_without_a_code_refuses_with_ours() -> None:
    bench = by_hand()
    for refused in ({"detail": 7}, {"code": "made_up", "detail": "x" * 9000}, {"code": ["no_route"]}):
        bench.submit(capability=f"c{len(bench.refusals())}")
        plan(bench, wanted(bench)[-1], refused=refused)
    assert [r.code for r in bench.refusals()] == ["internal"] * 3
    assert [len(r.detail) for r in bench.refusals()][1] == 2000
    assert bench.core.state.tasks == {}


def test_a_plan_that_names_an_input_which_the_task_has_not_is_refused() -> None:
    bench = by_hand()
    bench.submit()
    plan(bench, wanted(bench)[-1], {**STEP, "inputs": [["text", "text", -2]]})
    assert [r.code for r in bench.refusals()] == ["internal"]
    assert bench.core.state.counts["plans_malformed"] == 1


def test_a_plan_of_an_older_policy_is_asked_for_again() -> None:
    bench = by_hand()
    bench.submit()
    (ask,) = wanted(bench)
    bench.send(BY_HAND, Generation(EMPTY, bench.core.state.generation + 1, INTERNAL | PII, "plant-data"))
    plan(bench, ask, STEP, generation=bench.core.state.generation - 1)
    assert bench.work(A) == []
    again = wanted(bench)[-1]
    assert again != ask
    plan(bench, again, STEP)
    assert len(bench.work(A)) == 1


def test_a_default_label_that_may_not_be_here_refuses_what_has_no_label() -> None:
    bench = by_hand()
    bench.submit(labels=0)
    plan(bench, wanted(bench)[-1], STEP, default_labels=8)
    (refusal,) = bench.refusals()
    assert (refusal.code, refusal.context["labels"]) == ("label_forbidden", ["phi"])
    assert bench.core.state.tasks == {}


def test_a_question_that_was_lost_is_asked_again_by_whoever_wants_the_route_next() -> None:
    bench = by_hand(Settings(planning_timeout_us=500 * MS))
    bench.submit(deadline_us=60_000 * MS)
    bench.submit(deadline_us=60_000 * MS)
    assert len(wanted(bench)) == 1
    bench.run_for(600 * MS, beating=(A,))
    assert [r.code for r in bench.refusals()] == ["planning_unavailable"] * 2
    bench.submit(deadline_us=60_000 * MS)
    first, second = wanted(bench)
    plan(bench, second, STEP)
    plan(bench, first, STEP)
    assert len(bench.work(A)) == 1
    assert (bench.core.state.asks, bench.core.state.asking) == ({}, {})


def test_a_late_answer_serves_those_who_still_wait() -> None:
    bench = by_hand(Settings(planning_timeout_us=500 * MS))
    bench.submit(deadline_us=60_000 * MS)
    bench.run_for(400 * MS, beating=(A,))
    late = bench.submit(deadline_us=60_000 * MS)
    bench.run_for(200 * MS, beating=(A,))
    (ask,) = wanted(bench)
    plan(bench, ask, STEP)
    assert [w.header.task for w in bench.work(A)] == [late]


def test_questions_that_are_too_many_give_the_oldest_up_and_say_so_to_who_asked() -> None:
    bench = Bench()
    bench.lose(CONTROL)
    bench.core.state.control = bench.core.state.sessions[CLIENT]  # one that answers nothing
    bench.send(CLIENT, Query(EMPTY._replace(attempt=1), 1, "explain", {"capability": "c"}))
    for number in range(10_000):
        bench.core.handle(submitted(number), bench.now)
    assert len(bench.core.state.asks) == len(bench.core.state.asking) == 10_000
    assert (bench.core.state.explains, bench.core.state.explains_open) == ({}, 0)


def submitted(number: int) -> Received:
    """Return a submission that wants a route of its own."""
    task = TaskId((number + 1).to_bytes(16, "big"))
    header = EMPTY._replace(task=task, labels=INTERNAL, remaining_us=1000 * MS, priority=5)
    return Received(CLIENT, Submit(header, want=f"t{number}"))


# Verdicts and generations


def test_a_verdict_that_makes_no_sense_refuses_the_claim() -> None:
    for grant in (
        {"capability": CLASSIFY},
        {"capability": CLASSIFY, "pool": 7},
        {"capability": CLASSIFY, "pool": "p", "removes": "many"},
        {"capability": CLASSIFY, "pool": "p", "removes": -1},
    ):
        bench = by_hand()
        bench.node(B, "b")
        ask = bench.of(BY_HAND, Seen)[-1].ask  # type: ignore[attr-defined]
        bench.send(BY_HAND, Verdict(EMPTY, ask, "b", INTERNAL, (grant,)))
        assert [r.code for r in bench.refusals(B)] == ["internal"]
        assert list(bench.core.state.nodes) == ["a"]
        assert bench.core.state.claims == {}


def test_a_refusal_of_a_claim_without_a_code_is_claim_refused() -> None:
    bench = by_hand()
    bench.node(B, "b")
    ask = bench.of(BY_HAND, Seen)[-1].ask  # type: ignore[attr-defined]
    bench.send(BY_HAND, Verdict(EMPTY, ask, "b", refused={"detail": 3}))
    assert [r.code for r in bench.refusals(B)] == ["claim_refused"]


def test_a_verdict_on_a_question_that_was_asked_again_counts_no_longer() -> None:
    bench = by_hand()
    bench.node(B, "b")
    old = bench.of(BY_HAND, Seen)[-1].ask  # type: ignore[attr-defined]
    bench.send(BY_HAND, Generation(EMPTY, bench.core.state.generation + 1, INTERNAL, "plant-data"))
    grant = {"capability": CLASSIFY, "pool": "p", "removes": PII, "rule": "nodes"}
    bench.send(BY_HAND, Verdict(EMPTY, old, "b", INTERNAL | PII, (grant,)))
    assert bench.core.state.nodes["b"].pool is None
    assert len(bench.core.state.claims) == 2
    for seen in bench.of(BY_HAND, Seen)[-2:]:
        assert isinstance(seen, Seen)
        bench.send(BY_HAND, Verdict(EMPTY, seen.ask, seen.name, INTERNAL, (grant,)))
    assert bench.core.state.nodes["b"].pool is not None
    assert bench.core.state.claims == {}


def test_a_generation_whose_labels_make_no_table_changes_nothing() -> None:
    bench = by_hand()
    before = bench.core.state.generation
    labels = ("public", "internal", "pii", "phi", "pii")
    bench.send(BY_HAND, Generation(EMPTY, before + 1, INTERNAL, "other", labels))
    s = bench.core.state
    assert (s.generation, s.allowed_labels, s.site_rule) == (before, INTERNAL | PII, "plant-data")
    assert s.counts["generations_malformed"] == 1


def test_a_control_process_that_numbers_labels_in_another_way_is_shown_out() -> None:
    """What is open was labelled in the old bits: the new ones would let pii pass for something else."""
    bench = by_hand()
    bench.node(B, "b")
    before = bench.core.state.generation
    first = ("public", "internal", "pii", "phi", "secret")
    bench.send(BY_HAND, Generation(EMPTY, before + 1, INTERNAL, "plant-data", first))
    other = ("public", "internal", "pii", "phi", "open", "secret")
    bench.send(BY_HAND, Generation(EMPTY, before + 2, INTERNAL, "other", other))
    s = bench.core.state
    assert (s.generation, s.site_rule, s.label_table.names) == (before + 1, "plant-data", first)
    (refused,) = bench.of(BY_HAND, Refuse)
    assert isinstance(refused, Refuse)
    assert (refused.code, refused.about) == ("config_invalid", Kind.GENERATION)
    assert s.control is None
    bench.send(BY_HAND, Generation(EMPTY, before + 3, INTERNAL, "other", (*first, "open")))
    assert s.generation == before + 1, "who was shown out has to greet again"


def test_a_label_that_policy_forbids_since_the_task_was_planned_is_not_put_on_its_result() -> None:
    """Removing a label leaves the site's default; the default of then may not be at the site now."""
    bench = Bench()
    bench.removes = PII
    bench.node(A, "a", "text.redact")
    bench.submit("text.redact", labels=PII)
    bench.allowed = PII
    bench.generation(bench.core.state.generation + 1)
    bench.answer(A, bench.work(A)[0], b"redacted", removed=PII)
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.error["code"], outcome.body) == ("failed", "label_forbidden", ())
