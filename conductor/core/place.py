"""Giving a step to a node: the gate, then the choice, then the attempt. One path for every try of every step.

First try, retry, move and later step all go through `place`, so none of them can pass the gate by another way.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from conductor.core import elsewhere
from conductor.core.actions import Send
from conductor.core.handing import compose, forget_oldest, sent_on
from conductor.core.hedging import worth_it
from conductor.core.keeping import keep_attempt
from conductor.core.nodes import Node
from conductor.core.outcome import failure, finish, tell
from conductor.core.refusing import refused_by_gate
from conductor.core.state import Capability, State
from conductor.core.states import NodeState, TaskState, next_task
from conductor.core.tasks import Attempt, Task
from hive.wire.messages import Flag, Header, Work

FAR_US: Final = 60_000_000
"""Furthest that a timer is set ahead; what is due later sets it anew. Each instant beyond would cost a bucket."""


_SILENCES: Final = 2
"""How many nodes that are never heard again weigh as much as one whose connection closed: a cut looks like that too."""


def place(s: State, task: Task) -> None:
    """Start the next attempt of the task's step on the best permitted node, or let the task wait for one."""
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    labels = labels_of(task)
    if task.kills >= s.settings.kills_max:
        hold(s, task)
        return
    if task.silences >= _SILENCES * s.settings.kills_max:
        detail = f"{task.silences} nodes fell silent while they ran it, and none of them came back."
        finish(s, task, TaskState.DEAD_LETTERED, failure("dead_lettered", detail))
        return
    risk = at_risk(task)
    if risk > s.settings.kills_max:  # silence is no proof, so one more is risked, and no further one
        task.retry_us = s.now_us + s.settings.kill_grace_us
        _wait(s, task, capability, labels)
        return
    alone = risk >= s.settings.kills_max - 1
    node = _choose(capability, labels, task.tried, idle_only=alone)
    if node is None and capability.linked and not alone and elsewhere.needed(s, task, capability):
        node = elsewhere.choose(s, task, capability, labels)
    if node is None and task.tried:
        busy = {a.node.id for a in task.live.values() if held_there(a)}
        node = _choose(capability, labels, busy, idle_only=alone)
    if node is not None:
        _start(s, task, node, labels, alone=alone)
    elif not refused_by_gate(s, task, capability, labels):
        _wait(s, task, capability, labels)


def at_risk(task: Task) -> int:
    """Return how many nodes the step has taken down, or may have: those that have been silent since they got it."""
    if not task.live:
        return task.kills
    silent = (a.ended == "suspected" and a.node.state is NodeState.SUSPECT for a in task.live.values())
    return task.kills + sum(silent)


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
    """Return until when (in awake time) a node that has just been given one more attempt may be silent about it."""
    slack_us = s.settings.lease_slack_us + node.beats.extra_us
    lease_us = s.now_us - s.lag_us + node.run_bound_us * node.inflight + slack_us
    # The other conductor knows best how its nodes are; its own silence is noticed otherwise.
    return lease_us if node.peer is None else max(lease_us, task.deadline_us - s.lag_us)


def offer(s: State, node: Node) -> None:
    """Give the node's free slots to what waits for its capability, then put it up for later tasks.

    What waits here for a node of this site is not sent elsewhere because another site has room.
    """
    pool = node.pool
    if pool is None:
        return
    full = node.inflight >= node.credit
    if node.state is not NodeState.READY or node.exclusive or node.shut_us or full:
        pool.withdraw(node)
        return
    capability = s.capabilities[node.offer.capability]
    waits = not pool.away or not elsewhere.ready_here(capability)
    while waits and capability.waiting_count and node.inflight < node.credit and not node.exclusive:
        task = _next_waiting(s, capability, node)
        if task is None:
            break
        alone = at_risk(task) >= s.settings.kills_max - 1
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
    _start(s, task, node, labels)
    return True


def hedge(s: State, task: Task) -> None:
    """Start the step a second time beside a slow attempt, if an idle node of this site may have it and it is paid for.

    It passes the same gate as every other try; a linked site is not asked, because its edge would be crossed twice.
    """
    slow = next(iter(task.live.values()), None)
    if slow is None or slow.ended or len(task.live) > 1 or task.kills or task.failures:
        return
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    labels = labels_of(task)
    node = _choose(capability, labels, {slow.node.id, *task.tried}, idle_only=True)
    if node is None or not node.offer.idempotent:
        return
    if capability.hedging.tokens < 1.0:
        s.count("hedges_not_afforded")
        return
    capability.hedging.tokens -= 1.0
    s.count("hedges")
    s.note("hedged", task.id, slow.number, slow.node.id, node.id, s.now_us - slow.started_us)
    _start(s, task, node, labels, hedge=True)


