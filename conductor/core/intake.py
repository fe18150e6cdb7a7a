"""How a task comes in: who asks, whether there is room, whether its data may be here, and the way it will go."""

from __future__ import annotations

from conductor.core import early, elsewhere, finding
from conductor.core.actions import Send
from conductor.core.again import again, fingerprint, listens
from conductor.core.keeping import keep_submission
from conductor.core.nodes import Session
from conductor.core.outcome import failure, finish, forbidden, refuse, reject, tell, tell_outcome
from conductor.core.place import arm, labels_of, place
from conductor.core.planning import ask_for_route, senseless
from conductor.core.room import is_full, make_room, no_room
from conductor.core.state import Capability, State
from conductor.core.states import TaskState, next_task, shown
from conductor.core.tasks import PRIORITIES, Inputs, Route, RouteKey, Task, Value
from hive.ids import NO_TASK, task_id_for_key
from hive.wire.messages import Cancel, Flag, Header, Receipt, Submit, Watch


def submitted(s: State, session: Session, m: Submit) -> None:
    """Open a task, attach to the one that has this id already, or refuse."""
    h = m.header
    principal = (m.principal or session.name) if session.trusted else session.name
    there = s.tasks.get((principal, h.task))
    if there is not None:
        again(s, session, there, m, m.capability or _name_of(s, h.capability))
        return
    if m.retry_of:
        finding.retry(s, session, m)
        return
    if not s.generation and early.kept(s, session, m):
        return
    now = s.now_us
    remaining = h.remaining_us
    if remaining < 0:
        remaining = s.settings.default_deadline_us
    else:
        remaining -= session.delay.queued_us(h.sent_us, now)
    size = sum(map(len, m.body))
    refusal = _refusal(s, principal, m, remaining, size)
    if refusal is not None:
        _refuse(s, session, h, refusal)
        return
    task = Task(h.task, principal, h, s.instant())
    task.deadline_us = now + remaining
    task.capability = m.capability or _name_of(s, h.capability)
    task.min_confidence = m.min_confidence
    task.labels = h.labels
    task.key = m.key
    task.durable = bool(h.flags & Flag.DURABLE) or bool(m.key)
    if m.key:
        task.header = h._replace(flags=h.flags | Flag.DURABLE)  # for the sites that it may go to
    task.bytes = size
    if m.key:
        task.request = fingerprint(s, m, task.capability)
    route_key: RouteKey = (
        task.capability,
        m.want,
        tuple([(n, t) for n, t, _ in m.inputs]) if m.inputs else (),
        h.labels,
        principal,
        (),
    )
    route = s.routes.get(route_key)
    if route is not None and route.refused:
        _refuse(s, session, h, route.refused)
        return
    task.inputs = split(m.inputs, m.body, h.labels)
    task.route_key = route_key
    task.waiters.append((session.id, h))
    open_task(s, task, route)


def planned(s: State, task: Task, route: Route) -> None:
    """Go on with a task whose route is known: refuse it, make it durable first, or place it."""
    if task.state is not TaskState.PLANNING:
        return
    if route.refused:
        reject(s, task, route.refused)
        return
    _take_route(task, route)
    capability = s.capability(route.steps[0].capability)
    capability.earn(s.settings)
    task.retry_us = 0
    if task.durable:
        full = _cannot_wait(s, task, capability) if capability.linked else None
        if full is not None:
            reject(s, task, full)
            return
        task.state = next_task(task.state, "planned_durable")
        arm(s, task)
        keep_submission(s, task)
        return
    task.state = next_task(task.state, "planned")
    _receipts(s, task)
    place(s, task)


def accepted(s: State, task: Task) -> None:
    """Go on with a durable task whose submission is committed: the receipt first, then the work."""
    task.state = next_task(task.state, "committed")
    _receipts(s, task)
    place(s, task)


def cancelled(s: State, session: Session, m: Cancel) -> None:
    """Cancel a task of the caller and answer with its outcome, whatever that is by now."""
    task = finding.find(s, session, m)
    if task is None:
        return
    if task.closed:
        tell_outcome(s, session.id, task, m.header)
        return
    if task.settled:
        listens(s, session, task.waiters, m.header)
    else:
        task.waiters.append((session.id, m.header))
        if task.durable and task.state is TaskState.PLANNING:
            keep_submission(s, task)  # so that the store has whose outcome this is
        finish(s, task, TaskState.CANCELLED, failure("cancelled"))


