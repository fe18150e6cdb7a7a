"""Handing a task's end back to the peer conductor that gave it to us, through the gate like everything that leaves."""

from __future__ import annotations

from collections.abc import Iterable

from conductor.core.actions import Send
from conductor.core.journey import Crossed, Journey
from conductor.core.keeping import forget_task
from conductor.core.peers import UNACKED_MAX, UNACKED_MAX_BYTES, Peer
from conductor.core.records import OWNER
from conductor.core.state import State
from conductor.core.states import TaskState
from conductor.core.tasks import Task
from hive.core.outbox import Reply
from hive.gate import Pass
from hive.wire.messages import NO_DEADLINE_US, Answer, AttemptRef, Flag, Header, Kind, Refuse


def give_back(s: State, task: Task, journey: Journey, provenance: bytes) -> None:
    """Answer the attempt of the peer that asked, or refuse it with the task's error; kept until acknowledged."""
    if journey.giver is None:
        return
    peer, asked = journey.giver
    journey.giver = None
    ref = (asked.epoch, asked.attempt)
    if peer.held.pop(ref, None) is None:
        return  # nobody wants it any more
    passed = may_return(s, peer, task.labels)
    if task.withdrawn:
        reply: Reply = _refusal(s, asked, {**task.withdrawn, "code": "label_forbidden"})  # there it fails
    elif task.state is not TaskState.DONE:
        reply = _refusal(s, asked, task.error)
    elif not passed.allowed:
        names = list(s.label_table.unpack(passed.labels))
        detail = f"The answer may not go back to {peer.site!r}: {passed.reason}, by {passed.rule!r}."
        error = {"code": "label_forbidden", "detail": detail, "rule": passed.rule, "site": peer.site}
        reply = _refusal(s, asked, {**error, "labels": names})
    else:
        run_us = task.closed_us - task.created_us
        header = _header(s, asked, Flag.UNSURE if task.unsure else 0, task.labels)
        reply = Answer(header, task.confidence, 0, 0, run_us, task.result, provenance)
    say(s, peer, ref, reply)


def refuse_work(s: State, peer: Peer, asked: Header, error: dict[str, object]) -> None:
    """Refuse an attempt that was never taken in."""
    s.count("peer_work_refused")
    say(s, peer, (asked.epoch, asked.attempt), _refusal(s, asked, error))


def say(s: State, peer: Peer, ref: tuple[int, int], reply: Reply) -> None:
    """Keep a reply until it is acknowledged, and send it if the link is up."""
    peer.outbox.add(ref, reply)
    trimmed = peer.outbox.trim(UNACKED_MAX, UNACKED_MAX_BYTES)
    s.count("replies_forgotten", len(trimmed))
    forget(s, peer, trimmed)
    if peer.welcomed and peer.session is not None:
        s.actions.append(Send(peer.session.id, reply))


def forget(s: State, peer: Peer, refs: Iterable[AttemptRef]) -> None:
    """Let the store forget tasks of a linked site that has its answers, or does not want them."""
    for ref in refs:
        task = peer.stored.pop(ref, None)
        if task is not None:
            forget_task(s, OWNER + peer.site, task)


def withdraw_forbidden(s: State, peer: Peer) -> None:
    """Drop the bodies of kept answers that may be here or there no longer; the other side hears a refusal instead."""

    def checked(reply: Reply) -> Reply:
        if not isinstance(reply, Answer):
            return reply
        labels = reply.header.labels
        for site, passed in (
            (s.site, s.gate.may_be_at(s.site, labels)),
            (peer.site, may_return(s, peer, labels)),
        ):
            if not passed.allowed:
                names = list(s.label_table.unpack(passed.labels))
                detail = f"The answer may be at {site!r} no longer, by {passed.rule!r}."
                error = {"code": "label_forbidden", "detail": detail, "rule": passed.rule, "site": site}
                return _refusal(s, reply.header, {**error, "labels": names})
        return reply

    peer.outbox.rewrite(checked)


def may_return(s: State, peer: Peer, labels: int) -> Pass:
    """Ask whether an answer with these labels may be at the peer's site, by our policy and by what it says itself."""
    passed = s.gate.may_be_at(peer.site, labels)
    if passed.allowed and peer.hello is not None:
        accepts = sum(1 << bit for bit, name in enumerate(s.label_table.names) if name in peer.hello.accepts)
        if labels & ~accepts:
            return Pass(False, passed.rule, f"{peer.site!r} does not take it", labels & ~accepts)
    return passed


def returned(s: State, task: Task, journey: Journey) -> Crossed | None:
    """Return the crossing of a task's answer back to the site that asked."""
    if journey.giver is None or task.state is not TaskState.DONE or task.withdrawn:
        return None
    peer = journey.giver[0]
    passed = may_return(s, peer, task.labels)
    names = s.label_table.unpack(task.labels)
    return (
        Crossed(s.site, peer.site, names, sum(map(len, task.result)), passed.rule) if passed.allowed else None
    )


def _header(s: State, asked: Header, flags: int, labels: int) -> Header:
    return asked._replace(flags=flags, remaining_us=NO_DEADLINE_US, sent_us=s.now_us, labels=labels)


def _refusal(s: State, asked: Header, error: dict[str, object]) -> Refuse:
    context = {key: value for key, value in error.items() if key not in ("code", "detail")}
    return Refuse(
        _header(s, asked, 0, 0), str(error["code"]), str(error.get("detail", "")), int(Kind.WORK), context
    )
