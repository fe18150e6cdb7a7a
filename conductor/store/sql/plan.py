"""From records to rows: which statements a group of records comes to, and in which order.

Pure. It knows of each task of the group whether it is there and whether it is open, so that no statement can meet
a row that it does not expect. Statements of one kind run together, unless one deletes what another writes again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from conductor.core.records import (
    OWNER,
    Body,
    Dropped,
    Finished,
    Met,
    Purged,
    Record,
    Started,
    Stepped,
    Submitted,
)
from conductor.store.memory import NEEDS_NO_INPUTS
from conductor.store.sql.database import Row
from conductor.store.sql.schema import INPUT, RESULT, STEP
from conductor.store.timeline import Line
from hive.ids import TaskId
from hive.wire.codec import pack_document

Key = tuple[str, TaskId]
Phase = dict[str, list[Row]]

ORDER: Final = (
    "insert label_sets",
    "insert tasks",
    "insert unsettled",
    "insert attempts",
    "insert steps",
    "insert bodies",
    "insert outcomes",
    "owe",
    "settle",
    "end steps",
    "end bodies",
    "insert met",
    "drop",
    "purge bodies",
    "purge labels",
    "purge steps",
)
"""In which order the statements of one phase run."""


@dataclass(slots=True)
class Known:
    """What the writer knows of a task of the store."""

    seq: int
    created_us: int
    bytes: int | None = None  # what its outcome takes; None while it has none


@dataclass(slots=True)
class Numbers:
    """The next number of each kind, and the labels that occur together."""

    task: int
    attempt: int
    label_sets: dict[str, int]

    def copy(self) -> Numbers:
        """Return the same numbers, to go on from or to go back to."""
        return Numbers(self.task, self.attempt, dict(self.label_sets))


class Planner:
    """Plans one group. `known` holds what is known of its tasks, and is kept up to date."""

    def __init__(self, line: Line, numbers: Numbers, known: dict[Key, Known]) -> None:
        """Begin a group."""
        self._line = line
        self._numbers = numbers
        self._known = known
        self._phase: Phase = {}
        self.phases: list[Phase] = [self._phase]
        self.again: list[tuple[int, Key]] = []  # submissions of what is there already, with their tokens
        self.purged = False
        self.kept_tasks = 0  # how many more finished tasks there are, and how many bytes of them
        self.kept_bytes = 0
        self._gone: set[Key] = set()  # dropped in this phase

    def take(self, token: int, record: Record) -> None:
        """Plan one record."""
        match record:
            case Submitted():
                self._submitted(token, record)
            case Started():
                self._started(record)
            case Stepped():
                self._stepped(record)
            case Finished():
                self._finished(record)
            case Dropped():
                self._dropped((record.principal, record.task))
            case Purged():
                self._purge(frozenset(record.allowed))
            case Met():
                self._add("insert met", (record.name, record.hello))

    def _add(self, statement: str, row: Row) -> None:
        self._phase.setdefault(statement, []).append(row)

    def _end_phase(self) -> None:
        if self._phase:
            self._phase = {}
            self.phases.append(self._phase)
            self._gone.clear()

    def _open(self, key: Key) -> Known | None:
        known = self._known.get(key)
        return known if known is not None and known.bytes is None else None

    def _submitted(self, token: int, r: Submitted) -> None:
        key = r.principal, r.task
        if key in self._known:
            self.again.append((token, key))
            return
        if key in self._gone:
            self._end_phase()
        seq = self._numbers.task
        self._numbers.task += 1
        created_us = self._line.to_store(r.created_us)
        self._known[key] = Known(seq, created_us)
        deadline_us = self._line.to_store(r.deadline_us)
        labels = names_text(r.labels)
        self._add(
            "insert tasks",
            (
                seq,
                r.principal,
                r.task,
                r.key,
                r.request,
                r.capability,
                labels,
                created_us,
                deadline_us,
                r.document,
            ),
        )
        self._add("insert unsettled", (seq, 0))
        for position, body in enumerate(r.inputs):
            self._body(seq, INPUT, position, body)

    def _started(self, r: Started) -> None:
        known = self._open((r.principal, r.task))
        if known is None:
            return
        number = self._numbers.attempt
        self._numbers.attempt += 1
        self._add(
            "insert attempts",
            (
                known.seq,
                number,
                r.step,
                r.epoch,
                r.attempt,
                r.node,
                r.site,
                r.incarnation,
                r.kills,
                r.failures,
                r.document,
            ),
        )

    def _stepped(self, r: Stepped) -> None:
        known = self._open((r.principal, r.task))
        if known is None:
            return
        self._add("insert steps", (known.seq, r.step, r.document))
        self._body(known.seq, STEP, r.step, r.output)

    def _finished(self, r: Finished) -> None:
        key = r.principal, r.task
        known = self._open(key)
        if known is None:
            return
        seq = known.seq
        size = known.bytes = len(r.document) + sum(map(len, r.result.frames if r.result is not None else ()))
        self.kept_tasks += 1
        self.kept_bytes += size
        closed_us = self._line.to_store(r.closed_us)
        self._add(
            "insert outcomes",
            (seq, r.principal, r.state, r.code, known.created_us, closed_us, size, r.document),
        )
        self._add("owe" if r.principal.startswith(OWNER) else "settle", (seq,))
        self._add("end steps", (seq,))
        self._add("end bodies", (seq, INPUT if r.state in NEEDS_NO_INPUTS else STEP))
        if r.result is not None:
            self._body(seq, RESULT, 0, r.result)

    def _dropped(self, key: Key) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._add("drop", (known.seq,))
            if known.bytes is not None:
                self.kept_tasks -= 1
                self.kept_bytes -= known.bytes
            self._gone.add(key)

    def _purge(self, allowed: frozenset[str]) -> None:
        sets = self._numbers.label_sets
        forbidden = [
            (number, names) for names, number in sets.items() if not allowed.issuperset(json.loads(names))
        ]
        if not forbidden:
            return
        for number, names in forbidden:
            self._add("purge bodies", (number,))
            self._add("purge labels", (number,))
            del sets[names]
        self._add("purge steps", ())
        self._end_phase()
        self.purged = True

    def _body(self, seq: int, kind: int, position: int, body: Body) -> None:
        names = names_text(body.labels)
        sets = self._numbers.label_sets
        number = sets.get(names)
        if number is None:
            number = sets[names] = max(sets.values(), default=0) + 1
            self._add("insert label_sets", (number, names))
        frames = pack_document(body.frames)
        self._add("insert bodies", (seq, kind, position, body.name, body.type, number, frames))


@lru_cache(maxsize=1024)
def names_text(names: tuple[str, ...]) -> str:
    """Return names of labels as one text."""
    return json.dumps(names)


def keys_of(records: Iterable[tuple[int, Record]]) -> set[Key]:
    """Return the tasks that records are about."""
    return {(r.principal, r.task) for _, r in records if not isinstance(r, Purged | Met)}
