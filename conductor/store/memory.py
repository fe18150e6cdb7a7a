"""A store in memory: the reference for what the others keep. It confirms in the same way and ends with its process.

Only the epoch outlives that, in a small file, because a fence that starts again at one fences nothing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from conductor.core.actions import CommitFailed, Committed, Known, Looked
from conductor.core.records import (
    OPEN,
    OWNER,
    UNHEARD,
    Answer,
    Body,
    Dropped,
    FindTask,
    Finished,
    ListTasks,
    Met,
    Purged,
    Question,
    Record,
    Recovery,
    Started,
    Stepped,
    Stored,
    Submitted,
    TaskRow,
)
from conductor.store.base import Event
from hive.errors import HiveError
from hive.ids import TaskId

NEEDS_NO_INPUTS: Final = frozenset({"done", "cancelled", "expired"})
"""Outcomes after which a task's inputs are of no use to anybody."""
Key = tuple[str, TaskId]


class Tables:
    """What is committed, by task; everything that a store has to remember, without where and how."""

    def __init__(self, finished_max: int = 20_000) -> None:
        """Start empty; keep so many finished tasks, the newest."""
        self.tasks: dict[Key, Stored] = {}
        self.met: dict[str, Met] = {}
        self._finished_max = finished_max
        self._finished: deque[Key] = deque()

    def apply(self, record: Record) -> Stored | None:
        """Take one record in; return the task that is there already where a submission is a second one."""
        match record:
            case Submitted():
                key = record.principal, record.task
                there = self.tasks.get(key)
                if there is None:
                    self.tasks[key] = Stored(record, (), (), None)
                return there
            case Started() | Stepped() | Finished():
                key = record.principal, record.task
                if key in self.tasks:
                    self._goes_on(key, self.tasks[key], record)
            case Dropped():
                self.tasks.pop((record.principal, record.task), None)
            case Purged():
                self.tasks = {
                    key: _purged(task, frozenset(record.allowed)) for key, task in self.tasks.items()
                }
            case Met():
                self.met[record.name] = record
        return None

    def _goes_on(self, key: Key, task: Stored, record: Started | Stepped | Finished) -> None:
        self.tasks[key] = _went_on(task, record)
        if task.finished is None and isinstance(record, Finished):
            self._finished.append(key)
            while len(self._finished) > self._finished_max:
                self.tasks.pop(self._finished.popleft(), None)

    def recovery(self) -> Recovery:
        """Return what a start has to know."""
        tasks = list(self.tasks.values())
        unfinished = tuple(task for task in tasks if task.finished is None)
        owed = tuple(
            task for task in tasks if task.finished is not None and task.submitted.principal.startswith(OWNER)
        )
        return Recovery(unfinished, owed, tuple(self.met.values()))

    def answer(self, question: Question) -> Answer:
        """Answer a question."""
        if isinstance(question, FindTask):
            return self.tasks.get((question.principal, question.task))
        return self._page(question)

    def _page(self, question: ListTasks) -> tuple[TaskRow, ...]:
        rows = [row_of(task) for (owner, _), task in self.tasks.items() if owner == question.principal]
        wanted = [
            row
            for row in rows
            if (not question.states or row.state in question.states)
            and (not question.before_us or row.created_us < question.before_us)
        ]
        wanted.sort(key=lambda row: (row.created_us, row.task), reverse=True)
        return tuple(wanted[: question.limit])


