"""Submissions that were seen before, and those who wait for or watch the same task: one task, one outcome for all."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from conductor.core.actions import Send
from conductor.core.nodes import Session
from conductor.core.outcome import failure, refuse, reject, release, tell, tell_outcome
from conductor.core.records import Stored
from conductor.core.recovery import owe
from conductor.core.state import State
from conductor.core.states import TaskState, shown
from conductor.core.tasks import Task
from hive.wire.messages import Flag, Header, Receipt, Submit

_UNDECIDED: Final = (TaskState.PLANNING, TaskState.ACCEPTING, TaskState.CLOSING)
"""Where it may still turn out that the store does not have a task, so that there is no receipt of it."""
_LISTENERS_MAX: Final = 1_000
"""How many may wait for one task, or watch it."""


def again(s: State, session: Session, task: Task, m: Submit, capability: str) -> None:
    """Answer a submission that was seen before: a lost connection or a repeated idempotency key."""
    h = m.header
    if (task.key or m.key) and (m.key != task.key or fingerprint(s, m, capability) != task.request):
        refuse(
            s, session.id, h, failure("key_conflict", f"The key {m.key!r} was used for a different request.")
        )
    elif h.flags & Flag.DURABLE and not task.durable:
        detail = (
            f"Task {task.id.hex()} was submitted as one that is not durable; a durable one needs its own id."
        )
        refuse(s, session.id, h, failure("key_conflict", detail))
    elif task.closed and h.flags & Flag.WAIT:
        tell_outcome(s, session.id, task, h)
    elif h.flags & Flag.WAIT or task.state in _UNDECIDED:
        listens(s, session, task.waiters, h)
    else:
        s.acknowledged(task)
        s.actions.append(Send(session.id, Receipt(h._replace(sent_us=s.now_us), shown(task.state))))


def known(s: State, task: Task, stored: Stored) -> bool:
    """Take a submission that the store had before: its outcome if the same was asked, else a conflict.

    What was decided of it meanwhile does not count against the outcome that there was. Return True if it has none yet,
    as a task that was to be forgotten: it goes on as an accepted one.
    """
    ended = stored.finished
    if (task.key or stored.submitted.key) and task.request != stored.submitted.request:
        error = failure("key_conflict", f"The key {task.key!r} was used for a different request.")
        reject(s, task, error)
    elif ended is None:
        task.kept = True
        return not task.settled
    else:
        if not task.settled:
            release(s, task)
        s.timers.cancel(task)
        s.ledger.closed(task)
        listeners, watchers, settled = task.waiters, task.watchers, task.settled
        task.state = TaskState.REFUSED  # this one is none: it gives way to the one that the store has
        task = owe(s, stored)
        for session, header in listeners:
            if settled or header.flags & Flag.WAIT:
                tell_outcome(s, session, task, header)
            else:
                s.actions.append(Send(session, Receipt(header._replace(sent_us=s.now_us), shown(task.state))))
        for session, header in watchers:
            tell(s, [(session, header)], shown(task.state))
            tell_outcome(s, session, task, header)
    return False


def fingerprint(s: State, m: Submit, capability: str) -> bytes:
    """Return a digest of what was asked, to tell a repeated request from another under the same key.

    It outlives a restart, after which policy may number its labels in another way: they count by name.
    """
    labels = sorted(s.label_table.unpack(m.header.labels))
    digest = blake2b(f"{capability}\0{m.want}\0{m.inputs}\0{labels}".encode(), digest_size=16)
    for frame in m.body:
        digest.update(len(frame).to_bytes(8, "little") + frame)
    return digest.digest()


def listens(s: State, session: Session, listeners: list[tuple[int, Header]], h: Header) -> bool:
    """Add a caller to those who wait for a task or watch it; a repeated request takes its own place again."""
    if h.attempt:
        listeners[:] = [(who, old) for who, old in listeners if (who, old.attempt) != (session.id, h.attempt)]
    if len(listeners) >= _LISTENERS_MAX:
        listeners[:] = [(who, old) for who, old in listeners if who in s.sessions]
    if len(listeners) >= _LISTENERS_MAX:
        many = f"{len(listeners)} requests wait for task {h.task.hex()} already."
        refuse(s, session.id, h, failure("queue_full", many, retry_after_ms=1000))
        return False
    listeners.append((session.id, h))
    return True
