"""Durable tasks when the store was away or kept a part: what is written again is of now, what is missing is noticed."""

from __future__ import annotations

from conductor.core.keeping import forget_task
from conductor.core.records import Dropped, Met, Purged, Stepped
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from hive.labels import BUILTIN
from hive.wire.codec import encode, pack_document
from hive.wire.messages import EMPTY, Hello, Watch
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, INTERNAL, MS, PII, Bench
from tests.unit.conductor.core.test_durable_races import told

A, B = 10, 11


def allow(bench: Bench, labels: int) -> None:
    bench.allowed = labels
    bench.generation(bench.core.state.generation + 1)


def test_a_purge_that_failed_is_repeated_by_the_policy_of_now() -> None:
    bench = Bench()
    bench.store.failing = "no space"
    allow(bench, INTERNAL)
    bench.store.failing = ""
    allow(bench, INTERNAL | PII)
    task = bench.submit(durable=True, wait=False, labels=PII)
    bench.run_for(300 * MS)
    assert [body.frames for body in bench.store.tables.tasks["local", task].submitted.inputs] == [(b"hello",)]


def test_what_is_known_of_a_node_is_not_overwritten_by_what_could_not_be_written_before() -> None:
    bench = Bench()
    bench.store.failing = "no space"
    bench.node(A, "a", digest="sha256:00")
    bench.lose(A)
    bench.store.failing = ""
    bench.node(A, "a", digest="sha256:11", incarnation=2)
    bench.run_for(300 * MS, beating=(A,))
    assert b"sha256:11" in bench.store.tables.met["a"].hello


def test_a_store_that_is_away_for_an_hour_owes_one_record_of_each_node_and_one_purge() -> None:
    bench = Bench()
    bench.store.failing = "no space"
    for number in range(20):
        bench.node(A, "a", digest=f"sha256:{number:02}", incarnation=number)
        bench.lose(A)
        allow(bench, INTERNAL if number % 2 else INTERNAL | PII)
    bench.run_for(3_000 * MS)
    kinds = [type(record) for record in bench.core.state.ledger.failed.values()]
    assert kinds == [Met, Purged]
    bench.store.failing = ""
    bench.run_for(200 * MS)
    assert (bench.core.state.ledger.failed, bench.core.state.ledger.insisted) == ({}, {})


def test_an_output_whose_step_before_was_not_kept_is_not_taken_for_it() -> None:
    bench = Bench()
    bench.plans["text.three"] = (CLASSIFY, "text.route", "text.last")
    bench.node(A, "a")
    bench.node(B, "b", "text.route")
    bench.submit("text.three", wait=False, durable=True, deadline_us=60_000 * MS)
    bench.store.failing = "no space"
    bench.answer(A, bench.work(A)[0], b"one")
    bench.store.failing = ""
    bench.answer(B, bench.work(B)[0], b"two")
    after = bench.restarted()
    after.node(A, "a", incarnation=2)
    after.node(B, "b", "text.route", incarnation=2)
    after.run_for(1_500 * MS, beating=(A, B))
    assert ([w.body for w in after.work(A)], after.work(B)) == ([(b"hello",)], [])


def test_a_result_that_was_withdrawn_before_its_commit_is_not_kept_as_an_empty_one() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit(durable=True, labels=PII)
    bench.store.failing = "no space"
    bench.answer(A, bench.work(A)[0], b"private")
    bench.store.failing = ""
    allow(bench, INTERNAL)
    bench.run_for(600 * MS, beating=(A,))
    assert told(bench) == ["result_withdrawn"]
    after = bench.restarted()
    after.submit(durable=True, task=task)
    assert told(after) == ["result_withdrawn"]


def test_a_key_stands_for_the_same_request_when_policy_numbers_labels_in_another_way() -> None:
    bench = Bench()
    bench.allowed = -1 & (1 << 64) - 1
    bench.labels = (*BUILTIN, "red", "blue")
    bench.generation(5)
    bench.node(A, "a")
    bench.submit(key="order-7", labels=1 << 5)
    bench.answer(A, bench.work(A)[0])
    after = bench.restarted(control=False)
    after.allowed, after.labels = bench.allowed, (*BUILTIN, "blue", "red")
    after.restart_control()
    after.submit(key="order-7", labels=1 << 4)
    after.submit(key="order-7", labels=1 << 5)
    assert told(after) == ["Outcome done", "key_conflict"]


def test_tasks_that_waited_for_their_node_go_on_in_the_order_of_their_submission() -> None:
    bench = Bench()
    bench.node(A, "a", credit=3)
    tasks = [bench.submit(durable=True, wait=False, deadline_us=60_000 * MS) for _ in range(5)]
    after = bench.restarted()
    after.run_for(1_200 * MS)
    after.node(B, "b", credit=1)
    for _ in range(5):
        after.answer(B, after.work(B)[-1])
    assert [w.header.task for w in after.work(B)] == tasks


