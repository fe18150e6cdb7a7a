"""What the core has asked of the store, and what it found there at its start."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.core.early import Early
    from conductor.core.finding import Question
    from conductor.core.nodes import Session
    from conductor.core.records import Insisted, Recovery
    from conductor.core.states import TaskState
    from conductor.core.tasks import Task
    from hive.wire.messages import Hello


class Ledger:
    """Open business with the store."""

    __slots__ = (
        "bytes",
        "closing",
        "closing_bytes",
        "early",
        "early_bytes",
        "failed",
        "greetings",
        "inherited",
        "insisted",
        "looked",
        "looking",
        "met",
        "newest",
        "persisting",
        "recovery",
    )

    def __init__(self) -> None:
        """Start with nothing asked and nothing found."""
        self.persisting: dict[int, tuple[Task, TaskState]] = {}  # who waits for a commit, and in which state
        self.bytes = 0  # bodies of submissions among them
        self.closing: dict[Task, int] = {}  # tasks whose outcome is decided and not durable, with its bytes
        self.closing_bytes = 0
        self.insisted: dict[int, Insisted] = {}  # records that no task waits for, and that must be kept
        self.newest: dict[
            object, int
        ] = {}  # the last of them about each thing; what fails of older ones is over
        self.failed: dict[
            object, Insisted
        ] = {}  # those that the store could not commit, by what they are about
        self.met: dict[str, object] = {}  # what the store knows of nodes and linked sites
        self.looking: dict[int, Question] = {}  # what waits for an answer of the store
        self.looked: object = None  # the last message that the store was asked for, and that comes again
        self.recovery: Recovery | None = None  # what it held at the start, until there is a policy
        self.inherited: dict[tuple[int, int], int] = {}  # attempts of earlier epochs, and their numbers now
        self.early: deque[Early] = deque()  # durable submissions that came before there was a policy
        self.early_bytes = 0
        self.greetings: dict[
            int, tuple[Session, Hello, str, str]
        ] = {}  # who greeted before there was a policy

    def closes(self, task: Task) -> None:
        """Note that a task has an outcome that is not durable yet."""
        self.closing[task] = size = sum(map(len, task.result))
        self.closing_bytes += size

    def closed(self, task: Task) -> None:
        """Note that the outcome of a task is durable, or that there is none any more."""
        self.closing_bytes -= self.closing.pop(task, 0)
