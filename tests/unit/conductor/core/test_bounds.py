"""What peers make the core keep is bounded, what they garble harms nobody, policy that changes holds at once."""

from __future__ import annotations

from conductor.core.actions import CommitFailed, Committed, Persist
from conductor.core.records import Dropped, Finished, Submitted
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from hive.wire.codec import decode, encode
from hive.wire.messages import (
    EMPTY,
    Cancel,
    Event,
    Generation,
    Hello,
    Offer,
    Plan,
    PlanWanted,
    Query,
    Refuse,
    Reply,
    Submit,
    Watch,
)
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

A, B = 10, 11


def bench_with_node(settings: Settings | None = None, credit: int = 2) -> Bench:
    bench = Bench(settings)
    bench.node(A, "a", credit=credit)
    return bench


def tokens(bench: Bench) -> list[tuple[int, str]]:
    found = [(a.token, a.record) for a in bench.actions if isinstance(a, Persist)]
    return [(t, type(r).__name__.lower()) for t, r in found if isinstance(r, Submitted | Finished | Dropped)]


def policy(bench: Bench, allowed: int, quotas: tuple[tuple[str, int], ...] = ()) -> None:
    bench.allowed = allowed
    generation = bench.core.state.generation + 1
    bench.send(CONTROL, Generation(EMPTY, generation, allowed, "plant-data", quotas=quotas))


# Quotas


def test_a_quota_is_that_of_the_rule_whose_pattern_names_the_principal() -> None:
    bench = bench_with_node(credit=1)
    policy(bench, INTERNAL, quotas=(("lo*", 2), ("*", 1)))
    for _ in range(3):
        bench.submit()
    (refusal,) = bench.refusals()
    assert (refusal.code, bench.core.state.open_count) == ("quota_exceeded", 2)


# What is kept


def test_those_who_watch_one_task_are_bounded_and_a_repeated_request_counts_once() -> None:
    bench = Bench()
    task = bench.submit()
    for number in (1, 1, *range(2, 1001)):
        bench.send(CLIENT, Watch(EMPTY._replace(task=task, attempt=number)))
    open_task = bench.core.state.tasks["local", task]
    assert len(open_task.watchers) == 1000
    assert bench.refusals() == []
    bench.send(CLIENT, Watch(EMPTY._replace(task=task, attempt=2000)))
    assert [r.code for r in bench.refusals()] == ["queue_full"]
    assert len(open_task.watchers) == 1000


def test_tasks_that_nobody_plans_leave_nothing_behind() -> None:
    bench = Bench(Settings(planning_timeout_us=1000 * MS))
    bench.lose(CONTROL)
    bench.submit(deadline_us=5000 * MS)
    cancelled = bench.submit(deadline_us=5000 * MS)
    assert len(bench.core.state.parked) == 1
    bench.send(CLIENT, Cancel(EMPTY._replace(task=cancelled)))
    bench.run_for(1100 * MS)
    assert [r.code for r in bench.refusals()] == ["planning_unavailable"]
    assert {(o.header.task, o.state) for o in bench.outcomes()} == {(cancelled, "cancelled")}
    assert bench.core.state.parked == {}
    assert len(bench.core.state.timers) == 0


def test_a_queue_that_no_node_serves_does_not_grow_with_what_has_expired() -> None:
    bench = Bench()
    for _ in range(10):
        bench.submit(deadline_us=10 * MS)
        bench.tick(20 * MS)
    assert len(bench.core.state.capabilities[CLASSIFY].waiting[5]) == 0
    assert bench.core.state.capabilities[CLASSIFY].waiting_count == 0


def test_a_name_that_was_granted_nothing_is_not_remembered_for_its_losses() -> None:
    bench = Bench()
    bench.refuse_claims = True
    for number in range(5):
        bench.node(20 + number, f"stranger-{number}")
        bench.lose(20 + number)
    assert bench.core.state.flaps == {}
    assert len(bench.core.state.away) == 0


def test_a_refusal_of_a_very_long_name_still_fits_the_wire() -> None:
    bench = Bench()
    task = bench.submit(capability="x" * 4096)
    bench.send(CLIENT, Query(EMPTY._replace(attempt=3), 3, "y" * 4096))
    bench.send(CLIENT, Query(EMPTY._replace(task=task, attempt=4), 4, "task"))
    for refusal in bench.refusals():
        again = decode(encode(refusal))
        assert isinstance(again, Refuse)
        assert len(again.detail) <= 2000


# What is garbled


