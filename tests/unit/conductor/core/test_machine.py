"""The conductor's core: each test is a short story with exact expectations; the invariants are checked at each step."""

from __future__ import annotations

import msgpack
import pytest

from conductor.core.outcome import finish
from conductor.core.settings import Settings
from conductor.core.states import InvariantError, NodeState, TaskState
from hive.ids import TaskId, task_id_for_key
from hive.wire.messages import (
    EMPTY,
    Ack,
    Beat,
    Bye,
    Cancel,
    Event,
    Flag,
    Hello,
    Message,
    Offer,
    Query,
    Receipt,
    Reply,
    Revoke,
    Running,
    Seen,
    Submit,
    Watch,
    Welcome,
)
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

A, B, C = 10, 11, 12
PHI_LABEL = 8


def two_nodes(settings: Settings | None = None) -> Bench:
    bench = Bench(settings)
    bench.node(A, "a")
    bench.node(B, "b")
    return bench


def attempts_of(outcome: object) -> list[list[object]]:
    return msgpack.unpackb(outcome.provenance)["attempts"]  # type: ignore[attr-defined, no-any-return]


def test_a_task_runs_and_its_outcome_says_where() -> None:
    bench = two_nodes()
    task = bench.submit()
    (work,) = bench.work(A)
    assert work.body == (b"hello",)
    assert work.header.labels == INTERNAL
    bench.answer(A, work, b"intent")
    (outcome,) = bench.outcomes()
    assert (outcome.header.task, outcome.state, outcome.body) == (task, "done", (b"intent",))
    assert attempts_of(outcome) == [
        [0, 1, "a", "plant", "sha256:00", "answered", 10, 20, "text.classify_intent", "plant"]
    ]


def test_idle_nodes_take_turns_and_credit_is_never_exceeded() -> None:
    bench = two_nodes()
    for _ in range(6):
        bench.submit()
    assert (len(bench.work(A)), len(bench.work(B))) == (2, 2)
    assert bench.core.state.capabilities[CLASSIFY].waiting_count == 2
    bench.answer(A, bench.work(A)[0])
    assert len(bench.work(A)) == 3


def test_higher_priority_waits_less() -> None:
    bench = Bench()
    bench.node(A, "a", credit=1)
    bench.submit()
    bench.submit(priority=1)
    urgent = bench.submit(priority=9)
    bench.answer(A, bench.work(A)[0])
    assert bench.work(A)[1].header.task == urgent


def test_a_crash_moves_the_work_at_once() -> None:
    bench = two_nodes()
    bench.submit()
    bench.lose(A)
    (moved,) = bench.work(B)
    bench.answer(B, moved)
    (outcome,) = bench.outcomes()
    assert [a[5] for a in attempts_of(outcome)] == ["node_lost", "answered"]


def test_silence_moves_the_work_and_the_first_answer_wins() -> None:
    bench = two_nodes()
    bench.submit(deadline_us=10_000 * MS)
    bench.run_for(600 * MS, beating=(B,))
    (original,), (moved,) = bench.work(A), bench.work(B)
    assert bench.core.state.nodes["a"].state is NodeState.SUSPECT
    bench.answer(A, original, b"late but first")
    (outcome,) = bench.outcomes()
    assert outcome.body == (b"late but first",)
    assert bench.of(B, Revoke)
    bench.answer(B, moved, b"second")
    assert len(bench.outcomes()) == 1
    assert bench.core.state.counts["answers_late"] == 1


def test_a_node_that_beats_is_not_suspected() -> None:
    bench = two_nodes()
    bench.run_for(5_000 * MS, beating=(A, B))
    assert {n.state for n in bench.core.state.nodes.values()} == {NodeState.READY}


def test_an_announced_run_may_be_silent() -> None:
    bench = two_nodes()
    bench.submit(deadline_us=60_000 * MS)
    bench.send(A, Running(EMPTY, 1_500 * MS))
    bench.run_for(1_400 * MS, beating=(B,))
    assert bench.work(B) == []
    bench.run_for(1_000 * MS, beating=(B,))
    assert len(bench.work(B)) == 1


def test_the_conductors_own_lag_accuses_nobody() -> None:
    bench = two_nodes()
    bench.submit()
    bench.tick(3_000 * MS, lag_us=3_000 * MS)
    assert bench.core.state.nodes["b"].state is NodeState.READY


