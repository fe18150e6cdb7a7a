"""The rules that must hold after every event. Tests and the simulator check them; production code never has to.

`validate_state` looks at everything. `validate_touched` looks at the few tasks and nodes that an event was about and
at the counters, at a cost that does not grow with what the core knows.
"""

from __future__ import annotations

from collections.abc import Iterable

from conductor.core.nodes import Node
from conductor.core.place import labels_of, sheddable
from conductor.core.state import Capability, State
from conductor.core.states import FINAL, InvariantError, NodeState, TaskState
from conductor.core.tasks import Task


def validate_touched(s: State, tasks: Iterable[Task], nodes: Iterable[Node]) -> None:
    """Raise InvariantError if one of these contradicts itself or the books, or if the counters cannot be right."""
    for task in tasks:
        validate_task(s, task)
    for node in nodes:
        validate_node(s, node)
    validate_counters(s)


def validate_counters(s: State) -> None:
    """Raise InvariantError if the counters contradict each other; costs the same however much is counted."""
    counted = (s.open_count, s.open_bytes, s.finished_bytes)
    _require(min(counted) >= 0, f"a counter is below zero: {counted}")
    _require(bool(s.open_count) == bool(s.open_by_principal), "open tasks are counted for nobody")
    _require(bool(s.open_count) or not s.open_bytes, f"{s.open_bytes} bytes of no open task are counted")
    _require(bool(s.finished) or not s.finished_bytes, f"{s.finished_bytes} bytes of no result are counted")
    _require(s.open_count + len(s.finished) <= len(s.tasks), "more tasks are counted than are there")


def validate_task(s: State, task: Task) -> None:
    """Raise InvariantError if a task contradicts itself, its attempts or the books. One that left them has ended."""
    name = task.id.hex()
    filed = s.tasks.get((task.principal, task.id))
    _require(filed is task or task.closed, f"task {name} is open and nobody can find it")
    if task.route is not None and task.at < len(task.route.steps):
        capability = s.capabilities.get(task.route.steps[task.at].capability)
        if capability is not None:
            _queue(capability)
            there = task in capability.waiting[task.header.priority]
            _require(task.queued == there, f"task {name} is in the queue and does not know, or not in it")
    may_go = task.queued and sheddable(task)
    _require(
        (task in s.sheddable[task.header.priority]) == may_go,
        f"task {name} may be shed, or not, unknown to it",
    )
    _task(s, task)


def validate_node(s: State, node: Node) -> None:
    """Raise InvariantError if a node contradicts itself or its attempts. One that is lost holds nothing."""
    if s.nodes.get(node.id) is node or node.state is not NodeState.LOST:
        _node(s, node)
    else:
        _require(not node.attempts and not node.inflight, f"{node.id} is lost and still has work")


def validate_state(s: State) -> None:
    """Raise InvariantError with a sentence if the work plane contradicts itself."""
    validate_counters(s)
    for node in s.nodes.values():
        validate_node(s, node)
    for key, task in s.tasks.items():
        _require(key == (task.principal, task.id), f"task {task.id.hex()} is filed under another key")
        validate_task(s, task)
    kept = all(s.tasks.get((t.principal, t.id)) is t and t.closed for t in s.finished)
    _require(kept, "a finished task is kept that nobody can find")
    unfinished = [t for t in s.tasks.values() if t.state not in FINAL]
    _require(len(s.finished) + len(unfinished) == len(s.tasks), "a task is neither open nor finished")
    holding = [t for t in unfinished if t.state is not TaskState.CLOSING]
    _require(len(holding) == s.open_count, f"{s.open_count} open tasks are counted, {len(holding)} are there")
    closing = {t: sum(map(len, t.result)) for t in unfinished if t.state is TaskState.CLOSING}
    _require(closing == s.ledger.closing, "the outcomes that wait for their commit are miscounted")
    _require(sum(closing.values()) == s.ledger.closing_bytes, "the bytes of outcomes are miscounted")
    _require(sum(t.bytes for t in holding) == s.open_bytes, "the bytes of open tasks are miscounted")
    _require(sum(s.open_by_principal.values()) == s.open_count, "open tasks by principal do not add up")
    _require(sum(t.bytes for t in s.finished) == s.finished_bytes, "finished bytes are miscounted")
    stale = [route for route in s.routes.values() if route.generation != s.generation]
    _require(not stale, f"{len(stale)} routes are kept that an older policy or graph has made")
    for peer in s.peers.values():
        if s.generation:
            kept_labels = peer.outbox.labels()
            _require(
                not kept_labels & ~s.allowed_labels, f"an answer for {peer.site} is kept that may not be here"
            )
    for capability in s.capabilities.values():
        _queue(capability)
        _require(
            all(t.queued for q in capability.waiting for t in q), f"{capability.name}: a task waits unasked"
        )


def _queue(capability: Capability) -> None:
    waiting = sum(map(len, capability.waiting))
    _require(
        waiting == capability.waiting_count, f"{capability.name}: {capability.waiting_count} != {waiting}"
    )


def _node(s: State, node: Node) -> None:
    _require(node.state is not NodeState.LOST, f"{node.id} is lost and still listed")
    _require(
        node.inflight == len(node.attempts), f"{node.id}: in-flight {node.inflight} != {len(node.attempts)}"
    )
    _require(bool(node.inflight) or not node.exclusive, f"{node.id} is kept free for a task that is gone")
    for attempt in node.attempts.values():
        _require(attempt.node is node, f"attempt {attempt.number} is held by two nodes")
        _require(s.attempts.get(attempt.number) is attempt, f"attempt {attempt.number} is not in the books")


def _task(s: State, task: Task) -> None:
    name = task.id.hex()
    most = s.settings.attempts_max
    _require(
        task.failures <= most, f"a step of task {name} failed {task.failures} times, {most} are the most"
    )
    if task.settled:
        _require(not task.live, f"task {name} has its outcome and live attempts")
        _require(not task.queued, f"task {name} has its outcome and waits")
        return
    if s.generation:
        kept = task.labels | (labels_of(task) if task.route is not None and task.route.steps else 0)
        _require(not kept & ~s.allowed_labels, f"task {name} is kept here, and its labels forbid that")
    for attempt in task.live.values():
        _require(attempt.task is task, f"attempt {attempt.number} belongs to two tasks")
        _require(attempt.step == task.at, f"attempt {attempt.number} of an earlier step is live")
        pool = attempt.node.pool
        there = attempt.number in attempt.node.attempts
        forbidden = labels_of(task) & ~pool.allowed_labels if pool is not None and there else 0
        _require(not forbidden, f"task {name} runs at a site that its labels forbid")
    hedges = [a for a in task.live.values() if a.hedge and not a.ended]
    _require(len(hedges) <= 1, f"task {name} is hedged twice over")
    home = all(a.node.peer is None and a.node.offer.idempotent for a in hedges)
    _require(home, f"task {name} is hedged at a linked site, or where it must not run twice")
    going = any(not a.ended for a in task.live.values())
    waits = task.queued or task.retry_us or task.state in (TaskState.PLANNING, TaskState.ACCEPTING)
    _require(bool(going or waits), f"task {name} is {task.state} and nothing will ever move it")
    _require(task in s.timers, f"task {name} has no deadline timer")


def _require(holds: bool, sentence: str) -> None:  # noqa: FBT001 - reads as the rule that it states
    if not holds:
        raise InvariantError(sentence)
