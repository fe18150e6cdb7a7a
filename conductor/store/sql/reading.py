"""From rows to what the core asked for: one task, a page of tasks, or all that a start must take up."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from typing import Final, cast

from conductor.core.records import (
    OPEN,
    Answer,
    Body,
    FindTask,
    Finished,
    ListTasks,
    Met,
    Question,
    Recovery,
    Started,
    Stepped,
    Stored,
    Submitted,
    TaskRow,
)
from conductor.store.sql.database import Database, Row
from conductor.store.sql.plan import Key
from conductor.store.sql.schema import INPUT, RESULT, STEP
from conductor.store.sql.statements import Statements
from conductor.store.timeline import Line
from hive.ids import TaskId
from hive.wire.codec import unpack_document

_LATER: Final = 2**62
"""After every instant."""


class Reader:
    """Answers questions from one database."""

    def __init__(self, database: Database, statements: Statements, line: Line) -> None:
        """Read with these statements, and give instants in the clock of this process."""
        self._database = database
        self._text = statements
        self._line = line

    def answer(self, question: Question) -> Answer:
        """Answer a question of the core."""
        if isinstance(question, FindTask):
            return self.find((question.principal, question.task))
        return self._page(question)

    def find(self, key: Key) -> Stored | None:
        """Return one task with its bodies."""
        principal, task = key
        found = self._load("one", (task, principal))
        return found[0] if found else None

    def recovery(self) -> Recovery:
        """Return what a start must know."""
        found = self._load("unsettled", ())
        met = tuple(Met(name, bytes(hello)) for name, hello in self._rows("met"))
        return Recovery(
            tuple(task for task in found if task.finished is None),
            tuple(task for task in found if task.finished is not None),
            met,
        )

    def _rows(self, name: str, row: Row = ()) -> list[Row]:
        return list(self._database.rows(self._text[name], row))

    def _page(self, question: ListTasks) -> tuple[TaskRow, ...]:
        before = self._line.to_store(question.before_us) if question.before_us else _LATER
        who, limit = question.principal, question.limit
        if not question.states:
            rows = self._rows("page", (who, before, limit))
        else:
            rows = []
            for state in set(question.states):
                if state == OPEN:
                    rows += self._rows("page open", (who, before, limit))
                else:
                    rows += self._rows("page state", (who, state, before, limit))
        shown = [self._shown(who, row) for row in rows]
        shown.sort(key=lambda row: (row.created_us, row.task), reverse=True)
        return tuple(shown[:limit])

    def _shown(self, principal: str, row: Row) -> TaskRow:
        task, key, capability, state, code, labels, attempts, created_us, closed_us = row
        return TaskRow(
            principal,
            TaskId(bytes(task)),
            key,
            capability,
            state or OPEN,
            code or "",
            _names(labels),
            attempts,
            self._line.to_core(created_us),
            self._line.to_core(closed_us) if closed_us is not None else 0,
        )

    def _load(self, which: str, row: Row) -> list[Stored]:
        parts = {
            part: _by_task(self._rows(f"load {which} {part}", row))
            for part in ("tasks", "attempts", "steps", "outcomes", "bodies")
        }
        return [
            self._stored(asked[0], {part: parts[part][seq] for part in parts})
            for seq, asked in list(parts["tasks"].items())
        ]

    def _stored(self, asked: Row, parts: dict[str, list[Row]]) -> Stored:
        _, principal, task, key, request, capability, labels, created_us, deadline_us, document = asked
        ident = TaskId(bytes(task))
        bodies = {(row[1], row[2]): _body(row) for row in parts["bodies"]}
        submitted = Submitted(
            principal,
            ident,
            key,
            bytes(request),
            capability,
            _names(labels),
            self._line.to_core(created_us),
            self._line.to_core(deadline_us),
            bytes(document),
            tuple(body for (kind, _), body in bodies.items() if kind == INPUT),
        )
        steps = tuple(
            Stepped(principal, ident, step, bodies[STEP, step], bytes(said))
            for _, step, said in parts["steps"]
            if (STEP, step) in bodies
        )
        attempts = tuple(_started(principal, ident, row) for row in parts["attempts"])
        finished = [
            self._finished(principal, ident, row, bodies.get((RESULT, 0))) for row in parts["outcomes"]
        ]
        return Stored(submitted, steps, attempts, finished[0] if finished else None)

    def _finished(self, principal: str, task: TaskId, row: Row, result: Body | None) -> Finished:
        _, _, state, code, _, closed_us, _, document = row
        return Finished(principal, task, state, code, self._line.to_core(closed_us), bytes(document), result)


def _by_task(rows: list[Row]) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _started(principal: str, task: TaskId, row: Row) -> Started:
    _, _, step, epoch, attempt, node, site, incarnation, kills, failures, document = row
    given = epoch, attempt, node, site, incarnation, kills, failures
    return Started(principal, task, step, *given, bytes(document))


def _body(row: Row) -> Body:
    _, _, _, name, kind, labels, packed = row
    packed = bytes(packed)
    frames = cast("list[bytes]", unpack_document(packed, len(packed)))
    return Body(name, kind, _names(labels), tuple(frames))


@lru_cache(maxsize=1024)
def _names(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