def test_a_suspect_that_beats_again_is_ready() -> None:
    bench = two_nodes()
    bench.run_for(600 * MS, beating=(B,))
    bench.send(A, Beat(EMPTY))
    assert bench.core.state.nodes["a"].state is NodeState.READY


def test_a_suspect_that_stays_silent_is_lost() -> None:
    bench = two_nodes()
    bench.run_for(12_000 * MS, beating=(B,))
    assert list(bench.core.state.nodes) == ["b"]


def test_a_stale_epoch_is_never_accepted() -> None:
    bench = two_nodes()
    bench.submit()
    (work,) = bench.work(A)
    bench.answer(A, work.__class__(work.header._replace(epoch=6)))
    assert bench.outcomes() == []
    assert bench.core.state.counts["answers_stale"] == 1


def test_another_nodes_answer_is_never_accepted() -> None:
    bench = two_nodes()
    bench.submit()
    (work,) = bench.work(A)
    bench.answer(B, work)
    assert bench.outcomes() == []


def test_a_deadline_expires_with_a_story() -> None:
    bench = two_nodes()
    bench.submit(deadline_us=300 * MS)
    bench.run_for(400 * MS, beating=(A, B), every_us=10 * MS)
    (outcome,) = bench.outcomes()
    assert outcome.state == "expired"
    assert outcome.error["code"] == "expired"
    assert "tried on a" in str(outcome.error["detail"])


def test_a_wedged_attempt_is_tried_elsewhere_when_its_lease_ends() -> None:
    bench = two_nodes(Settings(lease_slack_us=200 * MS))
    bench.submit(deadline_us=20_000 * MS)
    bench.run_for(300 * MS, beating=(A, B))
    (moved,) = bench.work(B)
    bench.answer(B, moved)
    (outcome,) = bench.outcomes()
    assert [a[5] for a in attempts_of(outcome)] == ["lease_expired", "answered"]


def test_a_lease_that_ended_does_not_free_the_slot() -> None:
    bench = two_nodes(Settings(lease_slack_us=200 * MS))
    bench.submit(deadline_us=20_000 * MS)
    bench.run_for(300 * MS, beating=(A, B))
    assert bench.core.state.nodes["a"].inflight == 1
    bench.refuse(A, bench.work(A)[0], "cancelled")
    assert bench.core.state.nodes["a"].inflight == 0


def test_an_input_error_is_not_retried() -> None:
    bench = two_nodes()
    bench.submit()
    bench.refuse(A, bench.work(A)[0], "input_invalid")
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.error["code"]) == ("failed", "input_invalid")
    assert bench.work(B) == []


def test_a_failed_run_is_retried_after_a_pause_on_another_node() -> None:
    bench = two_nodes()
    bench.submit()
    bench.refuse(A, bench.work(A)[0], "inference_failed")
    assert bench.work(B) == []
    bench.run_for(50 * MS, beating=(A, B), every_us=5 * MS)
    assert len(bench.work(B)) == 1


def test_attempts_are_bounded() -> None:
    bench = two_nodes()
    bench.submit(deadline_us=60_000 * MS)
    for _ in range(4):
        bench.run_for(300 * MS, beating=(A, B), every_us=50 * MS)
        (last,) = [
            (s, w) for s in (A, B) for w in bench.work(s) if w.header.attempt in bench.core.state.attempts
        ]
        bench.refuse(*last, "inference_failed")
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.error["code"]) == ("failed", "attempts_exhausted")


def test_a_spent_retry_budget_fails_fast() -> None:
    bench = two_nodes(Settings(retry_burst=0.0))
    bench.submit()
    bench.refuse(A, bench.work(A)[0], "inference_failed")
    assert bench.outcomes()[0].error["code"] == "retry_budget_spent"


def test_a_draining_nodes_refusal_moves_at_once_and_costs_nothing() -> None:
    bench = two_nodes(Settings(retry_burst=0.0))
    bench.submit()
    bench.refuse(A, bench.work(A)[0], "draining")
    assert len(bench.work(B)) == 1


