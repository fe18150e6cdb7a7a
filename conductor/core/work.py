"""What comes back from nodes: answers, refusals and silence, and what follows for the task."""

from __future__ import annotations

from conductor.core.actions import Send
from conductor.core.escalating import ask_further, conclude, pause_us, settle_for_less
from conductor.core.journey import Held
from conductor.core.keeping import keep_outcome, keep_step
from conductor.core.nodes import Node, Session
from conductor.core.outcome import attempt_header, failure, finish, forbidden, reject, tell
from conductor.core.place import arm, hedge, hold, labels_of, lease_until_us, offer, place
from conductor.core.provenance import provenance
from conductor.core.quarantine import proved
from conductor.core.retry_classes import shuts
from conductor.core.retrying import after_refusal, expire
from conductor.core.state import State
from conductor.core.states import TaskState, next_task
from conductor.core.tasks import Attempt, Task, Value
from hive.wire.messages import Answer, Flag, Header, Refuse, Revoke, Running

_EWMA = 0.2
_FOR_SILENCE = frozenset({"suspected", "node_lost", "node_silent", "link_lost", "conductor_restarted"})


def answered(s: State, session: Session, m: Answer) -> None:
    """Take an answer: the first of a live attempt closes its step, every other is recorded and dropped."""
    session.received += 1
    attempt = _returned(s, session, m.header)
    if attempt is None:
        return
    attempt.queued_us, attempt.run_us = m.queued_us, m.run_us
    node = attempt.node
    node.ewma_us += _EWMA * (m.run_us - node.ewma_us) if node.ewma_us else m.run_us
    _timed(s, attempt)
    if node.probation:
        proved(s, node)
    attempt.provenance = m.provenance
    task = attempt.task
    if task.settled or attempt.number not in task.live:
        attempt.ended = "late"
        s.count("answers_late")
        s.note("late", task.id, attempt.number, node.id)
    else:
        attempt.ended = "answered"
        _close_step(s, task, attempt, m)
    offer(s, node)


def refused(s: State, session: Session, m: Refuse) -> None:
    """Take a node's refusal of an attempt, and try elsewhere where that can help."""
    session.received += 1
    attempt = _returned(s, session, m.header)
    if attempt is None:
        return
    task = attempt.task
    s.count("attempts_refused")
    was_live = task.live.pop(attempt.number, None) is not None
    if attempt.ended == "superseded" and m.code == "cancelled":
        _timed(s, attempt)  # it was slow enough for another to answer first
    attempt.ended = attempt.ended or f"refused:{m.code}"
    if shuts(m.code):
        node = attempt.node
        node.shut(s.now_us + (s.settings.retry_delay_us if node.peer is None else pause_us(s, m)))
    if was_live and not task.settled:
        s.note("refused", task.id, attempt.number, attempt.node.id, m.code)
        after_refusal(s, task, attempt, m)
    offer(s, attempt.node)


def running(s: State, session: Session, m: Running) -> None:
    """Allow a node to be silent for as long as its run may take."""
    if session.node is not None:
        session.node.beats.announced(s.awake_us, m.bound_us)


def move(s: State, attempt: Attempt, why: str) -> None:
    """Try an attempt's step elsewhere. It stays live, as it may still answer first, unless it was handed back."""
    task = attempt.task
    attempt.ended = why
    if task.settled or attempt.number not in task.live:
        return
    s.count("moves")
    s.note("moved", task.id, attempt.number, attempt.node.id, why)
    if task.watchers:
        tell(s, task.watchers, "moved", attempt=attempt.number, node=attempt.node.id, why=why)
    task.tried.add(attempt.node.id)
    if why == "handed_back":
        del task.live[attempt.number]
        s.take_attempt(attempt)
    elif why == "forbidden":
        del task.live[attempt.number]  # what it says comes too late; its slot is taken until it says so
    elif attempt.node.peer is not None and settle_for_less(s, task, attempt.node.site):
        return
    elif why == "node_silent":
        task.silences += 1
    elif why == "node_lost":
        attempt.kill = True
        task.kills += 1
        if task.queued and task.kills >= s.settings.kills_max:
            hold(s, task)
    if all(other.ended for other in task.live.values()) and not task.queued:
        place(s, task)


def recall(s: State, node: Node, allowed: int) -> None:
    """Take back what a node holds and its site may have no longer, and try it elsewhere."""
    for attempt in list(node.attempts.values()):
        task = attempt.task
        if attempt.number in task.live and labels_of(task) & ~allowed:
            take_back(s, attempt)


def take_back(s: State, attempt: Attempt) -> None:
    """Revoke an attempt whose data may not be there any more, and try it elsewhere."""
    s.actions.append(Send(attempt.node.session, Revoke(attempt_header(s, attempt), "label_forbidden")))
    move(s, attempt, "forbidden")


def acquit(s: State, node: Node) -> None:
    """A node is back that was only cut off: what it ran then did not take it down."""
    for number in node.lost_with:
        attempt = s.attempts.get(number)
        if attempt is None or attempt.number not in attempt.task.live:
            continue
        task = attempt.task
        attempt.kill = False
        task.kills -= 1
        if task.held and task.kills < s.settings.kills_max:
            task.retry_us = s.now_us  # it waited for just this
            arm(s, task)


