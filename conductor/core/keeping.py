"""What is kept of a durable task, and when: each change of it that a restart must know becomes a record.

Nothing here waits: `_persist` notes who is to be told of the commit, and the task's state says what follows from that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from conductor.core.actions import Persist
from conductor.core.records import (
    UNHEARD,
    Body,
    Dropped,
    Finished,
    Insisted,
    Met,
    Purged,
    Record,
    Started,
    Stepped,
    Submitted,
)
from hive.ids import TaskId
from hive.wire.codec import encode, pack_document

if TYPE_CHECKING:
    from conductor.core.journey import Journey
    from conductor.core.nodes import Node
    from conductor.core.state import State
    from conductor.core.tasks import Attempt, PlanStep, Task, Value

_MET_MAX: Final = 10_000


def keep_submission(s: State, task: Task) -> None:
    """Ask for a task to be made durable; its commit is the promise."""
    if task.journey is not None and task.journey.giver is not None:
        peer, asked = task.journey.giver
        peer.stored[asked.epoch, asked.attempt] = task.id
    step_names = [name for name, _, _ in task.route.steps[0].inputs] if task.route else []
    names = [name for name, _ in task.route_key[2]] or step_names or [""]
    inputs = tuple(_body(s, name, value) for name, value in zip(names, task.inputs, strict=False))
    record = Submitted(
        task.principal,
        task.id,
        task.key,
        task.request,
        task.capability,
        s.label_table.unpack(task.labels),
        task.created_us,
        task.deadline_us,
        pack_document(_document(s, task)),
        inputs,
    )
    s.ledger.bytes += task.bytes
    _persist(s, task, record)


def keep_attempt(s: State, task: Task, attempt: Attempt) -> None:
    """Write down who works on a step, so that a restart can let them finish. Nobody waits for that."""
    node = attempt.node
    crossed = task.journey.crossed[-1] if node.peer is not None and task.journey is not None else None
    record = Started(
        task.principal,
        task.id,
        attempt.step,
        attempt.epoch,
        attempt.told,
        node.id,
        node.site,
        node.hello.incarnation,
        task.kills,
        task.failures,
        pack_document(tuple(crossed)) if crossed is not None else b"",
    )
    s.actions.append(Persist(UNHEARD, record))


def keep_step(s: State, task: Task) -> None:
    """Write down the output of the step that was answered last. Nobody waits for that: it can be made again."""
    document = pack_document({"confidence": task.confidence, "unsure": task.unsure})
    step = len(task.outputs) - 1
    output = _body(s, "", task.outputs[step])
    s.actions.append(Persist(UNHEARD, Stepped(task.principal, task.id, step, output, document)))


def keep_outcome(s: State, task: Task, provenance: bytes) -> None:
    """Ask for the outcome of a task to be made durable; it is visible only then."""
    document = {
        "error": task.error,
        "confidence": task.confidence,
        "unsure": task.unsure,
        "provenance": provenance,
    }
    labels = s.label_table.unpack(task.labels)
    done = str(task.final) == "done"
    record = Finished(
        task.principal,
        task.id,
        str(task.final),
        str(task.error.get("code", "")),
        task.closed_us,
        pack_document(document),
        Body("", task.result_type, labels, task.result) if done and not task.withdrawn else None,
    )
    _persist(s, task, record)


def forget_task(s: State, principal: str, task: TaskId) -> None:
    """Let the store forget a task; asked again until it has."""
    insist(s, Dropped(principal, task))


def purge_forbidden(s: State) -> None:
    """Let the store delete every body that may not be at this site by the policy of now."""
    insist(s, Purged(s.label_table.unpack(s.allowed_labels)))


def keep_acquaintance(s: State, node: Node) -> None:
    """Write down what a node or a linked site was granted, unless that is what is written already."""
    hello = node.hello
    words = (hello.role, hello.site, hello.offers)
    if s.ledger.met.get(node.id) == words:
        return
    if len(s.ledger.met) >= _MET_MAX:
        s.ledger.met.clear()
    s.ledger.met[node.id] = words
    plain = replace(hello, token="", held=(), unacked=())
    insist(s, Met(node.id, pack_document(encode(plain))))


def insist(s: State, record: Insisted) -> None:
    """Write a record that no task waits for, again and again until it is committed or a newer one takes its place."""
    token, about = _token(s), _about(record)
    s.ledger.failed.pop(about, None)
    s.ledger.newest[about] = token
    s.ledger.insisted[token] = record
    s.actions.append(Persist(token, record))


def decided(s: State, token: int, *, kept: bool) -> None:
    """Note what became of a record that no task waits for."""
    record = s.ledger.insisted.pop(token)
    about = _about(record)
    if s.ledger.newest.get(about) != token:
        return
    del s.ledger.newest[about]
    if not kept:
        s.ledger.failed[about] = record


def repeat_failed(s: State) -> None:
    """Write once more what the store could not commit before."""
    for record in list(s.ledger.failed.values()):
        insist(s, record)


def _about(record: Insisted) -> object:
    """Return what a record is about: of two about the same, the later counts."""
    match record:
        case Dropped():
            return (record.principal, record.task)
        case Purged():
            return Purged
        case Met():
            return record.name


def _persist(s: State, task: Task, record: Record) -> None:
    token = _token(s)
    s.ledger.persisting[token] = (task, task.state)
    s.actions.append(Persist(token, record))


def _token(s: State) -> int:
    token = s.next_token
    s.next_token += 1
    return token


def _body(s: State, name: str, value: Value) -> Body:
    return Body(name, value.type, s.label_table.unpack(value.labels), value.frames)


def _document(s: State, task: Task) -> dict[str, object]:
    """Return what of a submission only recovery reads."""
    h = task.header
    steps = task.route.steps if task.route else ()
    document: dict[str, object] = {
        "flags": h.flags,
        "priority": h.priority,
        "trace": (h.trace_id, h.span_id, h.trace_flags),
        "want": task.route_key[1],
        "named": bool(task.route_key[2]),
        "min_confidence": task.min_confidence,
        "plan": [_step(s, step) for step in steps],
        "defaults": s.label_table.unpack(task.route.default_labels) if task.route else (),
    }
    if task.journey is not None and task.journey.giver is not None:
        document["given"] = _given(task.journey)
    return document


def _step(s: State, step: PlanStep) -> dict[str, object]:
    unpack = s.label_table.unpack
    return {
        "capability": step.capability,
        "output": step.output,
        "inputs": step.inputs,
        "labels": unpack(step.labels),
        "removes": unpack(step.removes),
        "rule": step.rule,
        "why": step.why,
        "sites": step.sites,
    }


def _given(journey: Journey) -> dict[str, object]:
    assert journey.giver is not None, "asked of a task that a linked site gave"
    peer, h = journey.giver
    return {
        "site": peer.site,
        "task": h.task,
        "attempt": (h.step, h.epoch, h.attempt, h.priority, h.hops),
        "via": journey.via,
        "asker": journey.asker,
        "escalated": journey.escalated,
    }