def test_a_draining_node_gets_no_more_and_may_finish() -> None:
    bench = two_nodes()
    bench.submit()
    bench.send(A, Beat(EMPTY, draining=True))
    bench.submit()
    assert (len(bench.work(A)), len(bench.work(B))) == (1, 1)
    bench.answer(A, bench.work(A)[0])
    bench.send(A, Bye(EMPTY))
    assert list(bench.core.state.nodes) == ["b"]
    assert bench.outcomes()[0].state == "done"


def test_goodbye_hands_work_back_without_blame() -> None:
    bench = two_nodes()
    bench.submit()
    bench.send(A, Bye(EMPTY))
    bench.answer(B, bench.work(B)[0])
    (outcome,) = bench.outcomes()
    assert [a[5] for a in attempts_of(outcome)] == ["handed_back", "answered"]


def test_poison_is_isolated_and_set_aside_and_good_tasks_survive() -> None:
    bench = Bench()
    poison = good = None
    for i in range(6):
        bench.node(20 + i, f"n{i}", credit=4)
        if poison is None:
            poison, good = bench.submit(deadline_us=60_000 * MS), bench.submit(deadline_us=60_000 * MS)
            bench.lose(20)
        elif bench.core.state.tasks["local", poison].kills < 3:
            assert any(w.header.task == poison for w in bench.work(20 + i)), (
                "the poison waits for the next node"
            )
            others = [w for w in bench.work(20 + i) if w.header.task != poison]
            if i == 1:
                assert len(others) == 1
                bench.lose(20 + i)
            else:
                assert others == [], "a task that took two nodes down runs alone"
                bench.lose(20 + i)
    bench.run_for(2_100 * MS, beating=(23, 24, 25))
    (dead,) = [o for o in bench.outcomes() if o.header.task == poison]
    assert (dead.state, dead.error["code"]) == ("dead_lettered", "dead_lettered")
    (session, work) = next((s, w) for s in range(23, 26) for w in bench.work(s) if w.header.task == good)
    bench.answer(session, work)
    assert bench.outcomes()[-1].state == "done"


def test_what_hangs_its_nodes_is_isolated_before_they_are_seen_to_die() -> None:
    bench = Bench()
    nodes = tuple(range(20, 26))
    for session in nodes:
        bench.node(session, f"n{session}", credit=2 if session < 22 else 1)
    poison, good = (bench.submit(deadline_us=60_000 * MS) for _ in range(2))
    had: list[int] = []

    def hung() -> set[int]:
        """Answer the good task where it runs without the poison; return who has the poison, and stands still."""
        for session in nodes:
            works = {work.header.task: work for work in bench.work(session)}
            if good in works and poison not in works and not bench.outcomes():
                bench.answer(session, works[good])
            if poison in works and session not in had:
                had.append(session)
        return set(had)

    for _ in range(60):
        bench.run_for(100 * MS, beating=tuple(session for session in nodes if session not in hung()))
    assert len(had) == 4, "no fifth node is risked while four stand still over it"
    assert [o.header.task for o in bench.outcomes()] == [good]
    for session in had:
        bench.lose(session)
    bench.run_for(2_100 * MS, beating=tuple(session for session in nodes if session not in had))
    assert [(o.header.task, o.state) for o in bench.outcomes()] == [(good, "done"), (poison, "dead_lettered")]


def test_who_was_silent_over_a_task_and_is_back_is_not_held_against_it() -> None:
    bench = Bench()
    nodes = (20, 21, 22, 23, 24)
    for session in nodes:
        bench.node(session, f"n{session}", credit=1)
    task = bench.submit(deadline_us=60_000 * MS)
    had: list[int] = []
    for _ in range(40):
        had += [session for session in nodes if session not in had and bench.work(session)]
        bench.run_for(100 * MS, beating=tuple(session for session in nodes if session not in had))
    assert len(had) == 4
    bench.run_for(300 * MS, beating=nodes)
    assert bench.core.state.tasks["local", task].state is TaskState.RUNNING
    bench.answer(had[0], bench.work(had[0])[0])
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_a_flapping_node_is_quarantined_and_released() -> None:
    bench = Bench()
    for boot in range(5):
        bench.node(20 + boot, "a", incarnation=boot)
        bench.lose(20 + boot)
    bench.node(30, "a", incarnation=9)
    assert bench.core.state.nodes["a"].state is NodeState.QUARANTINED
    bench.run_for(5_200 * MS, beating=(30,))
    assert bench.core.state.nodes["a"].state is NodeState.READY


