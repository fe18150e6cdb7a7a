"""Durable work between linked sites outlives the conductors on both ends: nothing is lost, no answer counts twice."""

from __future__ import annotations

from conductor.core.actions import Drain
from conductor.core.provenance import provenance
from conductor.core.records import Purged
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from conductor.core.tasks import Task
from hive.ids import TaskId
from hive.wire.codec import unpack_document
from hive.wire.messages import Answer, Receipt, Refuse, Work
from tests.fakes.world import MS, Node, S, World, mesh
from tests.unit.conductor.core.test_links import TWO, done, linked

CAPABILITY = "text.route"


def linked_with_gpu() -> tuple[World, Node]:
    world = linked()
    gpu = world["cloud"].node("gpu/y", CAPABILITY)
    world.run(S)
    return world, gpu


def durable(world: World) -> TaskId:
    task = world["plant"].submit(CAPABILITY, b"kept", durable=True, wait=False, deadline_us=120 * S)
    world.run(100)
    return task


def sent(world: World) -> list[Work]:
    """Return the work that the plant sent over the link."""
    return [m for source, _, m in world.carried if source == "plant" and isinstance(m, Work)]


def finished(world: World, task: TaskId) -> Task:
    """Return the task at the plant once it has its outcome."""
    books = world["plant"].core.state.tasks
    world.until(lambda: books["local", task].closed)
    return books["local", task]


