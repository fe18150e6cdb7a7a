"""Tasks that are not in memory any more: the store is asked, and what was wanted of them goes on with its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from conductor.core.actions import Look, Send
from conductor.core.again import known
from conductor.core.outcome import failure, refuse
from conductor.core.records import OPEN, Answer, FindTask, ListTasks, Stored, TaskRow
from conductor.core.records import Question as StoreQuestion
from conductor.core.recovery import revive
from conductor.core.states import FINAL, TaskState, shown
from hive.errors import HiveError
from hive.ids import TaskId, task_id_for_retry
from hive.wire.codec import unpack_document
from hive.wire.messages import Cancel, Flag, Query, Reply, Submit, Watch

if TYPE_CHECKING:
    from conductor.core.nodes import Session
    from conductor.core.state import State
    from conductor.core.tasks import Task

_LOOKING_MAX: Final = 1_000
"""Questions to the store that may be under way."""
_PAGE: Final = 100
_PAGE_MAX: Final = 1_000
_STATES: Final = frozenset({OPEN, *map(shown, FINAL)})
"""What a list may be asked for."""
_RETRIED: Final = frozenset({TaskState.FAILED, TaskState.DEAD_LETTERED})
Asked = Query | Watch | Cancel | Submit


class Question(NamedTuple):
    """Who asked what, while the store looks."""

    session: int
    message: Asked
    principal: str


def owner_of(session: Session, m: Asked) -> str:
    """Return whose task a caller means: a gateway speaks for many principals, everybody else for itself."""
    return (m.principal or session.name) if session.trusted else session.name


def find(s: State, session: Session, m: Query | Watch | Cancel) -> Task | None:
    """Return the task that a message is about; None while the store is asked, which lets the message come again.

    It is asked too where a submission is not written yet: it may be a repeated one, and the task have its outcome.
    """
    owner = owner_of(session, m)
    task = s.tasks.get((owner, m.header.task))
    undecided = task is not None and task.durable and not task.kept and not isinstance(m, Cancel)
    if task is None or (undecided and m is not s.ledger.looked):
        _look(s, session, m, FindTask(owner, m.header.task))
        return None
    return task


def list_tasks(s: State, session: Session, m: Query, principal: str) -> None:
    """Answer with the caller's tasks, the newest first; those that were stored, and those that are in memory."""
    states, before_us, limit = _page(m)
    if states is None:
        names = ", ".join(sorted(_STATES))
        error = failure(
            "bad_request", f"`states` is a list of these: {names}; `limit` and `before` are numbers."
        )
        refuse(s, session.id, m.header, error)
        return
    _look(s, session, m, ListTasks(principal, states, before_us, limit))


def retry(s: State, session: Session, m: Submit) -> None:
    """Look for the task that is to be tried again."""
    if m.header.task != task_id_for_retry(TaskId(m.retry_of)) or m.body or m.key:
        detail = "A retry has the id that belongs to its task, and neither a body nor a key of its own."
        refuse(s, session.id, m.header, failure("bad_request", detail))
        return
    _look(s, session, m, FindTask(owner_of(session, m), TaskId(m.retry_of)))


def looked(s: State, token: int, answer: Answer, why: str) -> tuple[Session, Asked] | None:
    """Take what the store found; return the message that can go on now, with who sent it."""
    asked = s.ledger.looking.pop(token, None)
    session = s.sessions.get(asked.session) if asked is not None else None
    if asked is None or session is None:
        return None
    m = s.ledger.looked = asked.message
    if why:
        error = failure("store_unavailable", f"The store cannot tell: {why}.", retry_after_ms=1000)
        refuse(s, session.id, m.header, error)
    elif isinstance(answer, tuple):
        _listed(s, session, cast("Query", m), asked.principal, answer)
    elif isinstance(m, Submit):
        return _tried_again(s, session, m, answer)
    elif _there(s, (asked.principal, m.header.task), answer):
        return session, m
    elif answer is None:
        detail = f"You have no task {m.header.task.hex()}, or it has been pruned."
        refuse(s, session.id, m.header, failure("task_unknown", detail))
    elif answer.finished is None or not s.generation:
        detail = "The conductor has just started and goes on with what it had; ask again."
        refuse(s, session.id, m.header, failure("planning_unavailable", detail, retry_after_ms=500))
    else:
        revive(s, answer)
        return session, m
    return None


def _there(s: State, key: tuple[str, TaskId], answer: Stored | None) -> bool:
    """Say whether a task is in memory, once what the store knows has counted against a submission that is not there."""
    task = s.tasks.get(key)
    if (
        answer is not None
        and answer.finished is not None
        and task is not None
        and not task.kept
        and task.durable
    ):
        known(s, task, answer)
    return key in s.tasks


def task_view(s: State, task: Task) -> dict[str, object]:
    """Return what may be told of a task whether it has its outcome or not."""
    return {
        "id": task.id.hex(),
        "state": shown(task.state),
        "capability": task.capability,
        "attempts": len(task.attempts),
        "step": task.at,
        "nodes": sorted({a.node.id for a in task.attempts}),
        "age_ms": s.age_us(task.created_us) // 1000,
        "code": task.error.get("code", "") if task.closed else "",
        "durable": task.durable,
    }


