"""The tables. Decisions are in one set of them, what callers sent and got in another (`bodies`).

The migrations make the tables; a test holds them to what stands here. Instants are those of conductor.store.timeline.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

REVISIONS: Final = ("r0001", "r0002")
"""Every revision of the tables, the oldest first; a store of another one is not touched."""
HEAD: Final = REVISIONS[-1]

metadata = MetaData()
# SQLite numbers the rows of a table itself where the key is an INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _of_task() -> Column[int]:
    return Column("seq", _Number, ForeignKey("tasks.seq", ondelete="CASCADE"), primary_key=True)


conductor = Table(
    "conductor",
    metadata,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    _whole("epoch"),  # of the start that may write
    _whole("batch"),  # of the last group that was committed
    _whole("last_us"),
    _text("boot"),
    _whole("offset_us"),
)
"""One row: who may write, and how far it came."""

tasks = Table(
    "tasks",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    _text("principal"),
    _blob("task"),
    _text("key"),
    _blob("request"),
    _text("capability"),
    _text("labels"),
    _whole("created_us"),
    _whole("deadline_us"),
    _blob("document"),
    Index("tasks_by_id", "task", "principal", unique=True),
    Index("tasks_by_age", "principal", "created_us"),
)
"""What was asked. An idempotency key is unique because the task's id follows from it."""

unsettled = Table("unsettled", metadata, _of_task(), Column("owed", SmallInteger, nullable=False))
"""What a start must take up: tasks without an outcome (0), and answers that a linked site has not acknowledged (1)."""

attempts = Table(
    "attempts",
    metadata,
    _of_task(),
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("step", Integer, nullable=False),
    _whole("epoch"),
    _whole("attempt"),
    _text("node"),
    _text("site"),
    _whole("incarnation"),
    Column("kills", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    _blob("document"),
)

steps = Table(
    "steps",
    metadata,
    _of_task(),
    Column("step", Integer, primary_key=True, autoincrement=False),
    _blob("document"),
)

outcomes = Table(
    "outcomes",
    metadata,
    _of_task(),
    _text("principal"),
    _text("state"),
    _text("code"),
    _whole("created_us"),
    _whole("closed_us"),
    _whole("bytes"),
    _blob("document"),
    Index("outcomes_by_state", "principal", "state", "created_us"),  # from r0002 on, as the next one
    Index("outcomes_by_end", "closed_us", "bytes"),
)
"""The one outcome of a task; dead letters are those of that state."""

label_sets = Table(
    "label_sets",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    _text("names"),
)
"""Which labels occur together on a body: few, so that a purge knows at once whether it has anything to do."""

bodies = Table(
    "bodies",
    metadata,
    _of_task(),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("name"),
    _text("type"),
    Column("label_set", _Number, ForeignKey("label_sets.id"), nullable=False),
    _blob("frames"),
)

met = Table("met", metadata, Column("name", Text, primary_key=True), _blob("hello"))

STEP: Final = 0
INPUT: Final = 1
RESULT: Final = 2
"""Kinds of bodies, in the order in which they go: an outcome ends those of steps, and most outcomes the inputs."""