def test_a_second_live_node_with_the_same_id_is_refused() -> None:
    bench = Bench()
    bench.node(A, "a", incarnation=1)
    bench.node(B, "a", incarnation=2)
    assert bench.refusals(B)[0].code == "id_in_use"


def test_the_same_boot_comes_back_with_an_unacknowledged_answer() -> None:
    bench = Bench()
    bench.node(A, "a", incarnation=1)
    bench.submit()
    (work,) = bench.work(A)
    bench.lose(A)
    ref = (work.header.epoch, work.header.attempt)
    (welcome, *_) = bench.node(B, "a", incarnation=1, unacked=(ref,))
    assert isinstance(welcome, Welcome)
    assert welcome.drop == ()
    bench.answer(B, work, b"kept")
    assert bench.outcomes()[0].body == (b"kept",)


def test_another_boot_must_drop_what_it_says_it_holds() -> None:
    bench = Bench()
    bench.node(A, "a", incarnation=1)
    bench.submit()
    ref = (7, bench.work(A)[0].header.attempt)
    bench.lose(A)
    (welcome, *_) = bench.node(B, "a", incarnation=2, held=(ref,))
    assert isinstance(welcome, Welcome)
    assert welcome.drop == (ref,)


def test_a_forbidden_label_never_reaches_a_node() -> None:
    bench = two_nodes()
    bench.submit(labels=PHI_LABEL)
    (refusal,) = bench.refusals()
    assert (refusal.code, refusal.context["rule"]) == ("label_forbidden", "plant-data")
    assert bench.work(A) == []
    assert bench.core.state.tasks == {}


def test_a_refused_route_leaves_nothing_behind() -> None:
    bench = two_nodes()
    bench.plan_refusal = {"code": "no_route", "detail": "No way."}
    bench.submit(wait=False)
    assert [r.code for r in bench.refusals()] == ["no_route"]
    assert bench.of(CLIENT, Receipt) == []
    assert bench.core.state.tasks == {}


def test_a_claim_that_policy_refuses_gets_no_work() -> None:
    bench = Bench()
    bench.refuse_claims = True
    bench.node(A, "liar")
    assert [r.code for r in bench.refusals(A)] == ["claim_refused"]
    assert bench.core.state.nodes == {}


def test_a_known_node_comes_back_without_the_control_process() -> None:
    bench = two_nodes()
    bench.lose(CONTROL)
    bench.lose(A)
    bench.node(C, "a", incarnation=2)
    assert bench.core.state.nodes["a"].state is NodeState.READY
    bench.submit()
    assert len(bench.work(B) + bench.work(C)) == 1 or bench.core.state.parked


def test_tasks_wait_for_the_control_process_and_are_refused_when_it_stays_away() -> None:
    bench = two_nodes(Settings(planning_timeout_us=500 * MS))
    bench.lose(CONTROL)
    bench.submit(deadline_us=5_000 * MS)
    bench.run_for(600 * MS, beating=(A, B))
    assert [r.code for r in bench.refusals()] == ["planning_unavailable"]


def test_a_chain_gives_the_first_steps_output_to_the_second() -> None:
    bench = Bench()
    bench.plans["alert"] = ("sensor.detect", "sensor.describe")
    bench.node(A, "a", "sensor.detect")
    bench.node(B, "b", "sensor.describe")
    bench.submit("alert")
    bench.answer(A, bench.work(A)[0], b"anomaly", confidence=0.7)
    (second,) = bench.work(B)
    assert second.body == (b"anomaly",)
    assert second.inputs == (("text", "out", 1),)
    bench.answer(B, second, b"alert", confidence=0.9)
    (outcome,) = bench.outcomes()
    assert (outcome.body, outcome.confidence) == ((b"alert",), 0.7)


def test_a_step_that_takes_the_second_of_two_inputs_is_given_that_one() -> None:
    bench = Bench()
    bench.node(A, "a")
    inputs = (("window", "sensor.window", 1), ("note", "text", 1))
    header = EMPTY._replace(task=TaskId(bytes(15) + b"\1"), labels=INTERNAL, remaining_us=MS * 1000)
    step = {"capability": CLASSIFY, "output": "intent", "inputs": [["text", "text", -2]], "labels": INTERNAL}
    bench.steps = (step,)
    bench.send(CLIENT, Submit(header, CLASSIFY, inputs=inputs, body=(b"window", b"note")))
    (work,) = bench.work(A)
    assert (work.inputs, work.body) == ((("text", "text", 1),), (b"note",))


