"""What the core asks the store to keep, what it asks the store, and what comes back: three closed unions of values.

Instants are microseconds of the core's clock; a store turns them into wall time when it writes, and back into the
clock of the process that reads. Labels go by name, because their bits belong to one policy. A `document` is msgpack of
what only the core reads again, and never holds payload content: bodies are `Body` values, which a store keeps apart.
"""

from __future__ import annotations

from typing import Final

from hive.ids import TaskId
from hive.record import record

UNHEARD: Final = 0
"""The token of a record whose commit nobody waits for. Records are committed in the order of writing all the same."""


@record
class Body:
    """Frames of one value, with its name among the inputs, its data type and the names of its labels."""

    name: str
    type: str
    labels: tuple[str, ...]
    frames: tuple[bytes, ...]


@record
class Submitted:
    """A durable task: what was asked, by whom, under which idempotency key, and the plan by which it will go.

    `(principal, task)` is unique for as long as the store remembers: a second one is not written, and the store
    answers Known with what it has. `request` is the digest of what was asked.
    """

    principal: str
    task: TaskId
    key: str
    request: bytes
    capability: str
    labels: tuple[str, ...]
    created_us: int
    deadline_us: int
    document: bytes
    inputs: tuple[Body, ...]


@record
class Started:
    """An attempt at a step was given to a node, or to a linked site. `kills` and `failures` are the step's so far.

    The `document` of one that went to a linked site says what of it crossed the edge, and by which rule.
    """

    principal: str
    task: TaskId
    step: int
    epoch: int
    attempt: int
    node: str
    site: str
    incarnation: int
    kills: int
    failures: int
    document: bytes = b""


@record
class Stepped:
    """A step that is not the last was answered; `step` counts from 0."""

    principal: str
    task: TaskId
    step: int
    output: Body
    document: bytes


@record
class Finished:
    """The outcome of a task. `code` is its error's, empty if it is done; `result` is there only then.

    The inputs of a task that is done, cancelled or expired are not needed any more and are deleted with this; those
    of one that failed or was set aside are kept, so that it can be tried again.
    """

    principal: str
    task: TaskId
    state: str
    code: str
    closed_us: int
    document: bytes
    result: Body | None


@record
class Dropped:
    """Forget a task altogether: it was refused after all, or the site that gave it has acknowledged its answer."""

    principal: str
    task: TaskId


@record
class Purged:
    """Delete every body that carries a label which is not among `allowed`: policy changed."""

    allowed: tuple[str, ...]


@record
class Met:
    """What a node or a linked site said that it can do, as policy granted it: known again after a restart."""

    name: str
    hello: bytes


@record
class Stored:
    """A task as the store knows it, with every attempt at any of its steps, the oldest first."""

    submitted: Submitted
    steps: tuple[Stepped, ...]
    attempts: tuple[Started, ...]
    finished: Finished | None


@record
class Recovery:
    """What a start finds: unfinished tasks, answers that a linked site has not acknowledged, and who was known."""

    open: tuple[Stored, ...] = ()
    owed: tuple[Stored, ...] = ()
    met: tuple[Met, ...] = ()


@record
class FindTask:
    """Ask for one task with its bodies."""

    principal: str
    task: TaskId


@record
class ListTasks:
    """Ask for tasks of a principal, the newest first: in any of `states` (all if empty), created before `before_us`.

    No two tasks of a principal are created at one instant. `before_us` is 0 for the first page. An unfinished task's
    state is `open`.
    """

    principal: str
    states: tuple[str, ...]
    before_us: int
    limit: int


@record
class TaskRow:
    """One task of a list, without its bodies. `closed_us` is 0 while it is open."""

    principal: str
    task: TaskId
    key: str
    capability: str
    state: str
    code: str
    labels: tuple[str, ...]
    attempts: int
    created_us: int
    closed_us: int


OPEN: Final = "open"
"""How a list names the state of a task that has no outcome."""
OWNER: Final = "site:"
"""What the owner of a task begins with that a linked site gave; no caller may have such a name."""

Insisted = Dropped | Purged | Met
"""What no task waits for, and what is written again until the store has it."""
Record = Submitted | Started | Stepped | Finished | Insisted
Question = FindTask | ListTasks
Answer = Stored | tuple[TaskRow, ...] | None
