"""A task of the store as one of the core again: bodies, plan, and for whom it is worked on, by the labels of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from conductor.core.peers import Peer
from conductor.core.records import Body, Stored
from conductor.core.state import State
from conductor.core.tasks import PlanStep, Route, Task, Value
from hive.errors import HiveError
from hive.ids import TaskId
from hive.wire.codec import pack_document, unpack_document
from hive.wire.messages import EMPTY, Header

DOCUMENT_MAX: Final = 4 << 20
Document = Mapping[str, object]
Routes = dict[bytes, Route]


def task_of(s: State, stored: Stored, routes: Routes | None = None) -> Task:
    """Return a task of the store as it was, as far as the store has it; it is in no books yet.

    `routes` are those of other tasks by the policy of now: thousands of tasks share a few.
    """
    asked = stored.submitted
    document = unpacked(asked.document)
    trace = cast("Sequence[object]", document.get("trace") or (bytes(16), bytes(8), 0))
    header = EMPTY._replace(
        flags=_whole(document, "flags"),
        priority=_whole(document, "priority"),
        task=asked.task,
        trace_id=cast("bytes", trace[0]),
        span_id=cast("bytes", trace[1]),
        trace_flags=cast("int", trace[2]),
        labels=mask_of(s, asked.labels) or 0,
    )
    task = Task(asked.task, asked.principal, header, asked.created_us)
    task.deadline_us = asked.deadline_us
    task.capability = asked.capability
    task.key, task.request, task.durable, task.kept = asked.key, asked.request, True, True
    task.min_confidence = cast("float", document.get("min_confidence", 0.0))
    task.labels = header.labels
    task.inputs = tuple(_value(s, body) for body in asked.inputs)
    task.route = _shared_route(s, document, routes if routes is not None else {})
    for step in stored.steps:
        if step.step != len(task.outputs):
            continue  # what it was made of was not kept
        said = unpacked(step.document)
        task.outputs.append(_value(s, step.output))
        task.confidence, task.unsure = cast("float", said.get("confidence", 0.0)), bool(said.get("unsure"))
    task.at = len(task.outputs)
    if "given" in document:
        _given(s, task, cast("Document", document["given"]))
    return task


def _given(s: State, task: Task, said: Document) -> None:
    """Put back for whom a task is worked on here."""
    peer = peer_of(s, cast("str", said["site"]))
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


def _shared_route(s: State, document: Document, routes: Routes) -> Route:
    key = pack_document((document.get("plan"), document.get("defaults")))
    route = routes.get(key)
    if route is None:
        route = routes[key] = _route(s, document)
    return route


def _route(s: State, document: Document) -> Route:
    """Return the plan that the task started with; each of its steps still passes the gate of today."""
    steps = []
    for raw in cast("Iterable[dict[str, object]]", document.get("plan") or ()):
        labels = mask_of(s, cast("Sequence[str]", raw["labels"])) or 0
        removes = s.label_table.known(cast("Sequence[str]", raw["removes"]))
        step = PlanStep({**raw, "labels": labels, "removes": removes})
        if step.sites:
            s.capability(step.capability).linked = True
        steps.append(step)
    defaults = s.label_table.known(cast("Sequence[str]", document.get("defaults") or ()))
    return Route(0, tuple(steps), {}, defaults)


def peer_of(s: State, site: str) -> Peer:
    """Return a linked site, known or not: what is owed to it may be from before it was taken out of the config."""
    peer = s.peers.get(site)
    if peer is None:
        peer = s.peers[site] = Peer(site, None, s.rand)
    return peer


def _value(s: State, body: Body) -> Value:
    return Value(body.frames, mask_of(s, body.labels) or 0, body.type)


def mask_of(s: State, names: Sequence[str]) -> int | None:
    """Return the bits of labels by the policy of now; None if it does not know one."""
    try:
        return s.label_table.mask(names)
    except HiveError:
        return None


def _whole(document: Document, name: str) -> int:
    return cast("int", document.get(name, 0))


def unpacked(document: bytes) -> Document:
    """Return what a document says: nothing if it is none, which is noticed where something is missed."""
    try:
        said = unpack_document(document, DOCUMENT_MAX)
    except HiveError:
        return {}
    return cast("Document", said) if isinstance(said, dict) else {}
