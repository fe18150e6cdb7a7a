"""What a conductor that runs for months must not do: keep what is over, run out of numbers, or spin."""

from __future__ import annotations

from conductor.core.actions import CommitFailed, Persist
from conductor.core.records import Dropped, Finished, Submitted
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from hive.ids import TaskId, task_id_for_key
from hive.wire.codec import decode, encode
from hive.wire.messages import EMPTY, Beat, Bye, Cancel, Hello, Query, Submit, Watch
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

A, B, C = 10, 11, 12


def bench_with_node(settings: Settings | None = None, credit: int = 2) -> Bench:
    bench = Bench(settings)
    bench.node(A, "a", credit=credit)
    return bench


def tokens(bench: Bench) -> list[int]:
    tasks = (Submitted, Finished, Dropped)
    return [a.token for a in bench.actions if isinstance(a, Persist) and isinstance(a.record, tasks)]


# Sessions


def test_strangers_leave_nothing_behind() -> None:
    bench = Bench()
    before = set(bench.core.state.sessions)
    for session in range(100, 120):
        bench.send(session, Beat(EMPTY))
        bench.send(session, Hello(EMPTY, "client", "x", "another mesh"))
    assert set(bench.core.state.sessions) == before
    assert {r.code for session in range(100, 120) for r in bench.refusals(session)} == {
        "hello_required",
        "mesh_mismatch",
    }


def test_what_arrives_after_goodbye_opens_nothing() -> None:
    bench = bench_with_node()
    bench.send(A, Bye(EMPTY))
    bench.send(A, Beat(EMPTY))
    assert A not in bench.core.state.sessions


def test_those_who_watched_from_connections_that_are_gone_make_room() -> None:
    bench = Bench()
    task = bench.submit(wait=False)
    for session in range(1000, 2001):
        bench.send(session, Hello(EMPTY, "client", "local", "m"))
        bench.send(session, Watch(EMPTY._replace(task=task)))
        bench.lose(session)
    assert [r.code for r in bench.refusals(2000)] == []
    assert len(bench.core.state.tasks["local", task].watchers) == 1


# Numbers


def test_attempts_are_numbered_anew_after_32_bits_and_none_that_is_held_is_hit() -> None:
    bench = bench_with_node(credit=4)
    bench.submit()
    bench.core.state.next_attempt = 2**32 - 1
    bench.submit()
    bench.submit()
    numbers = [work.header.attempt for work in bench.work(A)]
    assert numbers == [1, 2**32 - 1, 2]
    for work in bench.work(A):
        assert decode(encode(work)) == work
        bench.answer(A, work)
    assert bench.core.state.nodes["a"].inflight == 0
    assert [o.state for o in bench.outcomes()] == ["done"] * 3


# Time


def test_timers_far_ahead_cost_no_more_than_near_ones() -> None:
    bench = bench_with_node()
    for number in range(50):
        task = bench.submit(deadline_us=(number + 1) * 10**9)
        bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))
        bench.send(A, Beat(EMPTY, busy_us=number * 10**9))
    last = max(bench.core.state.timers._order) * 4_096
    assert last <= bench.now + 60_000_000 + 2 * 4_096


def test_a_task_may_still_take_longer_than_the_furthest_timer() -> None:
    bench = Bench()
    bench.submit(deadline_us=150_000 * MS)
    bench.run_for(149_000 * MS, every_us=1_000 * MS)
    assert bench.outcomes() == []
    bench.run_for(2_000 * MS, every_us=1_000 * MS)
    assert [o.state for o in bench.outcomes()] == ["expired"]


def test_work_that_is_placed_after_its_deadline_says_that_no_time_is_left() -> None:
    """Minus one would say that there is no deadline."""
    bench = bench_with_node(credit=1)
    bench.submit(deadline_us=60_000 * MS)
    bench.submit(deadline_us=10 * MS)
    bench.now += 10 * MS + 1
    bench.answer(A, bench.work(A)[0])
    assert [work.header.remaining_us for work in bench.work(A)] == [60_000 * MS, 0]