def resume(s: State, attempt: Attempt) -> None:
    """A node that was cut off or silent still holds an attempt: it may go on, and is not repeated there."""
    task = attempt.task
    if task.settled or attempt.number not in task.live or attempt.ended not in _FOR_SILENCE:
        return
    task.silences -= attempt.ended == "node_silent"
    attempt.ended = ""
    attempt.lease_us = lease_until_us(s, task, attempt.node)
    s.unqueue(task)
    task.retry_us = 0
    task.held = False
    task.state = next_task(task.state, "placed")
    arm(s, task)


def task_due(s: State, task: Task) -> None:
    """Act on a task's timer: its deadline, a pause that is over, or a lease that ran out."""
    now = s.now_us
    if task.settled:
        if task.state is TaskState.CLOSING and task.retry_us and now >= task.retry_us:
            task.retry_us = 0
            keep_outcome(s, task, provenance(task, s.site))
        return
    if now >= task.deadline_us:
        if task.state is TaskState.PLANNING:
            reject(s, task, failure("expired", "The deadline passed before the task was accepted."))
        else:
            expire(s, task)
        return
    if task.retry_us and now >= task.retry_us:
        task.retry_us = 0
        if task.state is TaskState.PLANNING:
            reject(s, task, failure("planning_unavailable", retry_after_ms=1000))
        elif task.held and task.kills >= s.settings.kills_max:
            down = ", ".join(a.node.id for a in task.attempts if a.kill)
            detail = f"{task.kills} nodes went down while they ran it: {down}."
            finish(s, task, TaskState.DEAD_LETTERED, failure("dead_lettered", detail))
        else:
            task.held = False
            place(s, task)
        return
    if task.hedge_us and now >= task.hedge_us:
        task.hedge_us = 0
        hedge(s, task)
    for attempt in [a for a in task.live.values() if not a.ended and s.awake_us >= a.lease_us]:
        attempt.node.faults += 1
        s.actions.append(Send(attempt.node.session, Revoke(attempt_header(s, attempt), "lease_expired")))
        move(s, attempt, "lease_expired")
    if not task.settled:
        arm(s, task)


def _timed(s: State, attempt: Attempt) -> None:
    """Learn from an attempt's end how long a node of this site takes, queueing and the way there included."""
    node = attempt.node
    if node.peer is None and attempt.epoch == s.epoch:
        capability = s.capabilities.get(node.offer.capability)
        if capability is not None:
            capability.hedging.took(s.now_us - attempt.started_us)


def _returned(s: State, session: Session, h: Header) -> Attempt | None:
    """Return the attempt that a node hands back, its slot freed; None for what this conductor never gave it."""
    attempt = s.attempt_of(h.epoch, h.attempt)
    node = session.node
    # The same boot, not the same name: another boot may run another model, which was granted other things.
    if attempt is not None and session.peer is not None and attempt.node.peer is session.peer:
        node = attempt.node
    if attempt is None or node is None or attempt.node is not node:
        s.count("answers_stale")
        return None
    s.take_attempt(attempt)
    if node.attempts.pop(attempt.number, None) is not None:
        node.inflight -= 1
        if not node.inflight:
            node.exclusive = False
    return attempt


def _close_step(s: State, task: Task, attempt: Attempt, m: Answer) -> None:
    node = attempt.node
    steps = task.route.steps  # type: ignore[union-attr]
    step = steps[task.at]
    del task.live[attempt.number]
    if attempt.hedge:
        s.count("hedges_won")
    for other in task.live.values():
        other.ended = other.ended or "superseded"
        s.actions.append(Send(other.node.session, Revoke(attempt_header(s, other), "answered elsewhere")))
    task.live.clear()
    s.unqueue(task)
    labels = labels_of(task) & ~(m.removed & node.removes)
    if node.peer is not None:
        said = node.peer.translated(m.header.labels)
        labels |= said if said is not None else 0
        if said is None or labels & ~s.allowed_labels:
            error = forbidden(s, labels, " (an answer)") if said is not None else _unknown_label(node)
            finish(s, task, TaskState.FAILED, error)
            return
    if not labels:
        # What carries no label any more is as unlabelled as what came without one: the site's default applies.
        labels = task.route.default_labels  # type: ignore[union-attr]
        if labels & ~s.allowed_labels:  # it did when the task was planned
            finish(s, task, TaskState.FAILED, forbidden(s, labels, " any more"))
            return
    unsure = task.unsure or bool(m.header.flags & Flag.UNSURE)
    confidence = m.confidence if task.at == 0 else min(task.confidence, m.confidence)
    if task.at + 1 == len(steps):
        held = Held(m.body, labels, confidence, unsure or m.confidence < task.min_confidence)
        if not held.unsure or node.peer is not None or not ask_further(s, task, held):
            conclude(s, task, held)
        return
    task.unsure, task.confidence = unsure, confidence
    task.outputs.append(Value(m.body, labels, step.output))
    if task.durable:
        keep_step(s, task)
    size = sum(map(len, m.body))
    task.bytes += size
    s.open_bytes += size
    task.at += 1
    task.tried.clear()
    s.capability(steps[task.at].capability).earn(s.settings)
    # Who answered was not taken down; what waited for that, waits no longer.
    task.kills = task.silences = task.retry_us = 0
    task.held = False
    task.failures = 0
    task.state = next_task(task.state, "next_step")
    place(s, task)


def _unknown_label(node: Node) -> dict[str, object]:
    detail = f"The answer of {node.site!r} carries a label that this site does not know."
    return failure("label_forbidden", detail, rule="policy.sites", site=node.site)