def test_a_question_with_garbled_inputs_is_refused() -> None:
    bench = bench_with_node()
    for have in ([1, 2], ["ab"], [["a"]], [["a", 1]], "ab", {"a": "b"}, 7):
        bench.send(
            CLIENT, Query(EMPTY._replace(attempt=1), 1, "explain", {"capability": CLASSIFY, "have": have})
        )
    assert [r.code for r in bench.refusals()] == ["bad_request"] * 7
    bench.send(CLIENT, Query(EMPTY, 1, "explain", {"capability": CLASSIFY, "have": [["text", "text"]]}))
    (reply,) = bench.of(CLIENT, Reply)
    assert reply.result["plan"] == [CLASSIFY]  # type: ignore[attr-defined]


def test_a_plan_that_makes_no_sense_refuses_its_tasks_and_is_not_kept() -> None:
    step: dict[str, object] = {"capability": CLASSIFY, "output": "out", "inputs": [["text", "text", 0]]}
    for steps in ((), ({},), (step,), ({**step, "inputs": 7},), ({**step, "inputs": [], "labels": "x"},)):
        bench = bench_with_node()
        control = bench.core.state.control
        bench.core.state.control = None  # so that the bench's own control process does not answer first
        bench.submit()
        bench.core.state.control = control
        (ask,) = bench.core.state.asks
        bench.send(CONTROL, Plan(EMPTY, ask, bench.core.state.generation, steps))
        assert [r.code for r in bench.refusals()] == ["internal"]
        assert bench.core.state.routes == {}
        assert bench.core.state.tasks == {}
        bench.submit()
        assert len(bench.work(A)) == 1


def test_held_attempts_that_are_named_twice_count_once() -> None:
    bench = bench_with_node()
    bench.submit()
    (work,) = bench.work(A)
    ref = (work.header.epoch, work.header.attempt)
    bench.lose(A)
    bench.node(B, "a", held=(ref, ref, ref), unacked=(ref,))
    assert bench.core.state.nodes["a"].inflight == 1
    bench.answer(B, work)
    assert [o.state for o in bench.outcomes()] == ["done"]
    assert bench.core.state.nodes["a"].inflight == 0


def test_a_node_that_was_cut_off_goes_on_with_what_it_holds() -> None:
    bench = bench_with_node()
    task = bench.submit()
    (work,) = bench.work(A)
    bench.lose(A)
    assert bench.core.state.tasks["local", task].kills == 1
    bench.node(B, "a", held=((work.header.epoch, work.header.attempt),))
    assert bench.work(B) == [], "what is under way is not started again"
    assert bench.core.state.tasks["local", task].state is TaskState.RUNNING
    assert bench.core.state.tasks["local", task].kills == 0
    bench.answer(B, work)
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_a_node_that_was_only_silent_is_not_given_the_same_again() -> None:
    bench = bench_with_node()
    bench.submit(deadline_us=60_000 * MS)
    (work,) = bench.work(A)
    bench.run_for(2_000 * MS)
    assert bench.core.state.nodes["a"].state.value == "suspect"
    bench.run_for(300 * MS, beating=(A,))
    assert bench.work(A) == [work]
    bench.answer(A, work)
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_a_conductor_that_was_cut_off_from_every_node_sets_no_task_aside() -> None:
    bench = Bench()
    for session in (20, 21, 22):
        bench.node(session, f"n{session}")
    task = bench.submit(deadline_us=60_000 * MS)
    for _ in range(3):
        (session,) = {a.node.session for a in bench.core.state.attempts.values() if not a.ended}
        bench.lose(session)
    assert bench.core.state.tasks["local", task].kills == 3
    bench.tick(500 * MS)
    bench.node(30, "n20")  # the same boot: nothing took it down
    bench.tick(10 * MS)
    (work,) = bench.work(30)
    bench.answer(30, work)
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_silence_is_no_proof_that_a_task_took_its_node_down() -> None:
    bench = bench_with_node()
    task = bench.submit(deadline_us=60_000 * MS)
    bench.run_for(11_000 * MS)
    assert bench.core.state.nodes == {}
    assert bench.core.state.tasks["local", task].kills == 0
    assert [a.ended for a in bench.core.state.tasks["local", task].attempts] == ["node_silent"]


# Records of one task


def test_a_task_that_is_cancelled_while_it_is_accepted_shows_that_only_once_it_is_committed() -> None:
    bench = bench_with_node()
    bench.auto_commit = False
    task = bench.submit(durable=True)
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
    (submitted, _), (finished, kind) = tokens(bench)
    assert kind == "finished"
    bench._do(Committed((submitted,)))
    assert bench.outcomes() == []
    assert bench.core.state.tasks["local", task].state is TaskState.CLOSING
    bench._do(Committed((finished,)))
    assert {o.state for o in bench.outcomes()} == {"cancelled"}
    assert bench.core.state.ledger.persisting == {}


