"""Several sites in one process: real cores and planners, joined by links in virtual time that can be cut."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from conductor.control.planner import Planner
from conductor.core.actions import (
    Action,
    CloseSession,
    Dial,
    Incoming,
    Look,
    Lost,
    Opened,
    Persist,
    Received,
    Recovered,
    Send,
    Tick,
)
from conductor.core.invariants import validate_state
from conductor.core.machine import Conductor
from conductor.core.peers import LinkSpec
from conductor.core.settings import Settings
from conductor.store.memory import MemoryStore, Tables
from hive.config import MeshConfig
from hive.ids import TaskId, task_id_for_key
from hive.wire.codec import decode, encode, unpack_document
from hive.wire.messages import (
    EMPTY,
    Answer,
    Beat,
    Event,
    Flag,
    Hello,
    Message,
    Offer,
    Outcome,
    PlanWanted,
    Refuse,
    Seen,
    Submit,
    Work,
)

MS = 1_000
S = 1_000_000
CONTROL, CLIENT = 1, 2
DIGEST = "sha256:" + "0" * 64
Answering = Callable[[Work], Answer | Refuse | None]


def mesh(text: str) -> MeshConfig:
    """Return the mesh that a document describes."""
    return MeshConfig.model_validate(yaml.safe_load(text))


class Node:
    """A node that answers each work after a while, by default with what it was given, in capitals."""

    def __init__(self, site: Site, session: int, offer: Offer, credit: int) -> None:
        """Take a place at a site."""
        self.site, self.session, self.offer, self.credit = site, session, offer, credit
        self.run_us = 5 * MS
        self.confidence = 0.9
        self.removes: tuple[str, ...] = ()
        self.answering = True
        self.works: list[Work] = []
        self.alive = True
        self.makes: Callable[[Work], tuple[bytes, ...]] = lambda work: tuple(f.upper() for f in work.body)

    def take(self, work: Work) -> None:
        """Do the work later."""
        self.works.append(work)
        self.site.world.ran(self, work)
        if self.answering:
            self.site.world.later(self.run_us, lambda: self.answer(work))

    def answer(self, work: Work) -> None:
        """Answer now."""
        if not self.alive:
            return
        table = self.site.core.state.label_table
        header = work.header._replace(sent_us=self.site.world.now)
        body = self.makes(work)
        removed = table.mask(self.removes)
        self.site.feed(Received(self.session, Answer(header, self.confidence, removed, 0, self.run_us, body)))

    def die(self) -> None:
        """Close the connection."""
        self.alive = False
        self.site.nodes.pop(self.session, None)
        self.site.feed(Lost(self.session))


class Site:
    """One site: core, planner, nodes and one client."""

    def __init__(self, world: World, name: str, config: MeshConfig) -> None:
        """Bring up the site with its control process and its client `local`."""
        self.world, self.name, self.config = world, name, config
        self.epoch = 0
        self.nodes: dict[int, Node] = {}
        self.ends: dict[int, tuple[Site, int]] = {}  # our session of a link -> the other end
        self.told: list[Message] = []
        self.raw: dict[
            int, list[Message]
        ] = {}  # sessions that a test speaks for by itself, and what they were sent
        self.next_session = 10
        self.alive = False
        self.tables = Tables()

    def start(self, *, planner: Planner | None = None) -> None:
        """Start the conductor, with nothing in its memory but what its store has; its control may have lived on."""
        self.epoch += 1
        links = self.config.sites[self.name].conductor
        dials = [LinkSpec(p.site, self.config.link_endpoint(p), links.upstream is p) for p in links.links()]
        rand = random.Random(f"{self.name} {self.epoch} {self.world.seed}").random
        self.alive = True
        self.core = Conductor(
            self.config.mesh, self.name, self.name, self.epoch, self.world.settings, rand, dials
        )
        self.store = MemoryStore(tables=self.tables)
        self.feed(Recovered(self.store.recover()))
        self.planner = planner or Planner(self.config, self.name, 1000 * self.epoch)
        self.feed(Received(CONTROL, Hello(EMPTY, "control", "control", self.config.mesh), trusted=True))
        self.publish()
        self.feed(Received(CLIENT, Hello(EMPTY, "client", "local", self.config.mesh), principal="local"))

    def kill(self) -> None:
        """The conductor dies; every connection with it. Its nodes are told and connect again with the next one."""
        self.alive = False
        for session in list(self.ends):
            self.world.sever(self, session)
        for node in self.nodes.values():
            node.alive = False
        self.nodes.clear()

    def reload(self, config: MeshConfig) -> None:
        """Read another policy, as after SIGHUP: the control process begins a new session."""
        self.config = config
        self.planner.reload(config)
        self.feed(Lost(CONTROL))
        self.feed(Received(CONTROL, Hello(EMPTY, "control", "control", config.mesh), trusted=True))
        self.publish()

    def publish(self) -> None:
        """Say the policy."""
        self.feed(Received(CONTROL, self.planner.present(), trusted=True))

    def node(
        self, name: str, capability: str, credit: int = 4, *, output: str = "intent", **facts: Any
    ) -> Node:
        """Connect a node."""
        self.next_session += 1
        inputs = facts.pop("inputs", (("text", "text"),))
        digest = facts.pop("digest", DIGEST)
        offer = Offer(
            capability, "1.0.0", inputs, output, digest, f"{name}@1.0.0", run_bound_us=50 * MS, **facts
        )
        node = Node(self, self.next_session, offer, credit)
        node.removes = offer.removes
        self.nodes[node.session] = node
        hello = Hello(EMPTY, "node", name, self.config.mesh, self.name, 1, credit=credit, offers=(offer,))
        self.feed(Received(node.session, hello))
        return node

    def submit(
        self, capability: str = "", body: bytes = b"hello", *, labels: tuple[str, ...] = (), **how: Any
    ) -> TaskId:
        """Submit a task of `local`; `wait`, `hold`, `durable`, `deadline_us`, `header` (fields), `want`, …"""
        self.world.tasks += 1
        ident = TaskId(self.world.tasks.to_bytes(16, "big"))
        if how.get("key"):
            ident = task_id_for_key(how["key"])
        flags = Flag.WAIT if how.pop("wait", True) else 0
        flags |= Flag.HOLD if how.pop("hold", False) else 0
        flags |= Flag.DURABLE if how.pop("durable", False) else 0
        header = EMPTY._replace(
            flags=flags,
            priority=how.pop("priority", 5),
            attempt=self.world.tasks,
            labels=self.core.state.label_table.mask(labels),
            remaining_us=how.pop("deadline_us", 5 * S),
            sent_us=self.world.now,
            task=ident,
            **how.pop("header", {}),
        )
        self.feed(Received(CLIENT, Submit(header, capability, body=(body,), **how), principal="local"))
        return ident

    def outcome(self, ident: TaskId) -> Outcome | Refuse | None:
        """Return what the client was told of a task, None if nothing yet."""
        found = [m for m in self.told if m.header.task == ident and isinstance(m, Outcome | Refuse)]
        assert len(found) < 2, "a task was told two outcomes"
        return found[0] if found else None

    def feed(self, event: Incoming) -> None:
        """Hand the core an event and do what it asks."""
        if self.alive:
            self.perform(self.core.handle(event, self.world.now))
            validate_state(self.core.state)

    def perform(self, actions: list[Action]) -> None:
        """Carry out actions."""
        for action in actions:
            match action:
                case Send(session, message):
                    self._send(session, decode(encode(message)))
                case Persist(token, record):
                    self.store.write(token, record)
                case Look(token, question):
                    self.store.ask(token, question)
                case Dial(site):
                    self.world.dial(self, site)
                case CloseSession(session):
                    self._close(session)
        for event in self.store.events():
            self.feed(event)

    def _send(self, session: int, message: Message) -> None:
        if session == CONTROL:
            self._control(message)
        elif session == CLIENT:
            if not isinstance(message, Event):
                self.told.append(message)
        elif session in self.raw:
            self.raw[session].append(message)
        elif session in self.nodes and isinstance(message, Work):
            self.nodes[session].take(message)
        elif session in self.ends:
            other, number = self.ends[session]
            self.world.carry(self, other, number, message)

    def _close(self, session: int) -> None:
        if session in self.ends:
            self.world.sever(self, session)

    def _control(self, message: Message) -> None:
        before = self.planner.generation
        if isinstance(message, Seen):
            verdict = self.planner.seen(message)
            if self.planner.generation != before:
                self.publish()
            self.feed(Received(CONTROL, verdict, trusted=True))
        elif isinstance(message, PlanWanted):
            self.feed(Received(CONTROL, self.planner.plan(message), trusted=True))


class World:
    """All sites, the time, and the network between them."""

    def __init__(self, config: MeshConfig, seed: int = 1, settings: Settings | None = None) -> None:
        """Start every site of a mesh; nothing is linked before time passes."""
        self.now = S
        self.seed = seed
        self.settings = settings or Settings()
        self.tasks = 0
        self.delay_us = 1 * MS
        self.cuts: set[tuple[str, str]] = set()
        self.carried: list[tuple[str, str, Message]] = []
        self.ran: Callable[[Node, Work], None] = lambda _node, _work: None
        self.crossed: Callable[[Site, Site, Message], None] = lambda _source, _target, _message: None
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._turn = 0
        self.sites = {name: Site(self, name, config) for name in config.sites}
        for site in self.sites.values():
            site.start()

    def __getitem__(self, name: str) -> Site:
        """Return a site."""
        return self.sites[name]

    def later(self, us: int, what: Callable[[], None]) -> None:
        """Do something after a while."""
        self._order += 1
        heapq.heappush(self._queue, (self.now + us, self._order, what))

    def run(self, us: int) -> None:
        """Let time pass: deliver, answer, tick; nodes beat."""
        end = self.now + us
        while self.now < end:
            due = min(end, self.now + 10 * MS)
            while self._queue and self._queue[0][0] <= due:
                at, _, what = heapq.heappop(self._queue)
                self.now = max(self.now, at)
                what()
            self.now = due
            self._tick()

    def until(self, holds: Callable[[], object], most_us: int = 60 * S) -> int:
        """Run until something holds and return how long that took; fail if it never does."""
        began = self.now
        while not holds():
            assert self.now - began < most_us, "it never came to that"
            self.run(10 * MS)
        return self.now - began

    def cut(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Lose every message from `a` to `b`, and back unless `one_way`."""
        self.cuts |= {(a, b)} if one_way else {(a, b), (b, a)}

    def heal(self) -> None:
        """Let everything through again. What was swallowed is gone: connections that lost something break."""
        self.cuts.clear()
        for site in self.sites.values():
            for session in list(site.ends):
                self.sever(site, session)

    def dial(self, site: Site, name: str) -> None:
        """Connect one site to another; nothing is refused where the other is dead or cut off, it only stays silent."""
        site.next_session += 1
        ours = site.next_session
        other = self.sites[name]
        other.next_session += 1
        theirs = other.next_session
        if other.alive:
            site.ends[ours] = (other, theirs)
            other.ends[theirs] = (site, ours)
        self.later(0, lambda: site.feed(Opened(ours, name)))

    def carry(self, source: Site, target: Site, session: int, message: Message) -> None:
        """Bring a message over a link, in order."""
        if (source.name, target.name) in self.cuts or not target.alive:
            return
        self.carried.append((source.name, target.name, message))
        self.crossed(source, target, message)
        event = Received(session, message, principal=message.name if isinstance(message, Hello) else "")
        self.later(self.delay_us, lambda: target.feed(event) if session in target.ends else None)

    def sever(self, site: Site, session: int) -> None:
        """Close a connection between sites; who is there hears of it."""
        other, number = site.ends.pop(session)
        other.ends.pop(number, None)
        self.later(0, lambda: other.feed(Lost(number)))
        self.later(0, lambda: site.feed(Lost(session)))

    def _tick(self) -> None:
        self._turn += 1
        for site in self.sites.values():
            if self._turn % 10 == 0:
                for node in list(site.nodes.values()):
                    site.feed(Received(node.session, Beat(EMPTY._replace(sent_us=self.now))))
            if 0 <= site.core.next_us() <= self.now:
                site.feed(Tick())

    def bodies(self, source: str, target: str) -> Iterator[bytes]:
        """Yield every body frame that went from one site to another."""
        for a, b, message in self.carried:
            if (a, b) == (source, target):
                yield from getattr(message, "body", ())


def provenance(outcome: Outcome) -> dict[str, Any]:
    """Return the provenance of an outcome."""
    document = unpack_document(outcome.provenance)
    assert isinstance(document, dict)
    return document