@pytest.mark.parametrize(
    ("granted", "claimed", "left"), [(PII, PII, INTERNAL), (0, PII, INTERNAL | PII), (PII, 0, INTERNAL | PII)]
)
def test_a_label_goes_only_if_granted_and_claimed(granted: int, claimed: int, left: int) -> None:
    bench = Bench()
    bench.removes = granted
    bench.node(A, "a", "text.redact")
    bench.submit("text.redact", labels=INTERNAL | PII)
    bench.answer(A, bench.work(A)[0], removed=claimed)
    assert bench.outcomes()[0].header.labels == left


def test_an_answer_below_the_wanted_confidence_is_unsure() -> None:
    bench = two_nodes()
    bench.submit(min_confidence=0.95)
    bench.answer(A, bench.work(A)[0], confidence=0.9)
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.header.flags) == ("done", Flag.UNSURE)


def test_a_durable_task_is_acknowledged_and_shown_only_after_the_commit() -> None:
    bench = two_nodes()
    bench.auto_commit = False
    bench.submit(wait=False, durable=True)
    assert bench.of(CLIENT, Receipt) == []
    assert bench.work(A) == []
    bench.commit()
    assert len(bench.of(CLIENT, Receipt)) == 1
    bench.send(CLIENT, Watch(EMPTY._replace(task=TaskId((1).to_bytes(16, "big")))))
    bench.answer(A, bench.work(A)[0])
    assert bench.outcomes() == []
    bench.commit()
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_the_same_key_is_one_task() -> None:
    bench = two_nodes()
    first = bench.submit(key="order-7")
    again = bench.submit(key="order-7")
    assert first == again == task_id_for_key("order-7")
    assert len(bench.work(A) + bench.work(B)) == 1
    bench.answer(A, bench.work(A)[0])
    assert [o.header.task for o in bench.outcomes()] == [first, first]


def test_the_same_key_for_another_request_is_a_conflict() -> None:
    bench = two_nodes()
    bench.submit(key="order-7")
    bench.submit(key="order-7", body=b"something else")
    assert [r.code for r in bench.refusals()] == ["key_conflict"]


def test_a_resent_submission_is_the_same_task() -> None:
    bench = two_nodes()
    task = bench.submit()
    bench.submit(task=task)
    bench.answer(A, bench.work(A)[0])
    assert len(bench.outcomes()) == 2
    assert len(bench.work(A) + bench.work(B)) == 1


def test_another_principal_sees_nothing() -> None:
    bench = two_nodes()
    task = bench.submit()
    bench.send(3, bench_hello("other"))
    bench.send(3, Query(EMPTY._replace(task=task), 1, "task"))
    bench.send(3, Cancel(EMPTY._replace(task=task)))
    bench.send(3, Watch(EMPTY._replace(task=task)))
    assert [r.code for r in bench.refusals(3)] == ["task_unknown"] * 3


def bench_hello(name: str, role: str = "client") -> Message:
    return Hello(EMPTY, role, name, "m")


def test_only_the_private_socket_may_speak_for_others() -> None:
    bench = two_nodes()
    bench.send(4, bench_hello("g", "gateway"))
    assert [r.code for r in bench.refusals(4)] == ["forbidden"]
    bench.send(5, bench_hello("g", "gateway"), trusted=True)
    header = EMPTY._replace(
        flags=1, task=TaskId(b"9" * 16), labels=INTERNAL, remaining_us=MS * 1000, sent_us=bench.now
    )
    bench.send(5, Submit(header, CLASSIFY, principal="erp", body=(b"x",)))
    bench.send(
        CLIENT, Submit(header._replace(task=TaskId(b"8" * 16)), CLASSIFY, principal="erp", body=(b"x",))
    )
    assert {owner for owner, _ in bench.core.state.tasks} == {"erp", "local"}


def test_a_full_queue_refuses_with_a_time_to_come_back() -> None:
    bench = Bench(Settings(queue_max_tasks=2))
    bench.node(A, "a")
    for _ in range(3):
        bench.submit()
    (refusal,) = bench.refusals()
    assert refusal.code == "queue_full"
    assert refusal.context["retry_after_ms"] == 5000