def has_untried(s: State, task: Task) -> bool:
    """Say whether a node with a free slot has not tried the task's step yet."""
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    labels = labels_of(task)
    if _choose(capability, labels, task.tried) is not None:
        return True
    return capability.linked and elsewhere.choose(s, task, capability, labels) is not None


def arm(s: State, task: Task) -> None:
    """Set the task's one timer to whatever is due first: its deadline, a lease or a pause before a retry."""
    due = task.deadline_us
    if task.retry_us and task.retry_us < due:
        due = task.retry_us
    if task.hedge_us and task.hedge_us < due:
        due = task.hedge_us
    for attempt in task.live.values():
        if not attempt.ended and attempt.lease_us + s.lag_us < due:
            due = attempt.lease_us + s.lag_us
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


def _choose(
    capability: Capability, labels: int, avoid: Container[str], *, idle_only: bool = False
) -> Node | None:
    best: Node | None = None
    for pool in capability.home.values():
        if labels & ~pool.allowed_labels:
            continue
        node = pool.pick(avoid, idle_only=idle_only)
        if node is not None and (
            best is None or (node.inflight, node.ewma_us) < (best.inflight, best.ewma_us)
        ):
            best = node
    return best


def _start(
    s: State, task: Task, node: Node, labels: int, *, alone: bool = False, hedge: bool = False
) -> None:
    step = task.route.steps[task.at]  # type: ignore[union-attr]
    capability = s.capabilities[step.capability]
    if node.peer is not None:
        alone = False
    number = s.number_attempt()
    now = s.now_us
    remaining = task.deadline_us - now
    node.inflight += 1
    attempt = Attempt(number, task, node, s.epoch, lease_until_us(s, task, node))
    attempt.started_us = now
    attempt.hedge = hedge
    node.attempts[number] = attempt
    s.attempts[number] = attempt
    if task.attempts:
        forget_oldest(s, task)
    task.attempts.append(attempt)
    task.live[number] = attempt
    task.retry_us = task.hedge_us = 0
    pool = node.pool
    if pool is not None and node.offer.idempotent and worth_it(capability, pool, task):
        task.hedge_us = now + capability.hedging.after_us
    task.state = next_task(task.state, "placed")
    s.unqueue(task)
    if alone:
        node.exclusive = True
    if pool is not None:
        if alone or node.inflight >= node.credit:
            pool.withdraw(node)
        else:
            pool.offer(node)
    old = task.header
    flags = old.flags | Flag.HEDGE if hedge else old.flags
    header = tuple.__new__(Header, (  # by position: half the cost, for every task
        flags, old.priority, old.hops, old.trace_flags, task.at, capability.id, 0, 0, s.epoch, number,
        max(0, remaining), now, labels, task.id, old.trace_id, old.span_id,
    ))  # fmt: skip
    plain = step.simple and not task.outputs
    work = Work(header, (), task.inputs[0].frames) if plain else compose(header, task, step)
    if node.peer is not None:
        work = sent_on(s, task, node, work)
    if task.durable:
        keep_attempt(s, task, attempt)
    s.actions.append(Send(node.session, work))
    if task.watchers:
        about = {"hedge": True} if hedge else {}
        tell(s, task.watchers, "running", step=task.at, attempt=number, node=node.id, **about)
    arm(s, task)


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
        # What has had its turn goes to the front: what came later stays behind it.
        capability.waiting[task.header.priority].add(task, labels, first=bool(task.attempts))
        if sheddable(task):
            s.sheddable[task.header.priority][task] = None
    arm(s, task)


def sheddable(task: Task) -> bool:
    """Say whether a waiting task may still be refused: nobody has a receipt for it, and no node has begun it."""
    return not (task.durable or task.attempts or task.at or task.receipt or task.journey is not None)


def _next_waiting(s: State, capability: Capability, node: Node) -> Task | None:
    """Return the most urgent waiting task that this node may run, or None."""
    pool = node.pool
    if pool is None:
        return None
    most = s.settings.kills_max
    for queue in reversed(capability.waiting):
        for task in queue.permitted(pool.allowed_labels):
            risk = at_risk(task)
            if risk > most or (risk >= most - 1 and (node.inflight or pool.away)):
                continue
            if pool.away and not elsewhere.passes(s, task, capability, pool, labels_of(task)).allowed:
                continue
            if not any(a.node.id == node.id and held_there(a) for a in task.live.values()):
                return task
    return None
