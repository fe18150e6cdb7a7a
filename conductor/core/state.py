"""Everything that the core knows: in memory, written by one thread, mutated in place."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from conductor.core.actions import Action
from conductor.core.away import Nearest
from conductor.core.hedging import Hedging
from conductor.core.ledger import Ledger
from conductor.core.line import Line
from conductor.core.liveness import LAG_US
from conductor.core.nodes import Node, Session
from conductor.core.pools import Pool
from conductor.core.questions import Questions
from conductor.core.settings import Settings
from conductor.core.tasks import PRIORITIES, Attempt, Route, RouteKey, Task
from hive.core.timers import TimerWheel
from hive.gate import Gate
from hive.ids import TaskId
from hive.labels import LabelTable
from hive.wire.checks import U32_MAX
from hive.wire.messages import Offer, Query, Verdict

if TYPE_CHECKING:
    from conductor.core.exports import Summary
    from conductor.core.peers import Peer
    from conductor.core.quarantine import Flaps


class Capability:
    """What the site can do: the pools that serve it and the tasks that wait for one of them."""

    __slots__ = (
        "budget",
        "hedging",
        "home",
        "id",
        "known",
        "linked",
        "name",
        "nearest",
        "pools",
        "waiting",
        "waiting_count",
    )

    def __init__(self, name: str, number: int, settings: Settings) -> None:
        """Start with no pool and an empty queue."""
        self.name = name
        self.id = number
        self.pools: dict[str, Pool[Node]] = {}
        self.home: dict[str, Pool[Node]] = {}  # those of them that are nodes of this conductor
        self.nearest = Nearest()  # the others: linked sites
        self.waiting: tuple[Line, ...] = tuple(Line() for _ in range(PRIORITIES))
        self.waiting_count = 0
        self.budget = settings.retry_burst
        self.hedging = Hedging(settings)
        self.linked = False  # other sites have it too, whether they can be reached now or not
        self.known: Offer | None = None  # its inputs and output, as the last node or site that came said them

    def earn(self, settings: Settings) -> None:
        """Count a fresh step: each earns a share of a retry and of a hedge (token buckets)."""
        if self.budget < settings.retry_burst:
            self.budget = min(settings.retry_burst, self.budget + settings.retry_share)
        if self.hedging.tokens < self.hedging.burst:
            self.hedging.earned()


class State:
    """Everything that the core knows."""

    __slots__ = (
        "actions",
        "allowed_labels",
        "asking",
        "asks",
        "attempts",
        "away",
        "capabilities",
        "capability_names",
        "claims",
        "conductor",
        "control",
        "counts",
        "created_us",
        "draining",
        "epoch",
        "explains",
        "explains_open",
        "finished",
        "finished_bytes",
        "flaps",
        "gate",
        "generation",
        "journal",
        "journal_dropped",
        "journal_sent_us",
        "label_table",
        "lag_us",
        "ledger",
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
        "peers",
        "questions",
        "quota_of",
        "quotas",
        "rand",
        "roster",
        "routes",
        "sessions",
        "settings",
        "sheddable",
        "site",
        "site_rule",
        "summaries",
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
        # By priority, oldest first: what waits and was neither acknowledged nor begun.
        self.sheddable: tuple[OrderedDict[Task, None], ...] = tuple(OrderedDict() for _ in range(PRIORITIES))
        self.capabilities: dict[str, Capability] = {}
        self.capability_names: list[str] = [""]
        self.tasks: dict[tuple[str, TaskId], Task] = {}
        self.attempts: dict[int, Attempt] = {}
        self.timers: TimerWheel[Task | Node | Peer] = TimerWheel()
        self.peers: dict[str, Peer] = {}
        self.gate = Gate()
        self.routes: dict[RouteKey, Route] = {}
        self.created_us = -1  # the latest instant that a task was opened at
        self.parked: dict[RouteKey, dict[Task, None]] = {}
        self.asks: OrderedDict[int, RouteKey] = OrderedDict()
        self.asking: dict[RouteKey, tuple[int, int]] = {}  # question, and when it was asked
        self.explains: dict[RouteKey, list[tuple[int, Query]]] = {}
        self.explains_open = 0
        self.claims: dict[int, Node] = {}
        self.verdicts: dict[object, Verdict] = {}
        self.away: OrderedDict[str, Node] = OrderedDict()
        self.flaps: dict[str, Flaps] = {}
        self.ledger = Ledger()
        self.finished: deque[Task] = deque()  # oldest first
        self.finished_bytes = 0
        self.open_count = self.open_bytes = 0
        self.open_by_principal: dict[str, int] = {}
        self.quotas: tuple[tuple[str, int], ...] = ()
        self.quota_of: dict[str, int] = {}
        self.questions = Questions()
        self.roster = self.lag_us = (
            0  # grows when a node changes its state; for how long we stood still in all
        )
        self.summaries: dict[str, Summary] = {}
        self.generation = self.allowed_labels = 0
        self.site_rule = ""
        self.label_table = LabelTable()
        self.draining = False
        self.next_attempt = self.next_ask = self.next_token = 1
        self.journal: list[tuple[object, ...]] = []
        self.journal_dropped = 0
        self.journal_sent_us = 0
        self.counts: dict[str, int] = {}

    @property
    def awake_us(self) -> int:
        """The instant on a clock that stands still while this process does: silence is measured by it."""
        return self.now_us - self.lag_us

    @property
    def idle(self) -> bool:
        """Whether an end would lose nothing: no task is open, and the store has decided whatever it was given."""
        owed = self.ledger.persisting or self.ledger.insisted or self.ledger.failed or self.ledger.closing
        return not self.open_count and not owed

    def stood_still(self, by_us: int) -> None:
        """Note that this process stood still. A little does not count, or a loop always late would see no silence."""
        if by_us > LAG_US:
            self.lag_us += by_us - LAG_US
            self.count("stood_still_ms", by_us // 1_000)

    def capability(self, name: str) -> Capability:
        """Return the capability of that name, made on first use; ids are never reused."""
        found = self.capabilities.get(name)
        if found is None:
            found = Capability(name, len(self.capability_names), self.settings)
            self.capabilities[name] = found
            self.capability_names.append(name)
        return found

    def attempt_of(self, epoch: int, number: int) -> Attempt | None:
        """Return the attempt that a node calls by these names, if it is known: one of this epoch or a former one's."""
        if epoch == self.epoch:
            return self.attempts.get(number)
        inherited = self.ledger.inherited.get((epoch, number))
        return self.attempts.get(inherited) if inherited is not None else None

    def take_attempt(self, attempt: Attempt) -> None:
        """Take an attempt out of the books: nobody has it any more."""
        self.attempts.pop(attempt.number, None)
        if attempt.epoch != self.epoch:
            self.ledger.inherited.pop((attempt.epoch, attempt.told), None)

    def number_attempt(self) -> int:
        """Return a number for a new attempt; the wire gives it 32 bits."""
        number = self.next_attempt
        while number in self.attempts:
            number += 1  # only after the numbers began anew
        self.next_attempt = number + 1 if number < U32_MAX else 1
        return number

    def number_ask(self) -> int:
        """Return the number of the next question to the control process; the wire gives it 32 bits."""
        ask = self.next_ask
        self.next_ask = ask + 1 if ask < U32_MAX else 1
        return ask

    def unqueue(self, task: Task) -> None:
        """Let a task wait no longer."""
        if task.queued and task.route is not None:
            task.queued = False
            self.sheddable[task.header.priority].pop(task, None)
            capability = self.capabilities[task.route.steps[task.at].capability]
            capability.waiting_count -= 1
            capability.waiting[task.header.priority].remove(task)

    def instant(self) -> int:
        """Return now as the instant at which a task is opened, or the next one that is free: lists are paged by it."""
        self.created_us = max(self.now_us, self.created_us + 1)
        return self.created_us

    def age_us(self, since_us: int) -> int:
        """Return for how long something has been there."""
        return max(0, self.now_us - since_us)

    def acknowledged(self, task: Task) -> None:
        """Note that somebody has a receipt for a task: it is never shed."""
        task.receipt = True
        self.sheddable[task.header.priority].pop(task, None)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter that the control process publishes."""
        self.counts[name] = self.counts.get(name, 0) + by

    def note(self, *entry: object) -> None:
        """Put a decision in the journal. Never payload content; what does not fit is counted and dropped."""
        if len(self.journal) < self.settings.journal_max:
            self.journal.append((self.now_us, *entry))
        else:
            self.journal_dropped += 1