# Bytes


def test_what_steps_hand_on_counts_as_held() -> None:
    bench = Bench(Settings(queue_max_bytes=1000))
    bench.plans["alert"] = ("sensor.detect", "sensor.describe")
    bench.node(A, "a", "sensor.detect")
    bench.submit("alert", body=b"x" * 10)
    bench.answer(A, bench.work(A)[0], b"y" * 900)
    assert bench.core.state.open_bytes == 910
    bench.submit("alert", body=b"x" * 91)
    assert [r.code for r in bench.refusals()] == ["queue_full"]
    bench.node(B, "b", "sensor.describe")
    bench.answer(B, bench.work(B)[0], b"z")
    assert (bench.core.state.open_bytes, bench.core.state.finished_bytes) == (0, 1)


def test_a_wish_of_very_many_or_very_long_names_is_refused_and_not_kept() -> None:
    bench = Bench()
    header = EMPTY._replace(task=TaskId(b"1" * 16), labels=INTERNAL, remaining_us=1000 * MS, priority=5)
    inputs = tuple((f"n{number}", "text", 0) for number in range(400))
    for wish in (
        Submit(header, "c" * 2_049),
        Submit(header, want="t" * 2_049),
        Submit(header, CLASSIFY, inputs=inputs),
        Submit(header._replace(task=task_id_for_key("k" * 3000)), CLASSIFY, key="k" * 3000),
    ):
        bench.send(CLIENT, wish)
    bench.send(CLIENT, Query(EMPTY, 1, "explain", {"capability": "c" * 2_049}))
    bench.send(CLIENT, Query(EMPTY, 2, "explain", {"have": [["n" * 2_049, "text"]]}))
    assert [r.code for r in bench.refusals()] == ["bad_request"] * 6
    assert (bench.core.state.routes, bench.core.state.tasks) == ({}, {})


def test_a_name_of_a_peer_is_short() -> None:
    bench = Bench()
    bench.node(A, "n" * 257)
    bench.node(B, "b", capability="c" * 257)
    bench.send(C, Hello(EMPTY, "client", "x" * 257, "m"))
    assert [r.code for s in (A, B, C) for r in bench.refusals(s)] == ["bad_request"] * 3
    assert all(
        len(word) <= 256 for entry in bench.core.state.journal for word in entry if isinstance(word, str)
    )


def test_a_conductor_hears_of_so_many_capabilities_and_no_more() -> None:
    bench = Bench()
    for number in range(4_097):
        bench.core.state.capability(f"x.{number}")
    bench.node(A, "a", "x.1")
    bench.node(B, "b", "y.1")
    assert [r.code for r in bench.refusals(B)] == ["claim_refused"]
    assert list(bench.core.state.nodes) == ["a"]


# Pools


def test_pools_of_models_that_nobody_runs_any_more_are_forgotten() -> None:
    bench = Bench()
    bench.node(A, "old")
    pool = bench.core.state.nodes["old"].pool
    capability = bench.core.state.capabilities[CLASSIFY]
    for number in range(200):
        bench.pool = f"{CLASSIFY}#{number}"
        bench.node(100 + number, f"n{number}")
        bench.send(100 + number, Bye(EMPTY))
    assert len(capability.pools) <= 64
    assert pool in capability.pools.values()


# The store


def test_a_store_that_fails_is_asked_again_after_a_pause() -> None:
    bench = bench_with_node()
    bench.auto_commit = False
    bench.submit(durable=True)
    bench.commit()
    bench.answer(A, bench.work(A)[0])
    for _ in range(3):
        (token,) = tokens(bench)
        bench.actions.clear()
        bench._do(CommitFailed((token,), "no space"))
        assert tokens(bench) == []
        bench.run_for(400 * MS, beating=(A,))
        assert tokens(bench) == []
        bench.run_for(200 * MS, beating=(A,))
    assert bench.outcomes() == []
    bench.commit()
    assert [o.state for o in bench.outcomes()] == ["done"]
    assert bench.core.state.counts["commits_failed"] == 3
    assert bench.core.state.ledger.persisting == {}


