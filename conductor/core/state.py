"""The records of the work plane: mutable, in memory, written by one thread, mutated in place."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from conductor.core.actions import Action
from conductor.core.liveness import Beats
from conductor.core.pools import Pool
from conductor.core.settings import Settings
from conductor.core.states import FINAL, NodeState, TaskState
from hive.core.delay import MinDelay
from hive.core.timers import TimerWheel
from hive.ids import TaskId
from hive.labels import LabelTable
from hive.wire.messages import Header, Hello, Query, Verdict

PRIORITIES: Final = 10


class Session:
    """One connection of one peer."""

    __slots__ = ("delay", "greeted", "id", "name", "node", "received", "role", "trusted")

    def __init__(self, session: int, *, trusted: bool) -> None:
        """Begin as a stranger: only HELLO is accepted."""
        self.id = session
        self.trusted = trusted
        self.role = ""
        self.name = ""
        self.greeted = False
        self.received = 0
        self.node: Node | None = None
        self.delay = MinDelay()


class Node:
    """One boot of one node, as its conductor sees it."""

    __slots__ = (
        "address", "attempts", "beats", "claim", "credit", "digest", "ewma_us", "exclusive", "hello", "id",
        "inflight",        "pool", "release_us", "removes", "run_bound_us", "session", "site", "state",
    )  # fmt: skip

    def __init__(self, hello: Hello, session: int, address: str, now_us: int, settings: Settings) -> None:
        """Join with what HELLO claims; nothing of it counts before the verdict."""
        self.hello = hello
        self.id = hello.name
        self.site = hello.site
        self.digest = hello.offers[0].digest if hello.offers else ""
        self.session = session
        self.address = address
        self.state = NodeState.JOINING
        self.credit = hello.credit
        self.inflight = 0
        self.exclusive = False
        self.attempts: dict[int, Attempt] = {}
        self.pool: Pool[Node] | None = None
        self.removes = 0
        self.claim = 0
        self.ewma_us = 0.0
        self.run_bound_us = max((offer.run_bound_us for offer in hello.offers), default=1_000_000)
        self.beats = Beats(now_us, settings)
        self.release_us = 0


class Attempt:
    """One try of a step on one node. `ended` is empty while nothing is known of its end."""

    __slots__ = ("ended", "lease_us", "node", "number", "queued_us", "run_us", "started_us", "step", "task")

    def __init__(self, number: int, task: Task, node: Node, now_us: int, lease_us: int) -> None:
        """Start on `node`, with the right to finish alone until `lease_us`."""
        self.number = number
        self.task = task
        self.step = task.at
        self.node = node
        self.started_us = now_us
        self.lease_us = lease_us
        self.ended = ""
        self.queued_us = 0
        self.run_us = 0


class PlanStep:
    """One compiled step: which capability, and where each input comes from (<0: task input, >=0: earlier step)."""

    __slots__ = ("capability", "inputs", "labels", "output", "removes", "rule", "simple", "why")

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


Inputs = tuple[tuple[str, str, int], ...]
RouteKey = tuple[str, str, tuple[tuple[str, str], ...], int, str]


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
        "header",
        "id",
        "inputs",
        "key",
        "kills",
        "labels",
        "live",
        "min_confidence",
        "outputs",
        "principal",
        "provenance",
        "queued",
        "request",
        "result",
        "result_type",
        "retry_us",
        "route",
        "route_key",
        "state",
        "tried",
        "unsure",
        "waiters",
        "wanted",
        "watchers",
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
        self.capability = ""
        self.wanted = ""
        self.key = ""
        self.request = b""
        self.durable = False
        self.min_confidence = 0.0
        self.labels = 0
        self.bytes = 0
        self.inputs: tuple[Value, ...] = ()
        self.outputs: list[Value] = []
        self.route: Route | None = None
        self.route_key: RouteKey | None = None
        self.at = 0
        self.attempts: list[Attempt] = []
        self.live: dict[int, Attempt] = {}
        self.tried: set[str] = set()
        self.kills = 0
        self.failures = 0
        self.queued = False
        self.waiters: list[tuple[int, Header]] = []
        self.watchers: list[tuple[int, Header]] = []
        self.error: dict[str, object] = {}
        self.result: tuple[bytes, ...] = ()
        self.result_type = ""
        self.confidence = 0.0
        self.unsure = False
        self.provenance = b""

    @property
    def closed(self) -> bool:
        """Say whether the task has its outcome."""
        return self.state in FINAL

    @property
    def settled(self) -> bool:
        """Say whether the outcome is decided, visible or not: nothing more may be tried."""
        return self.final is not None or self.state in FINAL


class Capability:
    """What the site can do: the pools that serve it and the tasks that wait for one of them."""

    __slots__ = ("budget", "id", "name", "pools", "waiting", "waiting_count")

    def __init__(self, name: str, number: int, burst: float) -> None:
        """Start with no pool and an empty queue."""
        self.name = name
        self.id = number
        self.pools: dict[str, Pool[Node]] = {}
        self.waiting: tuple[deque[Task], ...] = tuple(deque() for _ in range(PRIORITIES))
        self.waiting_count = 0
        self.budget = burst


class State:
    """Everything that the core knows."""

    __slots__ = (
        "actions",
        "allowed_labels",
        "asks",
        "attempts",
        "away",
        "capabilities",
        "capability_names",
        "claims",
        "conductor",
        "control",
        "counts",
        "draining",
        "epoch",
        "explains",
        "finished",
        "finished_bytes",
        "flaps",
        "generation",
        "grace_until_us",
        "journal",
        "journal_dropped",
        "journal_sent_us",
        "label_table",
        "mesh",
        "next_ask",
        "next_attempt",
        "next_token",
        "nodes",
        "now_us",
        "open_by_principal",
        "open_bytes",
        "open_count",
        "parked",
        "persisting",
        "quotas",
        "rand",
        "routes",
        "sessions",
        "settings",
        "site",
        "site_rule",
        "tasks",
        "timers",
        "verdicts",
    )  # fmt: skip

    def __init__(
        self, mesh: str, site: str, conductor: str, epoch: int, settings: Settings, rand: Callable[[], float]
    ) -> None:
        """Begin empty. `epoch` must be larger than at any start before; `rand` returns floats in [0, 1)."""
        self.mesh = mesh
        self.site = site
        self.conductor = conductor
        self.epoch = epoch
        self.settings = settings
        self.rand = rand
        self.now_us = 0
        self.actions: list[Action] = []
        self.sessions: dict[int, Session] = {}
        self.control: Session | None = None
        self.nodes: dict[str, Node] = {}
        self.capabilities: dict[str, Capability] = {}
        self.capability_names: list[str] = [""]
        self.tasks: dict[tuple[str, TaskId], Task] = {}
        self.attempts: dict[int, Attempt] = {}
        self.timers: TimerWheel[Task | Node] = TimerWheel()
        self.routes: dict[RouteKey, Route] = {}
        self.parked: dict[RouteKey, list[Task]] = {}
        self.asks: dict[int, RouteKey] = {}
        self.explains: dict[RouteKey, list[tuple[int, Query]]] = {}
        self.claims: dict[int, Node] = {}
        self.verdicts: dict[object, Verdict] = {}
        self.away: dict[str, Hello] = {}
        self.flaps: dict[str, deque[int]] = {}
        self.persisting: dict[int, Task] = {}
        self.finished: OrderedDict[tuple[str, TaskId], Task] = OrderedDict()
        self.finished_bytes = 0
        self.open_count = 0
        self.open_bytes = 0
        self.open_by_principal: dict[str, int] = {}
        self.quotas: tuple[tuple[str, int], ...] = ()
        self.generation = 0
        self.allowed_labels = 0
        self.site_rule = ""
        self.label_table = LabelTable()
        self.draining = False
        self.grace_until_us = 0
        self.next_attempt = 1
        self.next_ask = 1
        self.next_token = 1
        self.journal: list[tuple[object, ...]] = []
        self.journal_dropped = 0
        self.journal_sent_us = 0
        self.counts: dict[str, int] = {}

    def capability(self, name: str) -> Capability:
        """Return the capability of that name, made on first use; ids are never reused."""
        found = self.capabilities.get(name)
        if found is None:
            found = Capability(name, len(self.capability_names), self.settings.retry_burst)
            self.capabilities[name] = found
            self.capability_names.append(name)
        return found

    def unqueue(self, task: Task) -> None:
        """Let a task wait no longer; its entry in the queue is skipped when it comes up."""
        if task.queued and task.route is not None:
            task.queued = False
            self.capabilities[task.route.steps[task.at].capability].waiting_count -= 1

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter that the control process publishes."""
        self.counts[name] = self.counts.get(name, 0) + by

    def note(self, *entry: object) -> None:
        """Put a decision in the journal. Never payload content; what does not fit is counted and dropped."""
        if len(self.journal) < self.settings.journal_max:
            self.journal.append((self.now_us, *entry))
        else:
            self.journal_dropped += 1
