"""What is asked for: tasks, the way that each goes, and the attempts at its steps."""

from __future__ import annotations

from typing import Final

from conductor.core.journey import Journey
from conductor.core.nodes import Node
from conductor.core.states import FINAL, TaskState
from hive.ids import TaskId
from hive.wire.messages import Header

PRIORITIES: Final = 10
Inputs = tuple[tuple[str, str, int], ...]
RouteKey = tuple[str, str, tuple[tuple[str, str], ...], int, str, tuple[str, ...]]
"""What a route is looked up by: capability or wanted type, the inputs' names and types, labels, principal, and the
sites that the task has passed."""
NO_ROUTE: Final[RouteKey] = ("", "", (), 0, "", ())


class PlanStep:
    """One compiled step: which capability, and where each input comes from (<0: task input, >=0: earlier step)."""

    __slots__ = ("capability", "inputs", "labels", "output", "removes", "rule", "simple", "sites", "why")

    def __init__(self, raw: dict[str, object]) -> None:
        """Take a step of PLAN apart; it came from our own control process."""
        self.capability = str(raw["capability"])
        self.output = str(raw.get("output", ""))
        self.inputs: tuple[tuple[str, str, int], ...] = tuple(
            (str(name), str(kind), int(source))
            for name, kind, source in raw.get("inputs", ())  # type: ignore[attr-defined]
        )
        self.labels = int(str(raw.get("labels", 0)))
        self.removes = int(str(raw.get("removes", 0)))
        self.rule = str(raw.get("rule", ""))
        self.why = str(raw.get("why", ""))
        self.sites: tuple[str, ...] = tuple(map(str, raw.get("sites", ())))  # type: ignore[call-overload]
        self.simple = not self.inputs or (len(self.inputs) == 1 and self.inputs[0][2] == -1)


class Route:
    """A compiled answer of the control process: steps, or the refusal."""

    __slots__ = ("default_labels", "generation", "refused", "steps")

    def __init__(
        self, generation: int, steps: tuple[PlanStep, ...], refused: dict[str, object], default_labels: int
    ) -> None:
        """Hold what PLAN said."""
        self.generation = generation
        self.steps = steps
        self.refused = refused
        self.default_labels = default_labels


class Value:
    """Frames of one input or output with the labels that they carry."""

    __slots__ = ("frames", "labels", "type")

    def __init__(self, frames: tuple[bytes, ...], labels: int, kind: str) -> None:
        """Hold a value; the frames stay opaque."""
        self.frames = frames
        self.labels = labels
        self.type = kind


class Task:
    """One task, from its submission until its outcome is pruned."""

    __slots__ = (
        "at",
        "attempts",
        "bytes",
        "capability",
        "closed_us",
        "confidence",
        "created_us",
        "deadline_us",
        "durable",
        "error",
        "failures",
        "final",
        "forgotten",
        "header",
        "hedge_us",
        "held",
        "id",
        "inputs",
        "journey",
        "kept",
        "key",
        "kills",
        "labels",
        "live",
        "min_confidence",
        "outputs",
        "principal",
        "provenance",
        "queued",
        "receipt",
        "request",
        "result",
        "result_type",
        "retry_us",
        "route",
        "route_key",
        "silences",
        "state",
        "tried",
        "unsure",
        "waiters",
        "watchers",
        "withdrawn",
    )  # fmt: skip

    def __init__(self, task_id: TaskId, principal: str, header: Header, now_us: int) -> None:
        """Open a task; intake.py fills in the rest."""
        self.id = task_id
        self.principal = principal
        self.header = header
        self.state = TaskState.PLANNING
        self.final: TaskState | None = None
        self.created_us = now_us
        self.closed_us = 0
        self.deadline_us = 0
        self.retry_us = 0
        self.hedge_us = 0  # when a slow attempt is to get a second one beside it
        self.held = False
        self.capability = ""
        self.key = ""
        self.request = b""
        self.durable = False
        self.kept = False  # the store has it
        self.min_confidence = 0.0
        self.labels = 0
        self.bytes = 0
        self.inputs: tuple[Value, ...] = ()
        self.outputs: list[Value] = []
        self.route: Route | None = None
        self.route_key = NO_ROUTE
        self.at = 0
        self.attempts: list[Attempt] = []
        self.forgotten = 0  # attempts that are over and were too many to be kept
        self.live: dict[int, Attempt] = {}
        self.tried: set[str] = set()
        self.kills = 0
        self.silences = 0  # nodes that fell silent with its step and never came back
        self.failures = 0
        self.queued = False
        self.receipt = False  # somebody was told that it is accepted
        self.waiters: list[tuple[int, Header]] = []
        self.watchers: list[tuple[int, Header]] = []
        self.error: dict[str, object] = {}
        self.result: tuple[bytes, ...] = ()
        self.result_type = ""
        self.confidence = 0.0
        self.unsure = False
        self.provenance = b""
        self.withdrawn: dict[str, object] = {}
        self.journey: Journey | None = None

    def travels(self) -> Journey:
        """Return what is known of the task beyond this site, begun now if nothing was."""
        if self.journey is None:
            self.journey = Journey()
        return self.journey

    @property
    def closed(self) -> bool:
        """Say whether the task has its outcome."""
        return self.state in FINAL

    @property
    def settled(self) -> bool:
        """Say whether the outcome is decided, visible or not: nothing more may be tried."""
        return self.final is not None or self.state in FINAL


class Attempt:
    """One try of a step on one node. `ended` is empty while nothing is known of its end.

    The node knows it as (`epoch`, `told`); `told` differs from its number here only where an earlier epoch gave it.
    """

    __slots__ = (
        "ended",
        "epoch",
        "hedge",
        "kill",
        "lease_us",
        "node",
        "number",
        "provenance",
        "queued_us",
        "run_us",
        "started_us",
        "step",
        "task",
        "told",
    )

    def __init__(self, number: int, task: Task, node: Node, epoch: int, lease_us: int) -> None:
        """Start on `node`, with the right to finish alone until `lease_us` of the clock that silence is measured by."""
        self.number = self.told = number
        self.epoch = epoch
        self.task = task
        self.step = task.at
        self.node = node
        self.lease_us = lease_us
        self.started_us = 0
        self.hedge = False
        self.ended = ""
        self.kill = False
        self.queued_us = 0
        self.run_us = 0
        self.provenance = b""
