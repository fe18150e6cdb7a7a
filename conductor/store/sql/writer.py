"""The store's thread: what queued up while one group was committed goes into the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Final

from conductor.core.actions import Known, Looked
from conductor.core.records import (
    Dropped,
    FindTask,
    Finished,
    ListTasks,
    Question,
    Record,
    Stepped,
    Submitted,
)
from conductor.store.base import Event
from conductor.store.sql.commit import Committer
from conductor.store.sql.plan import Key
from conductor.store.sql.pruning import Pruner

Item = tuple[int, Record | Question]
Inbox = SimpleQueue[list[Item] | None]
"""Batches of records and questions, in the order of writing; None ends the thread."""
GROUP_MAX: Final = 2_000
GROUP_MAX_BYTES: Final = 8 << 20
_ANSWER_BYTES: Final = 1 << 20
"""What the answer to a question about one task counts for: bodies that were read are handed over, not collected."""
_IDLE_S: Final = 1.0
_PRUNE_EVERY: Final = 5
"""While there is always something to write: so many groups between two looks at what may go."""


class Writer:
    """Takes batches from the inbox until None comes."""

    def __init__(
        self,
        inbox: Inbox,
        committer: Committer,
        pruner: Pruner,
        emit: Callable[[list[Event]], None],
        finished: Callable[[int], None],
    ) -> None:
        """Tie the parts together. `emit` and `finished`, which counts batches, are called from this thread."""
        self._inbox = inbox
        self._committer = committer
        self._pruner = pruner
        self._emit = emit
        self._finished = finished
        self._since_prune = 0
        self._more = True  # whether something may be pruned at once

    def run(self) -> None:
        """Run until the end of the inbox."""
        going = True
        while going:
            items, batches, going = self._collected()
            if items:
                self._take(items)
                self._finished(batches)
            if not items or self._since_prune >= _PRUNE_EVERY:
                self._prune()

    def _collected(self) -> tuple[list[Item], int, bool]:
        """Return all that is in the inbox, in how many batches, and whether it goes on; empty if nothing came."""
        items: list[Item] = []
        batches = 0
        try:
            batch = self._inbox.get(timeout=0.0 if self._more else _IDLE_S)
            while batch is not None:
                items += batch
                batches += 1
                if len(items) >= GROUP_MAX:
                    return items, batches, True
                batch = self._inbox.get_nowait()
        except Empty:
            return items, batches, True
        return items, batches, False

    def _take(self, items: list[Item]) -> None:
        self._since_prune += 1
        for group in groups(items):
            records = [(token, item) for token, item in group if not isinstance(item, FindTask | ListTasks)]
            events = self._committer.commit(records)
            if len(records) < len(group):
                events = self._answered(group, events)
            if events:
                self._emit(events)

    def _answered(self, group: list[Item], events: list[Event]) -> list[Event]:
        """Return the answers to a group's questions, among what was decided of its records, in the order of writing."""
        place = {token: number for number, (token, _) in enumerate(group)}
        asked = [(token, item) for token, item in group if isinstance(item, FindTask | ListTasks)]
        told: list[Event] = []
        for token, question in asked:
            before, events = _parted(events, place, place[token])
            told += [*before, self._looked(token, question)]
        return told + events

    def _looked(self, token: int, question: Question) -> Event:
        answer, why = self._committer.read(lambda: self._committer.reader.answer(question))
        return Looked(token, answer, why)

    def _prune(self) -> None:
        self._since_prune = 0
        self._more = self._pruner.step()
        if self._committer.wipe:
            self._committer.tidy()


def groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield a batch in groups that are not too large.

    No group drops a task that it submits as well: whoever submitted it a second time is told what is there, and that
    is read after the commit.
    """
    group: list[Item] = []
    submitted: set[Key] = set()
    size = 0
    for token, item in items:
        if isinstance(item, Dropped) and (item.principal, item.task) in submitted:
            yield group
            group, size = [], 0
            submitted.clear()
        group.append((token, item))
        size += size_of(item)
        if isinstance(item, Submitted):
            submitted.add((item.principal, item.task))
        if len(group) >= GROUP_MAX or size >= GROUP_MAX_BYTES:
            yield group
            group, size = [], 0
            submitted.clear()
    if group:
        yield group


def size_of(item: Record | Question) -> int:
    """Return the bytes of the bodies of a record, or about those of the answer to a question."""
    match item:
        case Submitted():
            bodies = item.inputs
        case Stepped():
            bodies = (item.output,)
        case Finished():
            bodies = () if item.result is None else (item.result,)
        case FindTask():
            return _ANSWER_BYTES
        case _:
            bodies = ()
    return sum(len(frame) for body in bodies for frame in body.frames)


def _parted(events: list[Event], place: dict[int, int], at: int) -> tuple[list[Event], list[Event]]:
    """Return what was decided of records before a place in the group, and of those after it."""
    before: list[Event] = []
    after: list[Event] = []
    for event in events:
        if isinstance(event, Known | Looked):
            (before if place[event.token] < at else after).append(event)
            continue
        for side, tokens in (
            (before, tuple(token for token in event.tokens if place[token] < at)),
            (after, tuple(token for token in event.tokens if place[token] > at)),
        ):
            if tokens:
                side.append(replace(event, tokens=tokens))
    return before, after