def test_a_task_of_which_the_store_has_nonsense_fails_and_the_others_go_on() -> None:
    bench = Bench()
    broken, whole = (bench.submit(durable=True, wait=False) for _ in range(2))
    tables = bench.store.tables
    submitted = tables.tasks["local", broken].submitted
    object.__setattr__(submitted, "document", b"\xc1")
    after = bench.restarted()
    state = after.core.state.tasks
    assert (state["local", broken].state, state["local", whole].state) == (TaskState.FAILED, TaskState.QUEUED)


def test_a_stored_step_that_makes_no_sense_is_done_again() -> None:
    bench = Bench()
    bench.plans["text.two"] = (CLASSIFY, "text.route")
    bench.node(A, "a")
    task = bench.submit("text.two", wait=False, durable=True, deadline_us=60_000 * MS)
    bench.answer(A, bench.work(A)[0], b"half")
    (step,) = bench.store.tables.tasks["local", task].steps
    bench.store.tables.apply(Stepped("local", task, 7, step.output, b""))
    after = bench.restarted()
    assert [t.at for t in after.core.state.tasks.values()] == [1]


def test_what_was_known_of_very_many_nodes_is_bounded() -> None:
    bench = Bench()
    bench.node(A, "a")
    offers = bench.core.state.nodes["a"].hello.offers
    for number in range(10_050):
        hello = Hello(EMPTY, "node", f"n{number}", "m", "plant", 1, credit=1, offers=offers)
        bench.store.tables.apply(Met(hello.name, pack_document(encode(hello))))
    away = bench.restarted(control=False).core.state.away
    assert (len(away), "n10049" in away) == (10_000, True)


def test_commits_under_way_are_bounded_by_their_bytes() -> None:
    bench = Bench()
    bench.auto_commit = False
    for _ in range(5):
        bench.submit(durable=True, deadline_us=10 * MS, body=bytes(30 << 20))
        bench.run_for(50 * MS)
    assert told(bench) == ["store_unavailable"] * 3
    bench.commit()
    assert told(bench)[3:] == ["Outcome expired"] * 2
    assert bench.core.state.ledger.bytes == 0


def test_commits_under_way_are_bounded_in_number() -> None:
    bench = Bench(Settings(queue_max_tasks=4))
    bench.auto_commit = False
    for _ in range(5):
        bench.submit(durable=True, deadline_us=10 * MS)
        bench.run_for(50 * MS)
    assert told(bench) == ["store_unavailable"] * 3
    bench.submit()
    assert bench.core.state.open_count == 1


def test_bytes_of_outcomes_that_wait_for_their_commit_are_counted() -> None:
    bench = Bench()
    bench.node(A, "a", credit=8)
    for _ in range(3):
        bench.submit(durable=True, labels=INTERNAL)
    bench.submit(durable=True, labels=PII)
    bench.store.failing = "no space"
    for work in bench.work(A):
        bench.answer(A, work, bytes(20 << 20))
    ledger = bench.core.state.ledger
    assert (ledger.closing_bytes, bench.core.state.open_bytes) == (80 << 20, 0)
    bench.submit(durable=True)
    assert told(bench) == ["store_unavailable"]
    assert "83886080 bytes" in bench.refusals()[-1].detail
    allow(bench, INTERNAL)
    assert ledger.closing_bytes == 60 << 20
    bench.store.failing = ""
    bench.run_for(700 * MS, beating=(A,))
    assert (ledger.closing, ledger.closing_bytes) == ({}, 0)


def test_tasks_that_are_read_again_push_each_other_out_at_once() -> None:
    bench = Bench(Settings(finished_max_bytes=100))
    bench.node(A, "a")
    tasks = [bench.submit(durable=True) for _ in range(4)]
    for number in range(4):
        bench.answer(A, bench.work(A)[number], bytes(60))
    after = bench.restarted()
    for task in tasks:
        after.send(CLIENT, Watch(EMPTY._replace(task=task)))
        assert [key[1] for key in after.core.state.tasks] == [task]
    assert [outcome.header.task for outcome in after.outcomes()] == tasks


def test_what_is_to_be_forgotten_and_could_not_be_is_forgotten_later() -> None:
    bench = Bench()
    task = bench.submit(durable=True, wait=False)
    bench.store.failing = "no space"
    bench.core.state.actions = bench.actions
    forget_task(bench.core.state, "local", task)
    bench.commit()
    ledger = bench.core.state.ledger
    assert (ledger.insisted, list(ledger.failed.values())) == ({}, [Dropped("local", task)])
    bench.tick(150 * MS)
    assert list(ledger.failed.values()) == [Dropped("local", task)]
    bench.store.failing = ""
    bench.tick(150 * MS)
    assert (ledger.failed, ledger.insisted, bench.store.tables.tasks) == ({}, {}, {})


def test_an_end_waits_for_an_outcome_that_the_store_could_not_take_yet() -> None:
    bench = Bench()
    bench.node(A, "a")
    assert bench.core.state.idle
    bench.submit(durable=True)
    assert not bench.core.state.idle
    bench.store.failing = "no space"
    bench.answer(A, bench.work(A)[0])
    assert (bench.core.state.open_count, bench.core.state.ledger.persisting) == (0, {})
    assert not bench.core.state.idle
    bench.store.failing = ""
    bench.run_for(600 * MS, beating=(A,))
    assert bench.core.state.idle