def restart(world: World, name: str) -> None:
    world[name].kill()
    world.run(S // 2)
    world[name].start()


def test_the_receipt_comes_after_the_commit_and_the_task_is_done_there() -> None:
    world, _ = linked_with_gpu()
    task = durable(world)
    assert [m.state for m in world["plant"].told if isinstance(m, Receipt)] == ["queued"]
    assert finished(world, task).result == (b"KEPT",)


def test_a_site_that_is_restarted_while_the_link_is_cut_hands_its_tasks_over_later() -> None:
    world, gpu = linked_with_gpu()
    world.cut("plant", "cloud")
    world.run(7 * S)
    task = durable(world)
    restart(world, "plant")
    world.run(S)
    world.heal()
    assert finished(world, task).result == (b"KEPT",)
    assert len(gpu.works) == 1


def test_a_restarted_site_that_hears_of_its_capabilities_only_by_the_link_still_takes_tasks_for_it() -> None:
    world, _ = linked_with_gpu()
    world.cut("plant", "cloud")
    restart(world, "plant")
    task = durable(world)
    assert [m.state for m in world["plant"].told if isinstance(m, Receipt)] == ["queued"]
    world.heal()
    assert finished(world, task).result == (b"KEPT",)


def test_a_site_that_gave_work_and_is_restarted_gets_the_answer_of_that_work() -> None:
    world, gpu = linked_with_gpu()
    gpu.run_us = 4 * S
    task = durable(world)
    world.run(S)
    restart(world, "plant")
    asked = finished(world, task)
    assert (asked.result, len(gpu.works)) == ((b"KEPT",), 1)


def test_what_crossed_before_a_restart_is_still_in_the_provenance() -> None:
    world, gpu = linked_with_gpu()
    gpu.run_us = 4 * S
    task = durable(world)
    world.run(S)
    restart(world, "plant")
    document = unpack_document(provenance(finished(world, task), "plant"))
    assert isinstance(document, dict)
    assert document["crossings"][0] == ["plant", "cloud", ["internal"], 4, "up"]


def test_a_site_that_was_given_work_goes_on_with_it_after_a_restart() -> None:
    world, gpu = linked_with_gpu()
    gpu.answering = False
    task = durable(world)
    world.run(S)
    assert len(gpu.works) == 1
    restart(world, "cloud")
    again = world["cloud"].node("gpu/y", CAPABILITY)
    assert finished(world, task).result == (b"KEPT",)
    assert len(again.works) == 1
    sent = [m for source, _, m in world.carried if source == "plant" and isinstance(m, Work)]
    assert len(sent) == 1


def test_an_answer_that_could_not_be_said_is_said_after_a_restart() -> None:
    world, gpu = linked_with_gpu()
    gpu.run_us = 2 * S
    task = durable(world)
    world.run(S)
    world.cut("cloud", "plant", one_way=True)
    world.run(2 * S)
    assert [t.state for t in world["cloud"].core.state.tasks.values()] == [TaskState.DONE]
    world.heal()
    world["cloud"].kill()
    world["cloud"].start()  # nobody there who could do it again
    asked = finished(world, task)
    assert (asked.result, len(gpu.works)) == ((b"KEPT",), 1)
    said = [m for source, _, m in world.carried if source == "cloud" and isinstance(m, Answer)]
    assert len(said) == 1


def test_both_conductors_die_at_once_and_the_task_is_done_once_for_its_caller() -> None:
    world, gpu = linked_with_gpu()
    gpu.run_us = 4 * S
    task = durable(world)
    world.run(S)
    for name in ("plant", "cloud"):
        world[name].kill()
    world.run(S)
    for name in ("plant", "cloud"):
        world[name].start()
    world["cloud"].node("gpu/y", CAPABILITY)
    assert finished(world, task).result == (b"KEPT",)
    world.run(5 * S)
    for name in ("plant", "cloud"):
        state = world[name].core.state
        assert (state.open_count, len(state.attempts), len(state.ledger.inherited)) == (0, 0, 0)


def test_what_the_other_side_has_acknowledged_is_forgotten() -> None:
    world, _ = linked_with_gpu()
    task = durable(world)
    finished(world, task)
    world.run(2 * S)
    assert world["cloud"].store.tables.tasks == {}
    (peer,) = world["cloud"].core.state.peers.values()
    assert (len(peer.outbox), peer.stored) == (0, {})
    restart(world, "cloud")
    world["cloud"].node("gpu/y", CAPABILITY)
    world.run(3 * S)
    assert len(world["cloud"].core.state.tasks) == 0


def test_work_that_nobody_asked_to_keep_leaves_nothing_in_the_other_sites_store() -> None:
    world, _ = linked_with_gpu()
    done(world, "plant", world["plant"].submit(CAPABILITY))
    assert world["cloud"].store.tables.tasks == {}


def test_work_that_is_no_longer_wanted_is_forgotten_too() -> None:
    world, gpu = linked_with_gpu()
    gpu.answering = False
    task = durable(world)
    world.run(S)
    world["plant"].store.tables.tasks.pop(("local", task))  # as after another disk was put in
    restart(world, "plant")
    world.run(5 * S)
    assert world["cloud"].store.tables.tasks == {}
    assert world["cloud"].core.state.open_count == 0


def test_a_site_whose_store_fails_owes_it_nothing_for_the_work_that_it_refused() -> None:
    world, gpu = linked_with_gpu()
    cloud = world["cloud"]
    cloud.store.failing = "no space"
    for _ in range(5):
        durable(world)
    world.run(3 * S)
    (peer,) = cloud.core.state.peers.values()
    assert (gpu.works, peer.held, peer.stored) == ([], {}, {})
    assert (cloud.core.state.ledger.insisted, cloud.core.state.ledger.failed) == ({}, {})


def test_an_answer_that_was_purged_goes_back_as_a_refusal_and_not_as_an_empty_answer() -> None:
    world, gpu = linked_with_gpu()
    task = durable(world)
    world.cut("cloud", "plant", one_way=True)
    world.run(2 * S)
    assert len(gpu.works) == 1
    world["cloud"].kill()
    world["cloud"].tables.apply(Purged(()))
    world["cloud"].start()
    world.heal()
    asked = finished(world, task)
    assert (asked.state, asked.error["code"], asked.result) == (TaskState.FAILED, "label_forbidden", ())


def test_accepted_tasks_are_not_failed_because_many_wait_for_a_site() -> None:
    world = World(mesh(TWO), settings=Settings(outbox_max_tasks=3))
    world["cloud"].node("gpu/y", CAPABILITY)
    world.run(5 * S)
    world.cut("plant", "cloud")
    world.run(7 * S)
    tasks = [durable(world) for _ in range(5)]
    told = [m for m in world["plant"].told if isinstance(m, Receipt | Refuse)]
    assert [m.code if isinstance(m, Refuse) else m.state for m in told] == ["queued"] * 3 + ["queue_full"] * 2
    restart(world, "plant")
    world.run(S)
    world.heal()
    assert [finished(world, task).state for task in tasks[:3]] == [TaskState.DONE] * 3


def test_tasks_that_wait_for_nodes_of_this_site_after_a_restart_do_not_count_as_an_outbox() -> None:
    world = World(mesh(TWO), settings=Settings(outbox_max_tasks=3))
    world["cloud"].node("gpu/y", CAPABILITY)
    node = world["plant"].node("press/y", CAPABILITY)
    node.answering = False
    world.run(5 * S)
    tasks = [durable(world) for _ in range(8)]
    world.cut("plant", "cloud")
    restart(world, "plant")
    world.run(2 * S)
    world["plant"].node("press/y", CAPABILITY)
    assert [finished(world, task).state for task in tasks] == [TaskState.DONE] * 8


def several(world: World) -> list[TaskId]:
    tasks = []
    for number in range(8):
        world.run(5 * MS)
        body = b"t%d" % number
        tasks.append(world["plant"].submit(CAPABILITY, body, durable=True, wait=False, deadline_us=120 * S))
    return tasks


def in_order(world: World, tasks: list[TaskId], gpu: Node) -> None:
    assert [finished(world, task).result for task in tasks] == [(b"T%d" % n,) for n in range(8)]
    assert [work.body[0] for work in gpu.works] == [b"t%d" % n for n in range(8)]


def test_what_waits_for_a_link_goes_over_it_in_the_order_of_its_submission() -> None:
    world, gpu = linked_with_gpu()
    world.cut("plant", "cloud")
    world.run(7 * S)
    tasks = several(world)
    world.heal()
    in_order(world, tasks, gpu)


def test_what_was_lost_with_a_link_goes_over_the_next_one_in_order() -> None:
    world, gpu = linked_with_gpu()
    world.cut("plant", "cloud")  # nobody knows yet: the first ones are sent, and lost
    tasks = several(world)
    world.run(10 * S)
    world.heal()
    in_order(world, tasks, gpu)


def test_order_outlives_both_conductors() -> None:
    world, _ = linked_with_gpu()
    world.cut("plant", "cloud")
    world.run(7 * S)
    tasks = several(world)
    restart(world, "plant")
    restart(world, "cloud")
    gpu = world["cloud"].node("gpu/y", CAPABILITY, 1)
    world.run(S)
    world.heal()
    in_order(world, tasks, gpu)


def test_answers_that_could_not_be_said_are_said_in_order_after_a_restart() -> None:
    world, gpu = linked_with_gpu()
    gpu.run_us = 2 * S
    tasks = several(world)[:4]  # as many as run at once
    world.run(S)
    world.cut("cloud", "plant", one_way=True)
    world.run(3 * S)
    world.heal()
    world["cloud"].kill()
    world["cloud"].start()
    for task in tasks:
        finished(world, task)
    said = [m.body[0] for source, _, m in world.carried if source == "cloud" and isinstance(m, Answer)]
    assert said[:4] == [b"T0", b"T1", b"T2", b"T3"]


def test_a_site_that_takes_nothing_now_is_asked_again_after_a_pause_and_not_as_fast_as_the_link_is() -> None:
    world, gpu = linked_with_gpu()
    world["cloud"].feed(Drain())
    task = durable(world)
    world.run(3 * S)
    assert (len(gpu.works), len(sent(world)) <= 3) == (0, True)
    world["cloud"].core.state.draining = False
    assert finished(world, task).result == (b"KEPT",)


def test_of_many_that_wait_for_a_site_that_takes_nothing_only_as_many_as_it_has_slots_are_sent_at_once() -> (
    None
):
    world, gpu = linked_with_gpu()
    world["cloud"].feed(Drain())
    tasks = [durable(world) for _ in range(300)]
    world.run(4 * S)
    assert (len(gpu.works), len(sent(world)) <= 3 * 64) == (0, True)
    world["cloud"].core.state.draining = False
    assert {finished(world, task).result for task in tasks} == {(b"KEPT",)}


def test_work_for_a_site_whose_store_fails_waits_until_it_works_again() -> None:
    world, gpu = linked_with_gpu()
    world["cloud"].store.failing = "no space"
    task = durable(world)
    world.run(10 * S)
    assert (len(gpu.works), len(sent(world)) <= 20) == (0, True)
    world["cloud"].store.failing = ""
    asked = finished(world, task)
    assert (asked.result, asked.failures, len(gpu.works)) == ((b"KEPT",), 0, 1)
