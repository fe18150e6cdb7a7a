"""The invariants themselves: what is in order passes, and each way to break the books is found and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conductor.core.invariants import validate_counters, validate_node, validate_task, validate_touched
from conductor.core.state import State
from conductor.core.states import InvariantError, NodeState
from conductor.core.tasks import Task
from tests.unit.conductor.core.bench import CLASSIFY, Bench

A = 10


def busy() -> tuple[Bench, Task, Task]:
    """Return a bench with a node of one slot, a task that runs there and one that waits."""
    bench = Bench()
    bench.node(A, "a", credit=1)
    running, waiting = bench.submit(), bench.submit()
    tasks = bench.core.state.tasks
    return bench, tasks["local", running], tasks["local", waiting]


def test_what_an_event_touched_is_in_order() -> None:
    bench, running, waiting = busy()
    s = bench.core.state
    validate_touched(s, (running, waiting), s.nodes.values())
    node = s.nodes["a"]
    bench.answer(A, bench.work(A)[0])
    bench.lose(A)
    validate_touched(s, (running, waiting), (node,))


def test_a_task_that_was_refused_has_left_the_books() -> None:
    bench, running, _ = busy()
    del bench.core.state.tasks["local", running.id]
    with pytest.raises(InvariantError, match="nobody can find it"):
        validate_task(bench.core.state, running)


@pytest.mark.parametrize("queued", [True, False])
def test_a_queue_and_its_task_agree(queued: bool) -> None:  # noqa: FBT001 - a case
    bench, running, waiting = busy()
    task = running if queued else waiting
    task.queued = queued
    with pytest.raises(InvariantError, match="in the queue and does not know"):
        validate_task(bench.core.state, task)


def test_a_queue_is_counted_as_long_as_it_is() -> None:
    bench, _, waiting = busy()
    bench.core.state.capabilities[CLASSIFY].waiting_count = 2
    with pytest.raises(InvariantError, match=f"{CLASSIFY}: 2 != 1"):
        validate_task(bench.core.state, waiting)


def test_a_node_has_in_hand_what_is_counted() -> None:
    bench, _, _ = busy()
    node = bench.core.state.nodes["a"]
    node.inflight = 0
    with pytest.raises(InvariantError, match="in-flight 0 != 1"):
        validate_node(bench.core.state, node)


def test_a_node_that_is_lost_has_nothing_in_hand() -> None:
    bench, _, _ = busy()
    node = bench.core.state.nodes.pop("a")
    node.state = NodeState.LOST
    with pytest.raises(InvariantError, match="a is lost and still has work"):
        validate_node(bench.core.state, node)


def _less(s: State) -> None:
    s.open_bytes -= 1_000


def _nobody(s: State) -> None:
    s.open_by_principal.clear()


def _nothing(s: State) -> None:
    s.open_count = 0


def _more(s: State) -> None:
    s.open_count += 1


def _results(s: State) -> None:
    s.finished_bytes = 1


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (_less, "below zero"),
        (_nobody, "for nobody"),
        (_nothing, "for nobody"),
        (_more, "more tasks are counted"),
        (_results, "1 bytes of no result"),
    ],
)
def test_counters_that_contradict_each_other_are_found(breaks: Callable[[State], None], says: str) -> None:
    bench, _, _ = busy()
    validate_counters(bench.core.state)
    breaks(bench.core.state)
    with pytest.raises(InvariantError, match=says):
        validate_counters(bench.core.state)