def test_a_task_that_expires_while_its_submission_is_recorded_is_not_left_open_in_the_store() -> None:
    bench = bench_with_node()
    bench.auto_commit = False
    bench.submit(durable=True, deadline_us=10 * MS)
    bench.run_for(50 * MS, beating=(A,))
    records = [a.record for a in bench.actions if isinstance(a, Persist)]
    assert [type(r).__name__ for r in records] == ["Submitted", "Finished"]
    assert bench.outcomes() == []
    bench.commit()
    assert [s.finished.state for s in bench.store.tables.tasks.values() if s.finished] == ["expired"]
    assert [o.state for o in bench.outcomes()] == ["expired"]
    assert bench.core.state.ledger.persisting == {}


def test_a_submission_that_the_store_refused_is_not_said_to_be_over() -> None:
    bench = bench_with_node()
    bench.auto_commit = False
    bench.submit(durable=True)
    (token,) = tokens(bench)
    bench._do(CommitFailed((token,), "no space"))
    assert tokens(bench) == [token]
    assert [r.code for r in bench.refusals()] == ["store_unavailable"]


# Keys


def test_a_key_is_its_principals_own() -> None:
    bench = bench_with_node(credit=4)
    bench.send(B, Hello(EMPTY, "client", "other", "m"))
    bench.submit(key="order-7", body=b"mine")
    bench.submit(key="order-7", body=b"theirs", session=B)
    first, second = bench.work(A)
    bench.answer(A, second, b"for them")
    bench.answer(A, first, b"for me")
    assert [o.body for o in bench.outcomes(B)] == [(b"for them",)]
    assert [o.body for o in bench.outcomes()] == [(b"for me",)]


def test_a_key_does_not_attach_to_a_task_that_has_its_id_and_no_key() -> None:
    bench = bench_with_node()
    bench.submit(task=task_id_for_key("order-7"))
    bench.submit(key="order-7")
    assert [r.code for r in bench.refusals()] == ["key_conflict"]


# Sites


def test_one_model_at_two_sites_is_two_pools_and_each_is_given_what_its_site_may_have() -> None:
    bench = Bench()
    bench.allowed_at = {"cloud": INTERNAL}
    bench.node(A, "a", credit=1)
    bench.node(B, "b", credit=9, site="cloud")
    for _ in range(3):
        bench.submit(labels=PII)
    public = bench.submit()
    assert [work.header.labels for work in bench.work(A)] == [PII]
    assert [work.header.task for work in bench.work(B)] == [public]


def test_work_at_a_site_that_may_have_its_data_no_longer_is_taken_back() -> None:
    bench = Bench()
    bench.node(B, "b", site="cloud", credit=1)
    task = bench.submit(labels=PII)
    (work,) = bench.work(B)
    bench.node(A, "a")
    bench.allowed_at = {"cloud": INTERNAL}
    bench.lose(CONTROL)
    bench.restart_control()
    (again,) = bench.work(A)
    bench.submit()
    assert len(bench.work(B)) == 1, "its slot is taken until it says otherwise"
    bench.answer(B, work, b"from where it may not be")
    assert bench.outcomes() == []
    bench.answer(A, again, b"from here")
    assert [(o.header.task, o.body) for o in bench.outcomes()] == [(task, (b"from here",))]


def test_work_that_no_site_may_have_any_longer_fails_with_the_rule() -> None:
    bench = Bench()
    bench.node(B, "b", site="cloud")
    bench.submit(labels=PII)
    bench.allowed_at = {"cloud": INTERNAL}
    bench.lose(CONTROL)
    bench.restart_control()
    (outcome,) = bench.outcomes()
    assert (outcome.state, outcome.error["code"], outcome.error["site"]) == (
        "failed",
        "label_forbidden",
        "cloud",
    )
    assert bench.core.state.open_count == 0
    assert bench.core.state.tasks["local", outcome.header.task].state is TaskState.FAILED
