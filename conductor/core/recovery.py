"""What an earlier start left becomes tasks again: unfinished ones go on, finished ones can be asked for.

The store is read before anything else, but labels mean nothing before there is a policy: tasks come back with the
first generation, and nodes that greet earlier wait until then. An attempt of an earlier epoch is fenced, except where
the node that has it says so itself, is the same boot with the same model, and the attempt is still the step's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from conductor.core.giving import give_back
from conductor.core.journey import Crossed
from conductor.core.nodes import NO_OFFER, Node
from conductor.core.outcome import failure, finish, forbidden
from conductor.core.peers import Peer
from conductor.core.place import arm, place
from conductor.core.records import Body, Met, Recovery, Started, Stored
from conductor.core.state import State
from conductor.core.states import NodeState, TaskState
from conductor.core.tasks import Attempt, PlanStep, Route, Task, Value
from hive.errors import HiveError
from hive.ids import TaskId
from hive.wire.codec import decode, unpack_document
from hive.wire.messages import EMPTY, Header, Hello

RESTARTED: Final = "conductor_restarted"
"""How an attempt ended, as far as is known, that an earlier start of this conductor gave."""
_DOCUMENT_MAX: Final = 4 << 20
Document = Mapping[str, object]


def recovered(s: State, found: Recovery) -> None:
    """Take in what the store held. Control hears at once who was known; the tasks wait for a policy."""
    s.ledger.recovery = found
    for met in found.met:
        node = _acquaintance(s, met)
        if node is not None:
            s.away[node.id] = node
            s.ledger.met[node.id] = (node.hello.role, node.hello.site, node.hello.offers)


def reopen(s: State) -> None:
    """Go on with unfinished tasks, now that there is a policy, and with the answers that linked sites are owed."""
    found, s.ledger.recovery = s.ledger.recovery, None
    if found is None:
        return
    for stored in found.owed:
        _owe(s, stored)
    for stored in found.open:
        _reopen(s, stored)
    s.note("recovered", len(found.open), len(found.owed), len(found.met))


def revive(s: State, stored: Stored) -> Task:
    """Return a finished task of the store as one that can be read, and keep it among those."""
    task = _task(s, stored)
    ended = stored.finished
    assert ended is not None, "only what is finished can be read"
    document = _unpacked(ended.document)
    task.state = TaskState(ended.state)
    task.final = task.state
    task.closed_us = ended.closed_us
    task.error = dict(cast("Document", document.get("error") or {}))
    task.confidence = cast("float", document.get("confidence", 0.0))
    task.unsure = bool(document.get("unsure"))
    task.provenance = cast("bytes", document.get("provenance", b""))
    task.inputs = ()
    if task.state is TaskState.DONE:
        _take_result(s, task, ended.result)
    task.bytes = sum(map(len, task.result))
    s.tasks[task.principal, task.id] = task
    s.finished.append(task)
    s.finished_bytes += task.bytes
    return task


def _take_result(s: State, task: Task, result: Body | None) -> None:
    if result is None:
        task.withdrawn = failure(
            "label_forbidden",
            "The result was deleted when policy changed.",
            rule=s.site_rule,
            site=s.site,
        )
        return
    labels = _mask(s, result.labels)
    if labels is None or labels & ~s.allowed_labels:
        task.withdrawn = forbidden(s, labels or 0, " any more")
        return
    task.labels, task.result, task.result_type = labels, result.frames, result.type


def _owe(s: State, stored: Stored) -> None:
    """Keep an answer for the linked site that gave the task, until it acknowledges it."""
    task = revive(s, stored)
    giver = task.journey.giver if task.journey is not None else None
    if giver is None or task.journey is None:
        return
    peer, header = giver
    peer.held[header.epoch, header.attempt] = task
    give_back(s, task, task.journey, task.provenance)


def _reopen(s: State, stored: Stored) -> None:
    task = _task(s, stored)
    values = [*task.inputs, *task.outputs]
    s.tasks[task.principal, task.id] = task
    task.bytes = sum(len(frame) for value in values for frame in value.frames)
    s.open_count += 1
    s.open_bytes += task.bytes
    s.open_by_principal[task.principal] = s.open_by_principal.get(task.principal, 0) + 1
    s.count("tasks_recovered")
    task.state = TaskState.QUEUED
    arm(s, task)
    giver = task.journey.giver if task.journey is not None else None
    if giver is not None:
        giver[0].held[giver[1].epoch, giver[1].attempt] = task
    error = _broken(s, stored, task)
    if error is not None:
        finish(s, task, TaskState.FAILED, error)
        return
    for started in stored.attempts:
        _inherit(s, task, started)
    if task.live:
        left_us = max(1, task.deadline_us - s.now_us)
        task.retry_us = s.now_us + min(s.settings.reconcile_us, left_us // 2 + 1)
        arm(s, task)
    else:
        place(s, task)


def _broken(s: State, stored: Stored, task: Task) -> dict[str, object] | None:
    """Return why a task cannot go on: its labels mean nothing any more or are forbidden, or parts of it are gone."""
    for body in (*stored.submitted.inputs, *(step.output for step in stored.steps)):
        mask = _mask(s, body.labels)
        if mask is None:
            names = ", ".join(body.labels)
            return failure("label_forbidden", f"Policy no longer knows the labels {names}.", rule=s.site_rule)
        if mask & ~s.allowed_labels:
            return forbidden(s, mask, " any more")
    if task.route is None or not task.route.steps or task.at >= len(task.route.steps) or not task.inputs:
        return failure("internal", "The store holds only a part of this task.")
    return None


def _task(s: State, stored: Stored) -> Task:
    asked = stored.submitted
    document = _unpacked(asked.document)
    trace = cast("Sequence[object]", document.get("trace") or (bytes(16), bytes(8), 0))
    header = EMPTY._replace(
        flags=_whole(document, "flags"),
        priority=_whole(document, "priority"),
        task=asked.task,
        trace_id=cast("bytes", trace[0]),
        span_id=cast("bytes", trace[1]),
        trace_flags=cast("int", trace[2]),
        labels=_mask(s, asked.labels) or 0,
    )
    task = Task(asked.task, asked.principal, header, asked.created_us)
    task.deadline_us = asked.deadline_us
    task.capability = asked.capability
    task.key, task.request, task.durable = asked.key, asked.request, True
    task.min_confidence = cast("float", document.get("min_confidence", 0.0))
    task.labels = header.labels
    task.inputs = tuple(_value(s, body) for body in asked.inputs)
    task.route = _route(s, document)
    for step in stored.steps:
        said = _unpacked(step.document)
        task.outputs.append(_value(s, step.output))
        task.confidence, task.unsure = cast("float", said.get("confidence", 0.0)), bool(said.get("unsure"))
    task.at = len(task.outputs)
    if "given" in document:
        _given(s, task, cast("Document", document["given"]))
    return task


def _given(s: State, task: Task, said: Document) -> None:
    """Put back for whom a task is worked on here."""
    peer = _peer_of(s, cast("str", said["site"]))
    step, epoch, attempt, priority, hops = cast("Sequence[int]", said["attempt"])
    header = Header(
        step=step,
        epoch=epoch,
        attempt=attempt,
        priority=priority,
        hops=hops,
        task=cast("TaskId", said["task"]),
    )
    journey = task.travels()
    journey.via = tuple(cast("Iterable[str]", said["via"]))
    journey.asker = cast("str", said["asker"])
    journey.escalated = bool(said["escalated"])
    journey.giver = (peer, header)
    peer.stored[epoch, attempt] = task.id


def _route(s: State, document: Document) -> Route:
    """Return the plan that the task started with; each of its steps still passes the gate of today."""
    steps = []
    for raw in cast("Iterable[dict[str, object]]", document.get("plan") or ()):
        labels = _mask(s, cast("Sequence[str]", raw["labels"])) or 0
        removes = s.label_table.known(cast("Sequence[str]", raw["removes"]))
        step = PlanStep({**raw, "labels": labels, "removes": removes})
        if step.sites:
            s.capability(step.capability).linked = True
        steps.append(step)
    defaults = s.label_table.known(cast("Sequence[str]", document.get("defaults") or ()))
    return Route(0, tuple(steps), {}, defaults)


def _inherit(s: State, task: Task, started: Started) -> None:
    """Put back an attempt: the node that has it may still finish it, if it is one of the step that is due."""
    number = s.next_attempt
    s.next_attempt += 1
    attempt = Attempt(number, task, _there(s, started), started.epoch, 0)
    attempt.told = started.attempt
    attempt.step = started.step
    attempt.ended = RESTARTED
    task.attempts.append(attempt)
    if started.document:
        source, target, labels, size, rule = cast(
            "tuple[str, str, list[str], int, str]", _sequence(started.document)
        )
        task.travels().crossed.append(Crossed(source, target, tuple(labels), size, rule))
    if started.step == task.at:
        task.kills, task.failures = started.kills, started.failures
        task.live[number] = attempt
        s.attempts[number] = attempt
        s.ledger.inherited[started.epoch, started.attempt] = number


def _there(s: State, started: Started) -> Node:
    """Return who was given an attempt, as the boot that was given it; it is not connected."""
    away = s.away.get(started.node)
    hello = away.hello if away is not None else Hello(EMPTY, "node", started.node, s.mesh, started.site)
    node = Node(replace(hello, incarnation=started.incarnation), 0, "", s.now_us, s.settings)
    node.state = NodeState.LOST
    if hello.role == "peer":
        node.peer = _peer_of(s, started.site)
    return node


def _peer_of(s: State, site: str) -> Peer:
    peer = s.peers.get(site)
    if peer is None:
        peer = s.peers[site] = Peer(site, None, s.rand)
    return peer


def _acquaintance(s: State, met: Met) -> Node | None:
    """Return a node that was granted something before, as one that is away; None if it makes no sense any more."""
    try:
        frames = unpack_document(met.hello, _DOCUMENT_MAX)
        hello = decode(cast("list[bytes]", frames))
    except HiveError:
        return None
    if not isinstance(hello, Hello) or not hello.offers:
        return None
    node = Node(hello, 0, "", s.now_us, s.settings)
    node.state = NodeState.LOST
    return node if node.offer is not NO_OFFER else None


def _value(s: State, body: Body) -> Value:
    return Value(body.frames, _mask(s, body.labels) or 0, body.type)


def _mask(s: State, names: Sequence[str]) -> int | None:
    """Return the bits of labels by the policy of now; None if it does not know one."""
    try:
        return s.label_table.mask(names)
    except HiveError:
        return None


def _whole(document: Document, name: str) -> int:
    return cast("int", document.get(name, 0))


def _unpacked(document: bytes) -> Document:
    return cast("Document", unpack_document(document, _DOCUMENT_MAX))


def _sequence(document: bytes) -> Sequence[object]:
    return cast("Sequence[object]", unpack_document(document, _DOCUMENT_MAX))
