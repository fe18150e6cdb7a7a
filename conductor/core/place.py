"""Giving a step to a node: the gate, then the choice, then the attempt. One path for every try of every step.

First try, retry, move and later step all go through `place`, so none of them can pass the gate by another way.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from conductor.core import elsewhere
from conductor.core.actions import Send
from conductor.core.journey import Crossed
from conductor.core.keeping import keep_attempt
from conductor.core.nodes import Node
from conductor.core.outcome import failure, finish, tell
from conductor.core.pools import Pool
from conductor.core.state import Capability, State
from conductor.core.states import NodeState, TaskState, next_task
from conductor.core.tasks import Attempt, PlanStep, Task
from hive.gate import Pass
from hive.wire.messages import Header, Work

FAR_US: Final = 60_000_000
"""Furthest that a timer is set ahead; what is due later sets it anew. Each instant beyond would cost a bucket."""


def place(s: State, task: Task) -> None:
    """Start the next attempt of the task's step on the best permitted node, or let the task wait for one."""
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    labels = labels_of(task)
    alone = task.kills >= s.settings.kills_max - 1
    if task.kills >= s.settings.kills_max:
        hold(s, task)
        return
    node = _choose(capability, labels, task.tried, alone=alone)
    if node is None and capability.linked and not alone and elsewhere.needed(s, task, capability):
        node = elsewhere.choose(s, task, capability, labels)
    if node is None and task.tried:
        busy = {a.node.id for a in task.live.values() if held_there(a)}
        node = _choose(capability, labels, busy, alone=alone)
    if node is not None:
        _start(s, task, node, labels, alone=alone)
    elif not _refused_by_gate(s, task, capability, labels):
        _wait(s, task, capability, labels)


def held_there(attempt: Attempt) -> bool:
    """Say whether the attempt's node still has it, ended for us or not: giving it the same again helps nobody."""
    return not attempt.ended or attempt.number in attempt.node.attempts


def hold(s: State, task: Task) -> None:
    """Let a task wait that may have taken nodes down, until one of them is back or the grace is over."""
    if task.held:
        return
    s.unqueue(task)
    task.held = True
    task.state = next_task(task.state, "unplaced")
    task.retry_us = s.now_us + s.settings.kill_grace_us
    arm(s, task)


def lease_until_us(s: State, task: Task, node: Node) -> int:
    """Return until when a node that has just been given one more attempt may be silent about it."""
    lease_us = s.now_us + node.run_bound_us * node.inflight + s.settings.lease_slack_us
    # The other conductor knows best how its nodes are; its own silence is noticed otherwise.
    return lease_us if node.peer is None else max(lease_us, task.deadline_us)


def offer(s: State, node: Node) -> None:
    """Give the node's free slots to what waits for its capability, then put it up for later tasks.

    What waits here for a node of this site is not sent elsewhere because another site has room.
    """
    pool = node.pool
    if pool is None:
        return
    if node.state is not NodeState.READY or node.exclusive or node.inflight >= node.credit:
        pool.withdraw(node)
        return
    capability = s.capabilities[node.offer.capability]
    waits = not pool.away or not elsewhere.ready_here(capability)
    while waits and capability.waiting_count and node.inflight < node.credit and not node.exclusive:
        task = _next_waiting(s, capability, node)
        if task is None:
            break
        alone = task.kills >= s.settings.kills_max - 1
        _start(s, task, node, labels_of(task), alone=alone)
    if node.inflight < node.credit and not node.exclusive:
        pool.offer(node)
    else:
        pool.withdraw(node)


def escalate(s: State, task: Task, labels: int) -> bool:
    """Give the step to the next tier, because the answer was too unsure here; False if nobody there may have it."""
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    node = elsewhere.choose(s, task, capability, labels, unsure=True)
    if node is None:
        return False
    task.travels().unsure = True
    _start(s, task, node, labels, alone=False)
    return True


def has_untried(s: State, task: Task) -> bool:
    """Say whether a node with a free slot has not tried the task's step yet."""
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    labels = labels_of(task)
    if _choose(capability, labels, task.tried, alone=False) is not None:
        return True
    return capability.linked and elsewhere.choose(s, task, capability, labels) is not None


def arm(s: State, task: Task) -> None:
    """Set the task's one timer to whatever is due first: its deadline, a lease or a pause before a retry."""
    due = task.deadline_us
    if task.retry_us and task.retry_us < due:
        due = task.retry_us
    for attempt in task.live.values():
        if not attempt.ended and attempt.lease_us < due:
            due = attempt.lease_us
    far = s.now_us + FAR_US
    s.timers.set(task, min(far, due))


def labels_of(task: Task) -> int:
    """Return the labels on what the current step would be given."""
    step = task.route.steps[task.at]  # type: ignore[union-attr]
    if not task.outputs:
        return task.labels
    labels = 0
    for _, _, source in step.inputs:
        labels |= task.outputs[source].labels if source >= 0 else task.inputs[-source - 1].labels
    return labels


def _choose(capability: Capability, labels: int, avoid: Container[str], *, alone: bool) -> Node | None:
    best: Node | None = None
    for pool in capability.home.values():
        if labels & ~pool.allowed_labels:
            continue
        node = pool.pick(avoid, idle_only=alone)
        if node is not None and (
            best is None or (node.inflight, node.ewma_us) < (best.inflight, best.ewma_us)
        ):
            best = node
    return best