def watched(s: State, session: Session, m: Watch) -> None:
    """Tell the caller of every change of a task from now on, beginning with where it stands."""
    task = finding.find(s, session, m)
    if task is None:
        return
    if task.closed:
        tell(s, [(session.id, m.header)], shown(task.state))
        tell_outcome(s, session.id, task, m.header)
    elif listens(s, session, task.watchers, m.header):
        tell(s, task.watchers[-1:], shown(task.state))


def open_task(s: State, task: Task, route: Route | None) -> None:
    """Put a task in the books and let it go its way, or park it until there is one."""
    if is_full(s, task.bytes):
        make_room(s, task.header.priority, task.bytes)
    s.tasks[task.principal, task.id] = task
    s.open_count += 1
    s.open_bytes += task.bytes
    s.open_by_principal[task.principal] = s.open_by_principal.get(task.principal, 0) + 1
    s.count("tasks_submitted")
    if route is not None:
        planned(s, task, route)
        return
    key = task.route_key
    s.parked.setdefault(key, {})[task] = None
    task.retry_us = s.now_us + s.settings.planning_timeout_us
    arm(s, task)
    ask_for_route(s, key)


def _receipts(s: State, task: Task) -> None:
    """Acknowledge to those who do not wait for the outcome; those who do hear nothing before it."""
    waiters = task.waiters
    if not waiters or (len(waiters) == 1 and waiters[0][1].flags & Flag.WAIT):
        return  # the hot path
    waiting = [w for w in waiters if w[1].flags & Flag.WAIT]
    for session, header in waiters:
        if not header.flags & Flag.WAIT:
            s.acknowledged(task)
            s.actions.append(Send(session, Receipt(header._replace(sent_us=s.now_us), shown(task.state))))
    task.waiters = waiting


def _take_route(task: Task, route: Route) -> None:
    task.route = route
    if not task.labels:
        task.labels = route.default_labels
        for value in task.inputs:
            value.labels = route.default_labels
    if not task.capability:
        task.capability = route.steps[-1].capability
    if len(task.inputs) == 1 and not task.inputs[0].type and route.steps[0].inputs:
        task.inputs[0].type = route.steps[0].inputs[0][1]


def _refusal(s: State, principal: str, m: Submit, remaining_us: int, size: int) -> dict[str, object] | None:
    """Return why a new task is not accepted, or None. Cheap checks only: the gate of its route comes after."""
    h = m.header
    if not s.generation:
        return failure("planning_unavailable", "The conductor has no policy yet.", retry_after_ms=500)
    if s.draining:
        return failure("draining", retry_after_ms=2000)
    if h.labels & ~s.allowed_labels:
        return forbidden(s, h.labels)
    if h.task == NO_TASK or (m.key and h.task != task_id_for_key(m.key)):
        return failure(
            "bad_request", "The task id is zero, or is not the one that belongs to the idempotency key."
        )
    if h.priority >= PRIORITIES:
        return failure("bad_request", f"Priority {h.priority}: it must be from 0 to {PRIORITIES - 1}.")
    if remaining_us <= 0:
        return failure("expired", "The deadline had passed when the task arrived.")
    full = no_room(s, principal, size, h.priority, durable=bool(h.flags & Flag.DURABLE or m.key))
    if full is not None:
        return full
    if m.inputs and sum([count for _, _, count in m.inputs]) != len(m.body):
        return failure("bad_request", "The inputs do not account for every body frame.")
    if (m.inputs or m.capability or m.want or m.key) and senseless(
        m.capability, m.want, [(name, kind) for name, kind, _ in m.inputs], m.key
    ):
        return failure(
            "bad_request", "The names of what is asked for, or of its inputs, are too long or hold a zero."
        )
    return None


def _cannot_wait(s: State, task: Task, capability: Capability) -> dict[str, object] | None:
    """Return why a task may not be accepted that would have to wait for sites that cannot be reached, or None."""
    sites = elsewhere.permitted(s, task, capability, labels_of(task))
    return elsewhere.unreachable(s, task, capability, sites)


def split(inputs: Inputs, body: tuple[bytes, ...], labels: int) -> tuple[Value, ...]:
    """Return the values in a body; without named inputs it is one."""
    if not inputs:
        return (Value(body, labels, ""),)
    values = []
    at = 0
    for _, kind, count in inputs:
        values.append(Value(body[at : at + count], labels, kind))
        at += count
    return tuple(values)


def _name_of(s: State, number: int) -> str:
    return s.capability_names[number] if number < len(s.capability_names) else f"#{number}"


def _refuse(s: State, session: Session, h: Header, error: dict[str, object]) -> None:
    refuse(s, session.id, h, error)
