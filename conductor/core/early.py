"""Durable submissions that come before there is a policy, which a conductor has a moment after its start.

A caller whose conductor was killed asks the next one again. The store may have the task already; what it has are tasks
again only once there is a policy, so a refusal before that could be untrue: it waits.
"""

from __future__ import annotations

from typing import NamedTuple

from conductor.core.nodes import Session
from conductor.core.outcome import failure, refuse
from conductor.core.state import State
from hive.wire.messages import Flag, Submit


class Early(NamedTuple):
    """A submission that waits for the policy, and until when."""

    until_us: int
    session: int
    message: Submit


def kept(s: State, session: Session, m: Submit) -> bool:
    """Keep a durable submission until there is a policy; False if it promises nothing, or if there is no room."""
    size = sum(map(len, m.body))
    settings, waiting = s.settings, s.ledger.early
    if not (m.header.flags & Flag.DURABLE or m.key):
        return False
    if len(waiting) >= settings.queue_max_tasks or s.ledger.early_bytes + size > settings.queue_max_bytes:
        return False
    s.ledger.early_bytes += size
    waiting.append(Early(s.now_us + settings.planning_timeout_us, session.id, m))
    return True


def taken(s: State) -> list[tuple[Session, Submit]]:
    """Return what can go on now that there is a policy, of those who are still there, in the order of coming."""
    waiting = list(s.ledger.early)
    s.ledger.early.clear()
    s.ledger.early_bytes = 0
    return [(session, e.message) for e in waiting if (session := s.sessions.get(e.session)) is not None]


def give_up(s: State) -> None:
    """Refuse what has waited for as long as a task may wait to be planned."""
    waiting = s.ledger.early
    while waiting and waiting[0].until_us <= s.now_us:
        early = waiting.popleft()
        s.ledger.early_bytes -= sum(map(len, early.message.body))
        if early.session in s.sessions:
            error = failure("planning_unavailable", "The conductor has no policy yet.", retry_after_ms=1000)
            refuse(s, early.session, early.message.header, error)


def due_us(s: State) -> int:
    """Return when the first of those that wait has waited for too long."""
    return s.ledger.early[0].until_us