class MemoryStore:
    """Commits what was written at the next call of `events`."""

    def __init__(self, epoch_file: Path | None = None, tables: Tables | None = None) -> None:
        """Keep the epoch in `epoch_file`; without one every store begins at epoch 1 (tests, simulator).

        `tables` are those of an earlier store, as if they had been on disk.
        """
        self._epoch_file = epoch_file
        self.tables = tables or Tables()
        self._waiting: list[tuple[int, Record | Question]] = []
        self.failing = ""

    def open(self) -> int:
        """Return the next epoch, made durable before anything is fenced with it."""
        return next_epoch(self._epoch_file) if self._epoch_file is not None else 1

    def recover(self) -> Recovery:
        """Return what is in the tables; nothing, unless they were given."""
        return self.tables.recovery()

    def write(self, token: int, record: Record) -> None:
        """Queue a record."""
        self._waiting.append((token, record))

    def ask(self, token: int, question: Question) -> None:
        """Queue a question."""
        self._waiting.append((token, question))

    def events(self) -> list[Event]:
        """Commit everything that was queued, unless `failing` says why that cannot be."""
        if not self._waiting:
            return []
        waiting, self._waiting = self._waiting, []
        told: list[Event] = []
        tokens: list[int] = []
        for token, item in waiting:
            event = self._take(token, item)
            if event is not None:
                told += self._decided(tokens)  # in the order of writing
                told.append(event)
            elif token != UNHEARD:
                tokens.append(token)
        return told + self._decided(tokens)

    def _take(self, token: int, item: Record | Question) -> Event | None:
        """Take one record or question in; return what is to be said of it alone."""
        if isinstance(item, FindTask | ListTasks):
            return Looked(token, self.tables.answer(item))
        there = self.tables.apply(item) if not self.failing else None
        return Known(token, there) if there is not None else None

    def _decided(self, tokens: list[int]) -> list[Event]:
        """Return what became of these records, and empty the list."""
        said = tuple(tokens)
        tokens.clear()
        if not said:
            return []
        return [CommitFailed(said, self.failing) if self.failing else Committed(said)]

    def wake(self, call: Callable[[], None]) -> None:
        """Nothing happens here without a call of `events`, so there is nothing to wake anybody for."""
        del call

    def close(self) -> None:
        """Forget what was not committed."""
        self._waiting.clear()


def next_epoch(path: Path) -> int:
    """Return one more than the epoch in a small file, and write that down. Raises HiveError(state_unwritable)."""
    try:
        epoch = int(path.read_text(encoding="ascii")) + 1
    except FileNotFoundError:
        epoch = 1
    except (OSError, ValueError) as error:
        detail = f"The epoch in {path} cannot be read: {error}. Remove the file to begin anew."
        raise HiveError("state_unwritable", detail) from error
    try:
        _write_durably(path, str(epoch))
    except OSError as error:
        raise HiveError("state_unwritable", f"{path} cannot be written: {error}.") from error
    return epoch


def row_of(task: Stored) -> TaskRow:
    """Return a task as a list shows it."""
    asked, ended = task.submitted, task.finished
    return TaskRow(
        asked.principal,
        asked.task,
        asked.key,
        asked.capability,
        ended.state if ended else OPEN,
        ended.code if ended else "",
        asked.labels,
        len(task.attempts),
        asked.created_us,
        ended.closed_us if ended else 0,
    )


def _went_on(task: Stored, record: Started | Stepped | Finished) -> Stored:
    if task.finished is not None:
        return task  # what comes after an outcome is of no use to anybody
    match record:
        case Started():
            return replace(task, attempts=(*task.attempts, record))
        case Stepped():
            there = any(record.step == step.step for step in task.steps)
            steps = sorted((*task.steps, record), key=lambda step: step.step)
            return task if there else replace(task, steps=tuple(steps))
        case Finished():
            asked = task.submitted
            if record.state in NEEDS_NO_INPUTS:
                asked = replace(asked, inputs=())
            return replace(task, submitted=asked, steps=(), finished=record)


def _purged(task: Stored, allowed: frozenset[str]) -> Stored:
    """Return a task without the bodies that carry another label; what is decided of it stays."""

    def kept(body: Body) -> bool:
        return allowed.issuperset(body.labels)

    asked, ended = task.submitted, task.finished
    if ended is not None and ended.result is not None and not kept(ended.result):
        ended = replace(ended, result=None)
    asked = replace(asked, inputs=tuple(body for body in asked.inputs if kept(body)))
    return replace(
        task, submitted=asked, steps=tuple(s for s in task.steps if kept(s.output)), finished=ended
    )


def _write_durably(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