def _look(s: State, session: Session, m: Asked, question: StoreQuestion) -> None:
    if len(s.ledger.looking) >= _LOOKING_MAX:
        many = f"{len(s.ledger.looking)} questions to the store are under way."
        refuse(s, session.id, m.header, failure("queue_full", many, retry_after_ms=500))
        return
    token = s.next_token
    s.next_token += 1
    s.ledger.looking[token] = Question(session.id, m, question.principal)
    s.actions.append(Look(token, question))


def _page(m: Query) -> tuple[tuple[str, ...] | None, int, int]:
    """Return the states, the instant and the number that a question for a list names; None for states that are none."""
    states, before, limit = m.args.get("states", ()), m.args.get("before", 0), m.args.get("limit", _PAGE)
    if not isinstance(states, list | tuple) or not _STATES.issuperset(map(str, states)):
        return None, 0, 0
    if not isinstance(before, int) or not isinstance(limit, int) or limit < 1:
        return None, 0, 0
    return tuple(map(str, states)), before, min(limit, _PAGE_MAX)


def _listed(s: State, session: Session, m: Query, principal: str, rows: tuple[TaskRow, ...]) -> None:
    """Answer with one page. Of a durable task the store's word counts; what is in memory may say more of the same."""
    states, before_us, limit = _page(m)
    views: dict[TaskId, tuple[int, dict[str, object]]] = {}
    for row in rows:
        task = s.tasks.get((principal, row.task))
        # A task that was read again has no attempts here.
        fresh = task is not None and task.attempts and task.kept and task.closed == (row.state != OPEN)
        views[row.task] = (row.created_us, task_view(s, task) if task and fresh else _row_view(s, row))
    for task in _not_stored(s, principal, states or (), before_us, limit):
        views.setdefault(task.id, (task.created_us, task_view(s, task)))
    newest = sorted(views.items(), key=lambda item: (item[1][0], item[0]), reverse=True)[:limit]
    listed = [{**view, "cursor": created} for _, (created, view) in newest]
    s.actions.append(Send(session.id, Reply(m.header, m.ask, listed)))


def _not_stored(
    s: State, principal: str, states: tuple[str, ...], before_us: int, limit: int
) -> Iterator[Task]:
    """Yield a page of the tasks that only memory has, the newest first: as such they are in the order of opening."""
    found = 0
    for (owner, _), task in reversed(s.tasks.items()):
        if owner != principal or task.durable or (before_us and task.created_us >= before_us):
            continue
        if states and (shown(task.state) if task.closed else OPEN) not in states:
            continue
        yield task
        found += 1
        if found == limit:
            return


def _row_view(s: State, row: TaskRow) -> dict[str, object]:
    return {
        "id": row.task.hex(),
        "state": "queued" if row.state == OPEN else row.state,
        "capability": row.capability,
        "attempts": row.attempts,
        "step": 0,
        "nodes": [],
        "age_ms": s.age_us(row.created_us) // 1000,
        "code": row.code,
        "durable": True,
    }


def _tried_again(s: State, session: Session, m: Submit, stored: Answer) -> tuple[Session, Asked] | None:
    """Return a task that failed as a new submission with what it was given; refuse what cannot be tried again."""
    name = m.retry_of.hex()
    if not isinstance(stored, Stored):
        error = failure("task_unknown", f"You have no task {name} in the store; only durable tasks are.")
    elif stored.finished is None or TaskState(stored.finished.state) not in _RETRIED:
        state = stored.finished.state if stored.finished is not None else "not finished"
        error = failure(
            "not_retryable", f"Task {name} is {state}; what failed or was set aside can be retried."
        )
    elif not stored.submitted.inputs:
        error = failure("not_retryable", f"What task {name} was given has been deleted.")
    else:
        return session, _submission(s, m, stored)
    refuse(s, session.id, m.header, error)
    return None


def _submission(s: State, m: Submit, stored: Stored) -> Submit:
    asked = stored.submitted
    document = cast("dict[str, object]", unpack_document(asked.document))
    try:
        labels = s.label_table.mask(asked.labels)
    except HiveError:
        labels = -1 & (1 << 64) - 1  # a label that policy knows no longer may be nowhere
    header = m.header._replace(
        flags=m.header.flags | Flag.DURABLE,
        labels=labels,
        capability=0,
        priority=cast("int", document.get("priority", 0)),
    )
    want = cast("str", document.get("want", ""))
    named = tuple((body.name, body.type, len(body.frames)) for body in asked.inputs)
    return Submit(
        header,
        "" if want else asked.capability,
        want,
        named if document.get("named") else (),
        cast("float", document.get("min_confidence", 0.0)),
        principal=m.principal,
        body=tuple(frame for body in asked.inputs for frame in body.frames),
    )