def test_a_cancel_of_a_submission_that_the_store_could_not_take_shows_no_outcome() -> None:
    bench = bench_with_node()
    bench.auto_commit = False
    task = bench.submit(durable=True)
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
    (submitted, _), (finished, _) = tokens(bench)
    bench._do(CommitFailed((submitted,), "no space"))
    assert [kind for _, kind in tokens(bench)] == ["submitted", "finished"]
    bench._do(Committed((finished,)))
    assert bench.outcomes() == []
    assert [r.code for r in bench.refusals()] == ["store_unavailable", "store_unavailable"]


# Policy that changes


def test_open_tasks_and_kept_results_that_policy_forbids_now_are_let_go_of() -> None:
    bench = bench_with_node(credit=1)
    kept = bench.submit(labels=PII)
    bench.answer(A, bench.work(A)[0])
    running, waiting, other = bench.submit(labels=PII), bench.submit(labels=PII), bench.submit()
    policy(bench, INTERNAL)
    failed = [(o.header.task, o.state, o.error["code"], o.error["rule"]) for o in bench.outcomes()[1:]]
    assert failed == [(task, "failed", "label_forbidden", "plant-data") for task in (running, waiting)]
    assert bench.core.state.tasks["local", kept].result == ()
    assert bench.core.state.finished_bytes == 0
    bench.send(CLIENT, Query(EMPTY._replace(task=kept, attempt=9), 9, "task"))
    bench.send(CLIENT, Watch(EMPTY._replace(task=kept, attempt=10)))
    assert [(r.code, r.header.attempt) for r in bench.refusals()] == [
        ("result_withdrawn", 9),
        ("result_withdrawn", 10),
    ]
    assert bench.core.state.tasks["local", other].state is TaskState.QUEUED
    bench.answer(A, bench.work(A)[1])
    assert [w.header.task for w in bench.work(A)] == [kept, running, other]
    assert bench.core.state.counts["results_withdrawn"] == 1


def test_a_result_that_waits_for_its_commit_is_withdrawn_too() -> None:
    bench = bench_with_node()
    bench.auto_commit = False
    bench.submit(labels=PII, durable=True)
    bench.commit()
    bench.answer(A, bench.work(A)[0])
    policy(bench, INTERNAL)
    bench.commit()
    assert bench.outcomes() == []
    assert [r.code for r in bench.refusals()] == ["result_withdrawn"]
    assert bench.core.state.finished_bytes == 0


def test_tasks_that_wait_for_their_plan_are_refused_when_policy_forbids_their_data() -> None:
    bench = Bench()
    bench.lose(CONTROL)
    bench.submit(labels=PII)
    bench.allowed = INTERNAL
    bench.restart_control()
    assert [(r.code, r.context["labels"]) for r in bench.refusals()] == [("label_forbidden", ["pii"])]
    assert bench.core.state.open_count == 0


def test_a_caller_that_watches_hears_that_its_task_may_not_be_here_any_more() -> None:
    bench = bench_with_node(credit=1)
    bench.submit()
    task = bench.submit(labels=PII, wait=False)
    bench.send(CLIENT, Watch(EMPTY._replace(task=task, attempt=5)))
    policy(bench, INTERNAL)
    assert [e.what for e in bench.of(CLIENT, Event)] == ["queued", "failed"]  # type: ignore[attr-defined]


def test_every_message_of_these_tests_can_be_sent() -> None:
    bench = bench_with_node()
    bench.submit()
    bench.send(CLIENT, Submit(EMPTY, "x"))
    for _, message in bench.sent:
        if not isinstance(message, PlanWanted):
            decode(encode(message))


def test_who_asks_what_can_be_done_here_learns_the_types_that_manifests_bring_along() -> None:
    bench = Bench()
    kind: dict[str, object] = {"name": "pump.state", "version": 1, "encoding": "document"}
    offer = Offer(CLASSIFY, "1", (("text", "text"),), "pump.state", "sha256:00", "x", types=(kind,))
    bench.send(A, Hello(EMPTY, "node", "a", "m", "plant", 1, credit=1, offers=(offer,)))
    bench.send(CLIENT, Query(EMPTY._replace(attempt=1), 1, "capabilities"))
    (reply,) = bench.of(CLIENT, Reply)
    assert [(row["capability"], row["types"]) for row in reply.result] == [(CLASSIFY, [kind])]  # type: ignore[attr-defined]


# Tasks that lose node after node


def runs_on(bench: Bench, task: bytes) -> list[int]:
    """Return the sessions that a task runs on."""
    return [a.node.session for a in bench.core.state.tasks["local", task].live.values() if not a.ended]  # type: ignore[index]