def test_queued_bytes_are_bounded() -> None:
    bench = Bench(Settings(queue_max_bytes=10))
    bench.submit(body=b"12345678")
    bench.submit(body=b"12345678")
    assert [r.code for r in bench.refusals()] == ["queue_full"]


def test_cancel_has_one_outcome_and_revokes() -> None:
    bench = two_nodes()
    task = bench.submit()
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
    assert {o.state for o in bench.outcomes()} == {"cancelled"}
    assert len(bench.of(A, Revoke)) == 1
    bench.answer(A, bench.work(A)[0])
    assert {o.state for o in bench.outcomes()} == {"cancelled"}


def test_a_watcher_hears_each_change_and_the_end() -> None:
    bench = two_nodes()
    task = bench.submit(wait=False)
    bench.send(CLIENT, Watch(EMPTY._replace(task=task)))
    bench.lose(A)
    bench.answer(B, bench.work(B)[0])
    assert [e.what for e in bench.of(CLIENT, Event)] == ["running", "moved", "running", "done"]  # type: ignore[attr-defined]
    assert len(bench.outcomes()) == 1


def test_finished_tasks_are_kept_bounded() -> None:
    bench = Bench(Settings(finished_max_tasks=3))
    bench.node(A, "a")
    for _ in range(5):
        bench.submit()
        bench.answer(A, bench.work(A)[-1])
    assert len(bench.core.state.tasks) == 3


def test_a_node_learns_what_arrived() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit()
    bench.answer(A, bench.work(A)[0])
    bench.send(A, Beat(EMPTY))
    (ack,) = bench.of(A, Ack)
    assert ack.answers == 1  # type: ignore[attr-defined]


def test_nothing_is_accepted_before_there_is_a_policy() -> None:
    bench = Bench()
    bench.core.state.generation = 0
    bench.submit()
    assert [r.code for r in bench.refusals()] == ["planning_unavailable"]


def test_explain_and_the_run_agree() -> None:
    bench = two_nodes()
    header = EMPTY._replace(labels=INTERNAL)
    bench.send(CLIENT, Query(header, 5, "explain", {"capability": CLASSIFY}))
    (reply,) = bench.of(CLIENT, Reply)
    candidates = reply.result["steps"][0]["candidates"]  # type: ignore[attr-defined]
    assert [(c["node"], c["allowed"]) for c in candidates] == [("a", True), ("b", True)]
    bench.send(CLIENT, Query(header._replace(labels=PHI_LABEL), 6, "explain", {"capability": CLASSIFY}))
    bench.submit(labels=PHI_LABEL)
    refused = bench.of(CLIENT, Reply)[1].result["refused"]  # type: ignore[attr-defined]
    assert refused["rule"] == bench.refusals()[0].context["rule"]


def test_a_first_message_other_than_hello_is_refused() -> None:
    bench = Bench()
    bench.send(9, Beat(EMPTY))
    assert [r.code for r in bench.refusals(9)] == ["hello_required"]


def test_a_node_of_another_mesh_is_refused() -> None:
    bench = Bench()
    offer = Offer(CLASSIFY, "1", (("text", "text"),), "intent", "d", "s")
    bench.send(A, Hello(EMPTY, "node", "a", "other", "plant", 1, credit=1, offers=(offer,)))
    assert [r.code for r in bench.refusals(A)] == ["mesh_mismatch"]


def test_a_second_outcome_is_a_fault_of_ours() -> None:
    bench = two_nodes()
    task = bench.submit()
    bench.answer(A, bench.work(A)[0])
    with pytest.raises(InvariantError, match="second outcome"):
        finish(bench.core.state, bench.core.state.tasks["local", task], TaskState.FAILED)


def test_a_new_control_process_hears_of_the_nodes_that_are_away_after_its_welcome() -> None:
    bench = two_nodes()
    bench.lose(A)
    bench.lose(CONTROL)
    before = len(bench.sent)
    bench.restart_control()
    told = [m for to, m in bench.sent[before:] if to == CONTROL]
    assert isinstance(told[0], Welcome)
    assert {m.name for m in told if isinstance(m, Seen)} == {"a", "b"}