def _start(s: State, task: Task, node: Node, labels: int, *, alone: bool) -> None:
    step = task.route.steps[task.at]  # type: ignore[union-attr]
    capability = s.capabilities[step.capability]
    if node.peer is not None:
        alone = False
    number = s.number_attempt()
    now = s.now_us
    remaining = task.deadline_us - now
    node.inflight += 1
    attempt = Attempt(number, task, node, s.epoch, lease_until_us(s, task, node))
    node.attempts[number] = attempt
    s.attempts[number] = attempt
    task.attempts.append(attempt)
    task.live[number] = attempt
    task.retry_us = 0
    task.state = next_task(task.state, "placed")
    s.unqueue(task)
    pool = node.pool
    if alone:
        node.exclusive = True
    if pool is not None:
        if alone or node.inflight >= node.credit:
            pool.withdraw(node)
        else:
            pool.offer(node)
    old = task.header
    header = tuple.__new__(Header, (  # by position: half the cost, for every task
        old.flags, old.priority, old.hops, old.trace_flags, task.at, capability.id, 0, 0, s.epoch, number,
        max(0, remaining), now, labels, task.id, old.trace_id, old.span_id,
    ))  # fmt: skip
    plain = step.simple and not task.outputs
    work = Work(header, (), task.inputs[0].frames) if plain else _compose(header, task, step)
    if node.peer is not None:
        work = _sent_on(s, task, node, work)
    if task.durable:
        keep_attempt(s, task, attempt)
    s.actions.append(Send(node.session, work))
    if task.watchers:
        tell(s, task.watchers, "running", step=task.at, attempt=number, node=node.id)
    arm(s, task)


def _compose(header: Header, task: Task, step: PlanStep) -> Work:
    """Return the work of a step whose inputs are earlier outputs or several values."""
    named = []
    body: tuple[bytes, ...] = ()
    for name, _, source in step.inputs:
        value = task.outputs[source] if source >= 0 else task.inputs[-source - 1]
        named.append((name, value.type, len(value.frames)))
        body += value.frames
    return Work(header, tuple(named), body)


def _sent_on(s: State, task: Task, node: Node, work: Work) -> Work:
    """Return the work as another conductor takes it, and write down that its body leaves this site."""
    journey = task.travels()
    via = (*journey.via, s.site)
    asker = journey.asker if journey.giver is not None else task.principal
    labels, size = work.header.labels, sum(map(len, work.body))
    crossing = elsewhere.crossing_of(s, task, node, unsure=journey.unsure)
    rule = s.gate.asks(crossing, labels).rule
    journey.crossed.append(Crossed(s.site, node.site, s.label_table.unpack(labels), size, rule))
    s.count("bytes_sent_to_sites", size)
    s.note("crossed", task.id, *journey.crossed[-1])
    header = work.header._replace(hops=len(via))
    return Work(
        header, work.inputs, work.body, node.offer.capability, asker, via, task.min_confidence, journey.unsure
    )


def _wait(s: State, task: Task, capability: Capability, labels: int) -> None:
    if capability.linked:
        sites = elsewhere.permitted(s, task, capability, labels)
        error = elsewhere.unreachable(s, task, capability, sites)
        if error is not None:
            finish(s, task, TaskState.FAILED, error)
            return
        again_us = elsewhere.look_again_us(task, sites)
        if again_us > s.now_us and elsewhere.ready_here(capability):
            task.retry_us = again_us
    if not task.live or all(a.ended for a in task.live.values()):
        task.state = next_task(task.state, "unplaced") if task.state is not TaskState.QUEUED else task.state
    if not task.queued:
        task.queued = True
        capability.waiting_count += 1
        queue = capability.waiting[task.header.priority]
        queue[task] = None
        if task.attempts:
            queue.move_to_end(task, last=False)  # it has had its turn: what came later stays behind it
    arm(s, task)


def _next_waiting(s: State, capability: Capability, node: Node) -> Task | None:
    """Return the most urgent waiting task that this node may run, or None."""
    pool = node.pool
    if pool is None:
        return None
    allowed = pool.allowed_labels
    alone_from = s.settings.kills_max - 1
    for queue in reversed(capability.waiting):
        for task in queue:
            labels = labels_of(task)
            if labels & ~allowed or (task.kills >= alone_from and (node.inflight or pool.away)):
                continue
            if pool.away and not elsewhere.passes(s, task, capability, pool, labels).allowed:
                continue
            if not any(a.node.id == node.id and held_there(a) for a in task.live.values()):
                return task
    return None


def _refused_by_gate(s: State, task: Task, capability: Capability, labels: int) -> bool:
    """Fail the task if no pool of the capability may ever have its data, whichever node is free."""
    pools = capability.pools.values()
    if not pools or any(not pool.away and not labels & ~pool.allowed_labels for pool in pools):
        return False
    if elsewhere.never_seen(task, capability):
        return False
    refused: tuple[Pool[Node], Pass] | None = None
    for pool in pools:
        reason = f"it may not be at {pool.site!r}"
        excess = labels & ~pool.allowed_labels
        passed = Pass(False, pool.rule, reason, excess)
        if pool.away:
            passed = elsewhere.passes(s, task, capability, pool, labels)
        if passed.allowed:
            return False
        refused = refused or (pool, passed)
    if refused is not None:
        finish(s, task, TaskState.FAILED, _gate_error(s, task, *refused))
    return True


def _gate_error(s: State, task: Task, pool: Pool[Node], passed: Pass) -> dict[str, object]:
    names = list(s.label_table.unpack(passed.labels))
    code = "label_kept" if task.at and passed.code == "label_forbidden" else passed.code
    said = ", ".join(names) + ": " if names else ""
    detail = f"{said}{passed.reason}, by {passed.rule!r}."
    return failure(code, detail, rule=passed.rule, site=pool.site, labels=names)
