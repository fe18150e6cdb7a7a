"""What an earlier start left becomes tasks again: unfinished ones go on, finished ones can be asked for.

The store is read before anything else, but labels mean nothing before there is a policy: tasks come back with the
first generation, and nodes that greet earlier wait until then. An attempt of an earlier epoch is fenced, except where
the node that has it says so itself, is the same boot with the same model, and the attempt is still the step's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple, cast

from conductor.core.giving import give_back
from conductor.core.journey import Crossed
from conductor.core.membership import AWAY_MAX
from conductor.core.nodes import NO_OFFER, Node
from conductor.core.outcome import failure, finish, forbidden, prune
from conductor.core.place import arm, place
from conductor.core.records import Body, Met, Recovery, Started, Stored
from conductor.core.restored import DOCUMENT_MAX, Document, Routes, mask_of, peer_of, task_of, unpacked
from conductor.core.state import State
from conductor.core.states import NodeState, TaskState
from conductor.core.tasks import Attempt, Task
from hive.errors import HiveError
from hive.wire.codec import decode, unpack_document
from hive.wire.messages import EMPTY, Hello

RESTARTED: Final = "conductor_restarted"
"""How an attempt ended, as far as is known, that an earlier start of this conductor gave."""
Boots = dict[tuple[str, str, int], Node]


class Before(NamedTuple):
    """What the tasks of an earlier start have in common, so that it is made once: a restart is waited for."""

    routes: Routes
    nodes: Boots


def recovered(s: State, found: Recovery) -> None:
    """Take in what the store held. Control hears at once who was known; the tasks wait for a policy."""
    s.ledger.recovery = found
    for met in found.met[-AWAY_MAX:]:
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
        owe(s, stored)
    before = Before({}, {})
    for stored in found.open:
        if not stored.attempts:
            _reopen(s, stored, before)
    for stored in reversed(
        found.open
    ):  # each goes to the head of its queue in the end, so the oldest is first there
        if stored.attempts:
            _reopen(s, stored, before)
    s.note("recovered", len(found.open), len(found.owed), len(found.met))


def revive(s: State, stored: Stored) -> Task:
    """Return a finished task of the store as one that can be read, and keep it among those."""
    task = task_of(s, stored)
    ended = stored.finished
    assert ended is not None, "only what is finished can be read"
    document = unpacked(ended.document)
    task.state = TaskState(ended.state)
    task.final = task.state
    task.closed_us = ended.closed_us
    task.error = dict(cast("Document", document.get("error") or {}))
    task.confidence = cast("float", document.get("confidence", 0.0))
    task.unsure = bool(document.get("unsure"))
    task.provenance = cast("bytes", document.get("provenance", b""))
    task.inputs = ()
    task.outputs.clear()
    if task.state is TaskState.DONE:
        _take_result(s, task, ended.result)
    task.bytes = sum(map(len, task.result))
    s.tasks[task.principal, task.id] = task
    s.finished.append(task)
    s.finished_bytes += task.bytes
    prune(s, keep=task)  # many may be asked for between two ticks
    return task


def _take_result(s: State, task: Task, result: Body | None) -> None:
    if result is None:
        task.withdrawn = {**_deleted(s, "The result"), "code": "result_withdrawn"}
        return
    labels = mask_of(s, result.labels)
    if labels is None or labels & ~s.allowed_labels:
        task.withdrawn = {**forbidden(s, labels or 0, " any more"), "code": "result_withdrawn"}
        return
    task.labels, task.result, task.result_type = labels, result.frames, result.type


def owe(s: State, stored: Stored) -> Task:
    """Return a finished task of the store, and keep its answer for the linked site that gave it, if one did."""
    task = revive(s, stored)
    journey = task.journey
    if journey is not None and journey.giver is not None:
        peer, header = journey.giver
        peer.held[header.epoch, header.attempt] = task
        give_back(s, task, journey, task.provenance)
    return task


def _reopen(s: State, stored: Stored, before: Before) -> None:
    task = task_of(s, stored, before.routes)
    values = [*task.inputs, *task.outputs]
    s.tasks[task.principal, task.id] = task
    task.bytes = sum(len(frame) for value in values for frame in value.frames)
    s.open_count += 1
    s.open_bytes += task.bytes
    s.open_by_principal[task.principal] = s.open_by_principal.get(task.principal, 0) + 1
    s.count("tasks_recovered")
    task.state = TaskState.QUEUED
    giver = task.journey.giver if task.journey is not None else None
    if giver is not None:
        giver[0].held[giver[1].epoch, giver[1].attempt] = task
    error = _broken(s, stored, task)
    if error is not None:
        finish(s, task, TaskState.FAILED, error)
        return
    for started in stored.attempts:
        _inherit(s, task, started, before)
    if task.live:
        left_us = max(1, task.deadline_us - s.now_us)
        task.retry_us = s.now_us + min(s.settings.reconcile_us, left_us // 2 + 1)
        arm(s, task)
    else:
        place(s, task)


def _broken(s: State, stored: Stored, task: Task) -> dict[str, object] | None:
    """Return why a task cannot go on: its labels mean nothing any more or are forbidden, or parts of it are gone."""
    asked = stored.submitted
    outputs = [step.output for step in stored.steps]
    for labels in (asked.labels, *(body.labels for body in (*asked.inputs, *outputs))):
        mask = mask_of(s, labels)
        if mask is None:
            names = ", ".join(labels)
            return failure("label_forbidden", f"Policy no longer knows the labels {names}.", rule=s.site_rule)
        if mask & ~s.allowed_labels:
            return forbidden(s, mask, " any more")
    if not task.inputs:
        return _deleted(s, "What it was given")
    if task.route is None or not 0 <= task.at < len(task.route.steps):
        return failure("internal", "The store holds only a part of this task.")
    return None


def _inherit(s: State, task: Task, started: Started, before: Before) -> None:
    """Put back an attempt: the node that has it may still finish it, if it is one of the step that is due."""
    number = s.next_attempt
    s.next_attempt += 1
    attempt = Attempt(number, task, _there(s, started, before.nodes), started.epoch, 0)
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


def _there(s: State, started: Started, nodes: Boots) -> Node:
    """Return who was given an attempt, as the boot that was given it; it is not connected."""
    boot = (started.node, started.site, started.incarnation)
    there = nodes.get(boot)
    if there is not None:
        return there
    away = s.away.get(started.node)
    hello = away.hello if away is not None else Hello(EMPTY, "node", started.node, s.mesh, started.site)
    node = Node(replace(hello, incarnation=started.incarnation), 0, "", s.awake_us, s.settings)
    node.state = NodeState.LOST
    if hello.role == "peer":
        node.peer = peer_of(s, started.site)
    nodes[boot] = node
    return node


def _acquaintance(s: State, met: Met) -> Node | None:
    """Return a node that was granted something before, as one that is away; None if it makes no sense any more."""
    try:
        frames = unpack_document(met.hello, DOCUMENT_MAX)
        hello = decode(cast("list[bytes]", frames))
    except HiveError:
        return None
    if not isinstance(hello, Hello) or not hello.offers:
        return None
    node = Node(hello, 0, "", s.awake_us, s.settings)
    node.state = NodeState.LOST
    return node if node.offer is not NO_OFFER else None


def _deleted(s: State, what: str) -> dict[str, object]:
    detail = f"{what} was deleted when policy changed."
    return failure("label_forbidden", detail, rule=s.site_rule, site=s.site)


def _sequence(document: bytes) -> Sequence[object]:
    return cast("Sequence[object]", unpack_document(document, DOCUMENT_MAX))
