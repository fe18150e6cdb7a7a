"""The one final result of a task: how it is reached, made durable, told to those who wait, kept and pruned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from conductor.core.actions import Send
from conductor.core.giving import give_back, returned
from conductor.core.keeping import keep_outcome
from conductor.core.provenance import provenance
from conductor.core.state import State
from conductor.core.states import FINAL, InvariantError, TaskState, counter, shown
from conductor.core.tasks import Attempt, Task
from hive.errors import CATALOGUE
from hive.wire.messages import Event, Flag, Header, Kind, Outcome, Refuse, Revoke

_DETAIL_MAX: Final = 2_000
"""Characters of a sentence that may quote a peer; the wire takes 4096 of a text."""

_UNSURE: Final = int(Flag.UNSURE)


def finish(s: State, task: Task, state: TaskState, error: dict[str, object] | None = None) -> None:
    """Close a task with its outcome. A durable one becomes visible only once the store has committed that."""
    if task.settled:
        raise InvariantError(f"task {task.id.hex()} gets a second outcome: {task.state} and {state}")
    s.unqueue(task)
    task.error = error or {}
    task.closed_us = s.now_us
    s.timers.cancel(task)
    for attempt in task.live.values():
        if not attempt.ended:
            attempt.ended = "superseded"
            s.actions.append(Send(attempt.node.session, Revoke(attempt_header(s, attempt), state.value)))
    task.live.clear()
    for attempt in task.attempts:
        if attempt.number not in attempt.node.attempts:
            s.take_attempt(attempt)  # it holds no slot that an answer would have to free
    release(s, task)
    if task.durable:
        task.state = TaskState.CLOSING
        task.final = state
        s.ledger.closes(task)
        keep_outcome(s, task, provenance(task, s.site))
    else:
        _publish(s, task, state)


def reject(s: State, task: Task, error: dict[str, object]) -> None:
    """Refuse a task that was never acknowledged and that the store does not have; nothing of it stays."""
    for session, header in (*task.waiters, *task.watchers):
        refuse(s, session, header, error)
    s.timers.cancel(task)
    s.ledger.closed(task)
    if not task.settled:
        release(s, task)
    task.state = TaskState.REFUSED
    if task.journey is not None and task.journey.giver is not None:
        peer, asked = task.journey.giver
        peer.stored.pop((asked.epoch, asked.attempt), None)
        task.error = error
        give_back(s, task, task.journey, b"")
    del s.tasks[task.principal, task.id]
    s.note("task", "refused", task.id, task.capability, s.age_us(task.created_us), 0, error.get("code", ""))


def refuse(s: State, session: int, h: Header, error: dict[str, object]) -> None:
    """Tell a caller that its submission was not accepted, or that what it asked about is not there."""
    s.count("tasks_refused")
    context = {key: value for key, value in error.items() if key not in ("code", "detail")}
    code, detail = str(error["code"]), str(error.get("detail", ""))
    header = h._replace(sent_us=s.now_us)
    s.actions.append(Send(session, Refuse(header, code, detail, int(Kind.SUBMIT), context)))


def failure(code: str, detail: str = "", **context: object) -> dict[str, object]:
    """Return the error of an outcome, with a code of the catalogue."""
    return {"code": code, "detail": detail[:_DETAIL_MAX] or CATALOGUE[code].sentence, **context}


def failure_of(raw: Mapping[str, object], otherwise: str) -> dict[str, object]:
    """Return an error that another process gave, in the shape of our own; `otherwise` stands for an unknown code."""
    code, detail = raw.get("code"), raw.get("detail")
    context = {key: value for key, value in raw.items() if key not in ("code", "detail")}
    known = code if isinstance(code, str) and code in CATALOGUE else otherwise
    return {**failure(known, detail if isinstance(detail, str) else ""), **context}


def forbidden(s: State, labels: int, when: str = "") -> dict[str, object]:
    """Return the error for data with labels that may not be at this site."""
    names = list(s.label_table.unpack(labels & ~s.allowed_labels))
    detail = f"{', '.join(names)} may not be at {s.site!r}{when}, by {s.site_rule!r}."
    return failure("label_forbidden", detail, rule=s.site_rule, site=s.site, labels=names)


def committed(s: State, task: Task) -> None:
    """Make the outcome of a durable task visible."""
    if task.final is None:
        raise InvariantError(f"task {task.id.hex()} was committed without an outcome")
    s.ledger.closed(task)
    _publish(s, task, task.final)


def outcome(s: State, task: Task, header: Header) -> Outcome:
    """Return the outcome as a message to whoever asked with `header`."""
    h = header
    # By position: _replace costs five times as much, and this is on the hot path.
    told = tuple.__new__(Header, (
        _UNSURE if task.unsure else 0, h.priority, h.hops, h.trace_flags, h.step, h.capability, h.principal, h.origin,
        h.epoch, h.attempt, h.remaining_us, task.closed_us, task.labels, task.id, h.trace_id, h.span_id,
    ))  # fmt: skip
    return Outcome(
        told,
        shown(task.state),
        task.capability,
        task.result_type,
        task.confidence,
        task.error,
        provenance(task, s.site),
        task.result,
    )


def tell_outcome(s: State, session: int, task: Task, header: Header) -> None:
    """Send the outcome to whoever asked with `header`, or say why its body is not here any more."""
    if task.withdrawn:
        refuse(s, session, header, task.withdrawn)
    else:
        s.actions.append(Send(session, outcome(s, task, header)))


def attempt_header(s: State, attempt: Attempt) -> Header:
    """Return a header that names one attempt."""
    return Header(
        step=attempt.step, epoch=attempt.epoch, attempt=attempt.told, task=attempt.task.id, sent_us=s.now_us
    )


def tell(s: State, watchers: Iterable[tuple[int, Header]], what: str, **about: object) -> None:
    """Send an event to some of those who watch a task, each with the header that it asked with."""
    for session, header in watchers:
        s.actions.append(Send(session, Event(header._replace(sent_us=s.now_us), what, about)))


def prune(s: State, keep: Task | None = None) -> None:
    """Forget finished tasks that are too old, too many or too large, oldest first, up to one to `keep`."""
    settings = s.settings
    oldest = s.now_us - settings.finished_keep_us
    while s.finished:
        task = s.finished[0]
        few = (
            len(s.finished) <= settings.finished_max_tasks and s.finished_bytes <= settings.finished_max_bytes
        )
        if task is keep or (few and task.closed_us >= oldest):
            return
        s.finished.popleft()
        s.finished_bytes -= task.bytes
        del s.tasks[task.principal, task.id]
        task.attempts.clear()  # breaks the cycle task <-> attempt, so that no collector has to


def withdraw_forbidden(s: State) -> None:
    """Let go of every body that may not be here since policy changed: open tasks fail, results are withdrawn."""
    for key, task in list(s.tasks.items()):
        if s.tasks.get(key) is not task:
            continue  # an outcome has pushed it out meanwhile
        held = task.labels
        for value in (*task.inputs, *task.outputs):
            held |= value.labels
        if task.journey is not None and task.journey.fallback is not None:
            held |= task.journey.fallback.labels
        if not held & ~s.allowed_labels:
            continue
        error = forbidden(s, held, " any more")
        if task.settled:
            if task.result:
                _withdraw(s, task, {**error, "code": "result_withdrawn"})
        elif task.state is TaskState.PLANNING:
            reject(s, task, error)
        else:
            finish(s, task, TaskState.FAILED, error)


def _withdraw(s: State, task: Task, error: dict[str, object]) -> None:
    """Drop a kept result but not that there was one: its key must not start the task again."""
    if not task.withdrawn:
        s.count("results_withdrawn")
    if task.state in FINAL:
        s.finished_bytes -= task.bytes
        task.bytes = 0
    task.result = ()
    task.withdrawn = error
    if task in s.ledger.closing:
        s.ledger.closed(task)
        s.ledger.closes(task)


def release(s: State, task: Task) -> None:
    """Give back what an unfinished task holds: its place, its quota and its bodies."""
    s.open_count -= 1
    s.open_bytes -= task.bytes
    left = s.open_by_principal[task.principal] - 1
    if left:
        s.open_by_principal[task.principal] = left
    else:
        del s.open_by_principal[task.principal]
    task.inputs = ()
    task.outputs.clear()
    if task.state is TaskState.PLANNING and (parked := s.parked.get(task.route_key)) is not None:
        parked.pop(task, None)
        if not parked:
            del s.parked[task.route_key]


def _publish(s: State, task: Task, state: TaskState) -> None:
    if state not in FINAL:
        raise InvariantError(f"{state} is not an outcome")
    task.state = state
    task.bytes = sum(map(len, task.result))
    s.finished.append(task)
    s.finished_bytes += task.bytes
    s.count(counter(state))
    elapsed_us = s.age_us(task.created_us)
    journey = task.journey
    if journey is not None and journey.giver is not None:
        journey.returned = returned(s, task, journey)
        if journey.returned is not None:
            s.note("crossed", task.id, *journey.returned)
        give_back(s, task, journey, provenance(task, s.site))
    s.note(
        "task",
        shown(state),
        task.id,
        task.capability,
        elapsed_us,
        len(task.attempts),
        task.error.get("code", ""),
    )
    if task.waiters:
        for session, header in task.waiters:
            tell_outcome(s, session, task, header)
        task.waiters.clear()
    if task.watchers:
        tell(s, task.watchers, state.value)
        for session, header in task.watchers:
            tell_outcome(s, session, task, header)
        task.watchers.clear()
    if len(s.finished) > s.settings.finished_max_tasks or s.finished_bytes > s.settings.finished_max_bytes:
        prune(s)