def lost_twice_while_a_third_runs(bench: Bench) -> tuple[bytes, int, tuple[int, ...]]:
    """Return a task that two suspects had, whose connections then closed, and the healthy node that runs it."""
    for session in range(20, 26):
        bench.node(session, f"n{session}", credit=1)
    task = bench.submit(deadline_us=60_000 * MS)
    beating = set(range(20, 26))
    for _ in range(2):
        beating -= set(runs_on(bench, task))
        bench.run_for(1_500 * MS, beating=tuple(beating))
    for session in sorted(set(range(20, 26)) - beating):
        bench.lose(session)
    (healthy,) = runs_on(bench, task)
    return task, healthy, tuple(beating)


def test_a_healthy_attempt_is_left_to_finish_whatever_happened_to_those_before_it() -> None:
    bench = Bench(Settings(kills_max=2))
    task, healthy, beating = lost_twice_while_a_third_runs(bench)
    bench.node(50, "n20")  # back as the same boot: acquitted, and not given the same beside the healthy one
    bench.run_for(500 * MS, beating=(*beating, 50))
    assert runs_on(bench, task) == [healthy]
    bench.answer(healthy, bench.work(healthy)[0])
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_a_suspect_that_flickers_does_not_let_a_task_take_a_further_node_down() -> None:
    bench = Bench(Settings(kills_max=2))
    for session in range(20, 26):
        bench.node(session, f"n{session}", credit=1)
    task = bench.submit(deadline_us=60_000 * MS)
    (suspect,) = runs_on(bench, task)
    beating = set(range(20, 26)) - {suspect}
    bench.run_for(1_500 * MS, beating=tuple(beating))
    for _ in range(2):
        (session,) = runs_on(bench, task)
        bench.lose(session)
        beating.discard(session)
    assert bench.core.state.tasks["local", task].held  # type: ignore[index]
    bench.run_for(100 * MS, beating=(*beating, suspect))
    assert runs_on(bench, task) == [suspect]
    bench.run_for(6_000 * MS, beating=tuple(beating))
    assert [(o.state, o.error["code"]) for o in bench.outcomes()] == [("dead_lettered", "dead_lettered")]


def test_an_answer_ends_the_wait_for_nodes_that_went_down() -> None:
    bench = Bench()
    bench.plans = {"c1": ("c1", "c2")}
    for session in range(20, 24):
        bench.node(session, f"n{session}", "c1", credit=1)
    bench.node(30, "z", "c2")
    task = bench.submit("c1", deadline_us=60_000 * MS)
    (suspect,) = runs_on(bench, task)
    beating = {20, 21, 22, 23, 30} - {suspect}
    bench.run_for(1_500 * MS, beating=tuple(beating))
    for _ in range(3):
        (session,) = runs_on(bench, task)
        bench.lose(session)
    assert bench.core.state.tasks["local", task].held  # type: ignore[index]
    bench.answer(suspect, bench.work(suspect)[0])
    bench.answer(30, bench.work(30)[0])
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_a_node_that_holds_an_attempt_is_not_given_it_again_when_its_lease_is_over() -> None:
    bench = bench_with_node(credit=4)
    bench.submit(deadline_us=60_000 * MS)
    bench.run_for(12_000 * MS, beating=(A,))
    assert len(bench.work(A)) == 1
    bench.node(B, "b")
    assert len(bench.work(B)) == 1


def test_results_pushed_out_while_policy_changes_are_counted_once() -> None:
    bench = bench_with_node(Settings(finished_max_tasks=1), credit=4)
    bench.submit(labels=PII)
    bench.submit(labels=PII)
    bench.answer(A, bench.work(A)[1], b"x" * 100)
    policy(bench, INTERNAL)
    assert bench.core.state.finished_bytes == 0


def test_an_outcome_without_a_body_stays_what_it_was() -> None:
    bench = bench_with_node()
    task = bench.submit(labels=PII)
    bench.refuse(A, bench.work(A)[0], "input_invalid")
    policy(bench, INTERNAL)
    bench.send(CLIENT, Watch(EMPTY._replace(task=task, attempt=5)))
    assert [o.error["code"] for o in bench.outcomes()] == ["input_invalid"] * 2


def test_a_task_with_very_many_waiters_can_be_cancelled() -> None:
    bench = Bench()
    task = bench.submit()
    bench.core.state.tasks["local", task].waiters *= 1000
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task, attempt=5)))
    assert {o.state for o in bench.outcomes()} == {"cancelled"}


def test_a_zero_in_a_name_is_refused_because_not_every_store_can_write_it() -> None:
    bench = Bench()
    bench.submit(key="a\0b")
    bench.submit("text\0x", durable=True)
    assert [r.code for r in bench.refusals()] == ["bad_request"] * 2
    bench.send(77, Hello(EMPTY, "client", "a\0b", "m"))
    assert [r.code for r in bench.refusals(77)] == ["bad_request"]
