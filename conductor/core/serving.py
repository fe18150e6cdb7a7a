"""Work that another site's conductor gives us becomes a task of our own, once our own gate has let it in."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from conductor.core.elsewhere import HOPS_MAX
from conductor.core.giving import refuse_work
from conductor.core.giving import withdraw_forbidden as withdraw_answers
from conductor.core.intake import open_task, split
from conductor.core.nodes import Session
from conductor.core.outcome import failure, finish, reject
from conductor.core.peers import Peer
from conductor.core.planning import senseless
from conductor.core.records import OWNER
from conductor.core.room import no_room
from conductor.core.state import State
from conductor.core.states import TaskState
from conductor.core.tasks import PRIORITIES, RouteKey, Task
from hive.gate import Crossing
from hive.ids import TaskId
from hive.wire.messages import NO_DEADLINE_US, AttemptRef, Flag, Header, Revoke, Work

_OPEN_MAX: Final = 2_048
"""With the answers that are kept (peers.UNACKED_MAX) no more than a HELLO or a WELCOME can name."""
_PRINCIPAL_MAX: Final = 256


def given(s: State, session: Session, m: Work) -> None:
    """Take an attempt of a linked site, or refuse it; the body of one that is refused is dropped here and now."""
    peer = session.peer
    assert peer is not None, "a link's session has its peer"
    h = m.header
    ref = (h.epoch, h.attempt)
    if ref in peer.held or ref in peer.outbox:
        s.count("duplicates")
        return
    labels = peer.translated(h.labels)
    error = _malformed(s, peer, m) or _forbidden(s, peer, m, labels) or _no_room(s, peer, m)
    if error is not None or labels is None:
        refuse_work(s, peer, h, error or failure("label_forbidden"))
        return
    task = _task(s, session, peer, m, labels)
    if (task.principal, task.id) in s.tasks:  # no conductor asks again for what it has acknowledged
        s.count("duplicates")
        refuse_work(
            s, peer, h, failure("bad_request", "This attempt was answered already, and that acknowledged.")
        )
        return
    peer.held[ref] = task
    s.count("bytes_taken_from_sites", task.bytes)
    open_task(s, task, s.routes.get(task.route_key))


def revoked(s: State, session: Session, m: Revoke) -> None:
    """The site that gave an attempt wants it no longer; it hears so when it is over."""
    peer = session.peer
    task = peer.held.get((m.header.epoch, m.header.attempt)) if peer is not None else None
    if task is not None and not task.settled:
        finish(s, task, TaskState.CANCELLED, failure("cancelled", m.reason))


def unwanted(s: State, peer: Peer, ref: AttemptRef) -> None:
    """Forget an attempt that the site, when it came back, no longer knew."""
    task = peer.held.pop(ref, None)
    if task is None or task.settled:
        return
    if task.journey is not None:
        task.journey.giver = None
    finish(s, task, TaskState.CANCELLED, failure("cancelled", f"{peer.site!r} no longer wants it."))


def withdraw_forbidden(s: State) -> None:
    """Let go of tasks of linked sites that policy would not let in any more, and of answers that are kept for them."""
    for peer in s.peers.values():
        withdraw_answers(s, peer)
        for task in list(peer.held.values()):
            journey = task.journey
            if task.settled or journey is None:
                continue
            way = (peer.site, s.site, journey.via[0], journey.asker, task.capability)
            passed = s.gate.asks(Crossing(*way, journey.escalated), task.labels)
            if passed.allowed:
                continue
            names = list(s.label_table.unpack(passed.labels))
            detail = f"{passed.reason} any more, by {passed.rule!r}."
            error = failure(passed.code, detail, rule=passed.rule, site=s.site, labels=names)
            if task.state is TaskState.PLANNING:
                reject(s, task, error)
            else:
                finish(s, task, TaskState.FAILED, error)


def _task(s: State, session: Session, peer: Peer, m: Work, labels: int) -> Task:
    h = m.header
    remaining = s.settings.default_deadline_us
    if h.remaining_us != NO_DEADLINE_US:
        remaining = h.remaining_us - session.delay.queued_us(h.sent_us, s.now_us)
    # Attempts of one task are tasks of their own here: they may overlap, and each is answered for itself.
    words = b"%s %d %d %d" % (bytes(h.task), h.step, h.epoch, h.attempt)
    ident = TaskId(blake2b(words, digest_size=16).digest())
    # Whether it may wait here for a site beyond, which cannot be reached, is what its own site was told.
    flags = Flag.HOLD | h.flags & Flag.DURABLE if h.flags & (Flag.HOLD | Flag.DURABLE) else 0
    header = h._replace(flags=flags, step=0, epoch=0, attempt=0, labels=labels, capability=0, task=ident)
    task = Task(ident, OWNER + peer.site, header, s.now_us)
    task.deadline_us = s.now_us + remaining
    task.durable = bool(flags & Flag.DURABLE)
    task.capability = m.capability
    task.min_confidence = m.min_confidence
    task.labels = labels
    task.bytes = sum(map(len, m.body))
    journey = task.travels()
    journey.via, journey.asker, journey.giver = m.via, m.principal, (peer, h)
    journey.escalated = m.unsure
    named = tuple((name, kind) for name, kind, _ in m.inputs)
    key: RouteKey = (m.capability, "", named, labels, m.principal, m.via)
    task.route_key = key
    task.inputs = split(m.inputs, m.body, labels)
    return task


def _malformed(s: State, peer: Peer, m: Work) -> dict[str, object] | None:
    """Refuse what no conductor of ours would send."""
    if not m.capability or not m.via or m.via[-1] != peer.site or len(set(m.via)) != len(m.via):
        return failure("bad_request", "WORK between sites names the capability and the way that it came.")
    if s.site in m.via or len(m.via) > HOPS_MAX:
        way = " > ".join((*m.via, s.site))
        return failure("loop", f"The task has passed {way}.", site=s.site, rule="loop")
    if m.header.priority >= PRIORITIES or len(m.principal) > _PRINCIPAL_MAX:
        return failure("bad_request", f"Priority {m.header.priority}, or a name that is too long.")
    if senseless(m.capability, "", [(name, kind) for name, kind, _ in m.inputs]):
        return failure(
            "bad_request", "The names of what is asked for, or of its inputs, are too long or hold a zero."
        )
    if m.inputs and sum(count for _, _, count in m.inputs) != len(m.body):
        return failure("bad_request", "The inputs do not account for every body frame.")
    return None


def _forbidden(s: State, peer: Peer, m: Work, labels: int | None) -> dict[str, object] | None:
    if labels is None:
        detail = f"{peer.site!r} sent a label that {s.site!r} does not know."
        return failure("label_forbidden", detail, rule="policy.sites", site=s.site, labels=[])
    passed = s.gate.asks(_crossing(s, peer, m), labels)
    if passed.allowed:
        return None
    names = list(s.label_table.unpack(passed.labels))
    said = ", ".join(names) + ": " if names else ""
    detail = f"{said}{passed.reason}, by {passed.rule!r}."
    return failure(passed.code, detail, rule=passed.rule, site=s.site, labels=names)


def _crossing(s: State, peer: Peer, m: Work) -> Crossing:
    return Crossing(peer.site, s.site, m.via[0], m.principal, m.capability, m.unsure)


def _no_room(s: State, peer: Peer, m: Work) -> dict[str, object] | None:
    h: Header = m.header
    if len(peer.held) >= _OPEN_MAX:
        return failure("credit_exceeded", f"{len(peer.held)} attempts of {peer.site!r} are open here.")
    if h.remaining_us == 0:
        return failure("expired", "The deadline had passed when the task arrived.")
    durable = bool(h.flags & Flag.DURABLE)
    return no_room(s, OWNER + peer.site, sum(map(len, m.body)), h.priority, durable=durable)
