"""A conductor core on a bench: sessions are numbers, time is an argument, every action is kept."""

from __future__ import annotations

from conductor.core.actions import Action, Look, Looked, Lost, Persist, Received, Recovered, Send, Tick
from conductor.core.invariants import validate_state
from conductor.core.machine import Conductor
from conductor.core.settings import Settings
from conductor.store.memory import MemoryStore, Tables
from hive.ids import TaskId, task_id_for_key
from hive.wire.messages import (
    EMPTY,
    Answer,
    AttemptRef,
    Beat,
    Flag,
    Generation,
    Hello,
    Message,
    Offer,
    Outcome,
    Plan,
    PlanWanted,
    Refuse,
    Seen,
    Submit,
    Verdict,
    Work,
)

INTERNAL = 2
PII = 4
MS = 1_000
CONTROL, CLIENT = 1, 2
CLASSIFY = "text.classify_intent"


class Bench:
    """One site with a control process that grants and plans by two tables."""

    def __init__(
        self,
        settings: Settings | None = None,
        tables: Tables | None = None,
        epoch: int = 7,
        now_us: int = 1_000_000,
        *,
        control: bool = True,
    ) -> None:
        """Bring up core, control and one client; with the `tables` of an earlier start, what they hold comes back."""
        self.now = now_us
        self.core = Conductor("m", "plant", "plant", epoch, settings or Settings(), lambda: 0.5)
        self.store = MemoryStore(tables=tables)
        self.sent: list[tuple[int, Message]] = []
        self.actions: list[Action] = []
        self.plans: dict[str, tuple[str, ...]] = {}
        self.ways: dict[str, tuple[dict[str, object], ...]] = {}
        self.steps: tuple[dict[str, object], ...] = ()
        self.plan_refusal: dict[str, object] = {}
        self.removes = 0
        self.refuse_claims = False
        self.allowed = INTERNAL | PII
        self.allowed_at: dict[str, int] = {}
        self.pool = ""
        self.labels: tuple[str, ...] = ()
        self.auto_commit = self.auto_look = True
        self.next_task = 1
        self.unheard: list[Message] | None = None
        self._do(Recovered(self.store.recover()))
        if control:
            self.restart_control()
        self.send(CLIENT, Hello(EMPTY, "client", "local", "m"))

    def restart_control(self) -> None:
        """Let a control process connect and publish the policy, before it answers what it is asked."""
        self.unheard = []
        self.send(CONTROL, Hello(EMPTY, "control", "control", "m"), trusted=True)
        unheard, self.unheard = self.unheard, None
        self.generation(self.core.state.generation + 1)
        for message in unheard:
            self._control(message)

    def generation(self, number: int) -> None:
        """Publish a policy generation."""
        self.send(CONTROL, Generation(EMPTY, number, self.allowed, "plant-data", self.labels))

    def send(self, session: int, message: Message, *, trusted: bool = False) -> list[Message]:
        """Let a peer say something; return what the core sent to that peer because of it."""
        before = len(self.sent)
        self._do(Received(session, message, trusted))
        return [m for to, m in self.sent[before:] if to == session]

    def lose(self, session: int) -> None:
        """Close a connection."""
        self._do(Lost(session))

    def tick(self, by_us: int, lag_us: int = 0) -> None:
        """Let time pass in one go, then tick."""
        self.now += by_us
        self._do(Tick(lag_us))

    def run_for(self, us: int, beating: tuple[int, ...] = (), every_us: int = 100 * MS) -> None:
        """Let time pass in small steps; the sessions in `beating` keep beating."""
        end = self.now + us
        while self.now < end:
            self.now = min(self.now + every_us, end)
            for session in beating:
                self._do(Received(session, Beat(EMPTY)))
            self._do(Tick())

    def node(  # noqa: PLR0913 - each test names the one or two that it is about
        self,
        session: int,
        name: str,
        capability: str = CLASSIFY,
        credit: int = 2,
        incarnation: int = 1,
        held: tuple[AttemptRef, ...] = (),
        unacked: tuple[AttemptRef, ...] = (),
        *,
        digest: str = "sha256:00",
        site: str = "plant",
        idempotent: bool = False,
    ) -> list[Message]:
        """Connect a node."""
        offer = Offer(
            capability,
            "1.0.0",
            (("text", "text"),),
            "intent",
            digest,
            "x@1.0.0",
            run_bound_us=50 * MS,
            idempotent=idempotent,
        )
        hello = Hello(EMPTY, "node", name, "m", site, incarnation, credit=credit, offers=(offer,), held=held,
                      unacked=unacked)  # fmt: skip
        return self.send(session, hello)

    def submit(  # noqa: PLR0913 - each test names the one or two that it is about
        self,
        capability: str = CLASSIFY,
        *,
        wait: bool = True,
        labels: int = INTERNAL,
        key: str = "",
        deadline_us: int = 1_000_000,
        priority: int = 5,
        durable: bool = False,
        min_confidence: float = 0.0,
        task: TaskId | None = None,
        session: int = CLIENT,
        body: bytes = b"hello",
    ) -> TaskId:
        """Submit a task and return its id."""
        if task is None:
            task = task_id_for_key(key) if key else TaskId(self.next_task.to_bytes(16, "big"))
            self.next_task += 1
        flags = (Flag.WAIT if wait else 0) | (Flag.DURABLE if durable else 0)
        header = EMPTY._replace(
            flags=int(flags),
            task=task,
            labels=labels,
            remaining_us=deadline_us,
            sent_us=self.now,
            priority=priority,
        )
        self.send(session, Submit(header, capability, min_confidence=min_confidence, key=key, body=(body,)))
        return task

    def answer(
        self,
        session: int,
        work: Work,
        body: bytes = b"ok",
        confidence: float = 0.9,
        removed: int = 0,
    ) -> None:
        """Answer a piece of work."""
        self.send(session, Answer(work.header, confidence, removed, 10, 20, (body,)))

    def refuse(self, session: int, work: Work, code: str) -> None:
        """Refuse a piece of work."""
        self.send(session, Refuse(work.header, code))

    def work(self, session: int) -> list[Work]:
        """Return the work sent to a node so far."""
        return [m for to, m in self.sent if to == session and isinstance(m, Work)]

    def outcomes(self, session: int = CLIENT) -> list[Outcome]:
        """Return the outcomes sent to a client so far."""
        return [m for to, m in self.sent if to == session and isinstance(m, Outcome)]

    def refusals(self, session: int = CLIENT) -> list[Refuse]:
        """Return the refusals sent to a peer so far."""
        return [m for to, m in self.sent if to == session and isinstance(m, Refuse)]

    def of(self, session: int, kind: type) -> list[Message]:
        """Return the messages of one kind sent to a peer so far."""
        return [m for to, m in self.sent if to == session and isinstance(m, kind)]

    def commit(self) -> None:
        """Let the store take every record and question that waits for it."""
        waiting = [a for a in self.actions if isinstance(a, Persist | Look)]
        self.actions = [a for a in self.actions if not isinstance(a, Persist | Look)]
        for action in waiting:
            if isinstance(action, Persist):
                self.store.write(action.token, action.record)
            else:
                self.store.ask(action.token, action.question)
        for event in self.store.events():
            self._do(event)

    def restarted(self, *, control: bool = True) -> Bench:
        """Return a bench with the next start of the conductor, on what the store of this one has committed."""
        state = self.core.state
        return Bench(state.settings, self.store.tables, state.epoch + 1, self.now, control=control)

    def _do(self, event: object) -> None:
        for action in self.core.handle(event, self.now):  # type: ignore[arg-type]
            if isinstance(action, Send):
                self.sent.append((action.session, action.message))
                if action.session == CONTROL and self.unheard is None:
                    self._control(action.message)
                elif action.session == CONTROL and self.unheard is not None:
                    self.unheard.append(action.message)
            elif isinstance(action, Look) and self.auto_look:
                self._do(Looked(action.token, self.store.tables.answer(action.question)))
            else:
                self.actions.append(action)
        validate_state(self.core.state)
        if self.auto_commit:
            self.commit()

    def _control(self, message: Message) -> None:
        if isinstance(message, Seen):
            pool = self.pool or message.offers[0].capability + "#0"
            grants = ({"capability": message.offers[0].capability, "pool": pool, "removes": self.removes,
                       "rule": "nodes"},)  # fmt: skip
            allowed = self.allowed_at.get(message.site, self.allowed)
            refused = {"code": "claim_refused", "detail": "no", "rule": "nodes"}
            verdict = Verdict(EMPTY, message.ask, message.name, allowed, grants)
            if self.refuse_claims:
                verdict = Verdict(EMPTY, message.ask, message.name, allowed, (), refused)
            self._do(Received(CONTROL, verdict))
        elif isinstance(message, PlanWanted):
            chain = self.plans.get(message.capability or message.want, (message.capability,))
            steps = (
                self.ways.get(message.capability)
                or self.steps
                or tuple(
                    {
                        "capability": c,
                        "output": "out",
                        "inputs": [["text", "text", i - 1]],
                        "labels": message.labels,
                    }
                    for i, c in enumerate(chain)
                )
            )
            plan = Plan(EMPTY, message.ask, self.core.state.generation, steps, default_labels=INTERNAL)
            if self.plan_refusal:
                plan = Plan(EMPTY, message.ask, self.core.state.generation, (), self.plan_refusal)
            self._do(Received(CONTROL, plan))
