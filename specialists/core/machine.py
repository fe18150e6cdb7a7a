"""The core of a node: `handle(event, now_us) -> actions`.

It decides what to admit, when to beat, what to run together and what to say; the shell has the sockets, the clock
and the model. `validate_state` checks what must always hold: above all that no grantor has more works in flight
than the credit that it was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import cast

from hive.core.outbox import Reply
from hive.wire.messages import (
    NO_DEADLINE_US,
    Ack,
    AttemptRef,
    Beat,
    Bye,
    Kind,
    Message,
    Refuse,
    Revoke,
    Running,
    Welcome,
    Work,
)
from specialists.core.admission import NodeLimits, RunTime, objection
from specialists.core.batching import Item
from specialists.core.events import (
    Done,
    Drain,
    Drained,
    Failed,
    Joined,
    Left,
    Malformed,
    NodeAction,
    NodeEvent,
    Ran,
    Received,
    Run,
    Send,
    Turned,
)
from specialists.core.grantor import Grantor
from specialists.core.holdings import Holdings, check
from specialists.core.replies import answer_to, plain_header, refusal_of, removed_by, reply_header
from specialists.core.states import ItemState, NodeState, next_node

_Handler = Callable[[NodeEvent], None]
_is_joined = attrgetter("joined")


class NodeCore:
    """The state of one node that offers one capability.

    `counts` holds counters since the start (`admitted`, `answered`, `refused:<code>`, ...); `turns` counts Turned.
    """

    def __init__(self, capability: str, limits: NodeLimits, run_us: int = 0) -> None:
        """Make an idle node; `run_us` is the time per work that the warm-up measured, 0 if unknown."""
        self.state = NodeState.WORKING
        self.limits = limits
        self.turns = 0
        self.counts: Counter[str] = Counter()
        self._capability = capability
        self._run_time = RunTime(run_us)
        self._grantors: dict[int, Grantor] = {}
        self._holdings = Holdings()
        self._idle_us: int | None = None
        self._now_us = 0
        self._out: list[NodeAction] = []
        handlers = {
            Received: self._received,
            Turned: self._turned,
            Ran: self._ran,
            Joined: self._joined,
            Left: self._left,
            Malformed: self._malformed,
            Drain: self._drain,
        }
        self._handlers = cast("dict[type, _Handler]", handlers)

    def handle(self, event: NodeEvent, now_us: int) -> list[NodeAction]:
        """Take one event and return what to do, in order. Raises NodeFaultError for an event that cannot be now."""
        self._now_us = now_us
        self._out = []
        self._handlers[type(event)](event)
        return self._out

    @property
    def next_us(self) -> int | None:
        """The instant at which the loop should turn again; 0 if work waits, None if only a message can matter."""
        if self._holdings.queue.count and not self._holdings.running:
            return 0
        due = [g.next_beat_us for g in self._grantors.values() if g.joined]
        if self.state is NodeState.DRAINING and not self._holdings:
            due.append(0 if self._idle_us is None else self._idle_us + self.limits.drain_grace_us)
        return min(due, default=None)

    @property
    def inflight(self) -> int:
        """Attempts that are held and not answered yet."""
        return len(self._holdings)

    def held(self, grantor: int) -> tuple[AttemptRef, ...]:
        """Return the attempts of a grantor that are queued or run, for its next HELLO."""
        return tuple(item.ref for item in self._holdings.of(grantor))

    def unacked(self, grantor: int) -> tuple[AttemptRef, ...]:
        """Return the attempts of a grantor whose replies it has not acknowledged, for its next HELLO."""
        found = self._grantors.get(grantor)
        return found.outbox.refs() if found else ()

    def validate_state(self) -> None:
        """Raise NodeFaultError if an invariant does not hold."""
        self._holdings.validate(self._grantors.values(), self.limits.max_batch)
        for grantor in self._grantors.values():
            check(len(grantor.outbox) <= self.limits.max_unacked, "too many replies are kept")
            check(
                grantor.outbox.size_bytes <= self.limits.max_unacked_bytes, "the replies kept are too large"
            )
        check(self.state is not NodeState.DRAINED or not self._holdings, "a drained node holds work")

    def _joined(self, event: Joined) -> None:
        grantor = self._grantors.setdefault(event.grantor, Grantor(event.grantor))
        grantor.join(event.credit, self._now_us)
        grantor.welcome(event.welcome, self._capability)
        unwanted = frozenset(event.welcome.drop)
        for item in self._holdings.of(grantor.key):
            if item.ref in unwanted:
                self._drop(grantor, item)
        for reply in grantor.outbox.renew(unwanted, grantor.labels):
            self._send(grantor, reply)
        if self.state is NodeState.DRAINING:
            self._beat(grantor, 0)

    def _left(self, event: Left) -> None:
        grantor = self._grantors.get(event.grantor)
        if grantor is None:
            return
        grantor.joined = False
        if event.forget:
            for item in self._holdings.of(grantor.key):
                self._drop(grantor, item)
            del self._grantors[event.grantor]

    def _drop(self, grantor: Grantor, item: Item) -> None:
        self._holdings.drop(grantor, item)
        self.counts["dropped"] += 1

    def _received(self, event: Received) -> None:
        grantor = self._grantors.get(event.grantor)
        if grantor is None:
            return
        message = event.message
        match message:
            case Work():
                self._work(grantor, message)
            case Ack():
                grantor.acks += 1
                grantor.outbox.acknowledged(message.answers)
            case Revoke():
                self._revoke(grantor, message)
            case Welcome():
                grantor.welcome(message, self._capability)
            case Refuse() | Bye():
                self.counts["refused_by_grantor"] += 1
            case _:
                detail = f"A node does not take {type(message).__name__}."
                self._malformed(Malformed(grantor.key, message.header, 0, "kind_unknown", detail))

    def _work(self, grantor: Grantor, work: Work) -> None:
        header, now_us = work.header, self._now_us
        queued_us = grantor.delay.queued_us(header.sent_us, now_us)
        deadline_us = None
        if header.remaining_us != NO_DEADLINE_US:
            deadline_us = now_us + header.remaining_us - queued_us
        item = Item(grantor.key, work, now_us, deadline_us)
        if item.ref in grantor.outbox or self._holdings.find(grantor, item.ref) is not None:
            self.counts["duplicates"] += 1
            return
        draining = self.state is not NodeState.WORKING
        estimate_us = self._run_time.until_done_us(self._holdings.queue, item, now_us)
        why = objection(item, grantor, self.limits, draining=draining, estimate_us=estimate_us, now_us=now_us)
        if why is not None:
            if why.code == "deadline_too_short" and not self._holdings.queue.count:
                self._run_time.doubt()
            self._refuse(grantor, item, why)
            return
        self._holdings.admit(grantor, item)
        self.counts["admitted"] += 1

    def _revoke(self, grantor: Grantor, revoke: Revoke) -> None:
        item = self._holdings.find(grantor, (revoke.header.epoch, revoke.header.attempt))
        if item is not None and item.state is ItemState.QUEUED:
            self._holdings.withdraw(grantor, item)
            self._refuse(grantor, item, Failed("cancelled", revoke.reason))

    def _malformed(self, event: Malformed) -> None:
        grantor = self._grantors.get(event.grantor)
        self.counts[f"malformed:{event.code}"] += 1
        if grantor is None or event.kind == Kind.REFUSE:
            return
        header = reply_header(event.header, 0, self._now_us)
        ref = (header.epoch, header.attempt)
        known = event.kind != Kind.WORK or ref in grantor.outbox or self._holdings.find(grantor, ref)
        refuse = Refuse(header, event.code, event.detail, event.kind)
        self._reply(grantor, None if known else ref, refuse)

    def _turned(self, _: Turned) -> None:
        self.turns += 1
        works = self._holdings.start(self.limits.max_batch, self._in_time, self._now_us)
        bound_us = self._run_time.bound_us(len(works), self.limits.run_bound_us) if works else 0
        for grantor in filter(_is_joined, self._grantors.values()):
            self._announce(grantor, bound_us)
        if works:
            self._out.append(Run(works, bound_us))
        elif self.state is NodeState.DRAINING and not self._holdings:
            self._finish_drain()

    def _in_time(self, item: Item) -> bool:
        """Say whether an item that leaves the queue may still run; refuse it otherwise."""
        if item.deadline_us is None or item.deadline_us > self._now_us:
            return True
        grantor = self._grantors[item.grantor]
        self._holdings.rejected(grantor, item)
        self._refuse(grantor, item, Failed("expired", "The deadline passed while the work was queued."))
        return False

    def _announce(self, grantor: Grantor, bound_us: int) -> None:
        """Beat if it is time, and say how long a run may keep us silent if that is longer than two beats."""
        silent_us = bound_us if bound_us > 2 * grantor.beat_us else 0
        if self._now_us >= grantor.next_beat_us:
            self._beat(grantor, silent_us)
        if silent_us:
            self._send(grantor, Running(plain_header(self._now_us), silent_us))

    def _beat(self, grantor: Grantor, busy_us: int) -> None:
        draining = self.state is NodeState.DRAINING
        grantor.beats += 1
        grantor.next_beat_us = self._now_us + grantor.beat_us
        if draining and grantor.drain_beat is None:
            grantor.drain_beat = grantor.beats
        beat = Beat(plain_header(self._now_us), self.turns, grantor.inflight, busy_us, draining)
        self._send(grantor, beat)

    def _ran(self, event: Ran) -> None:
        running = self._holdings.running
        check(running and len(running) == len(event.results), "the results do not fit what runs")
        run_us = self._now_us - running[0].started_us
        self._run_time.ran(len(running), run_us)
        for (item, grantor), result in zip(self._holdings.finish(self._grantors), event.results, strict=True):
            if grantor is None:
                self.counts["abandoned"] += 1
            elif isinstance(result, Done):
                self.counts["answered"] += 1
                answer = answer_to(item, result, grantor.labels, run_us, self._now_us)
                self._reply(grantor, item.ref, answer, removed_by(result))
            else:
                self.counts[f"refused:{result.code}"] += 1
                self._reply(grantor, item.ref, refusal_of(item, result, self._now_us))

    def _refuse(self, grantor: Grantor, item: Item, why: Failed) -> None:
        item.step("refused")
        self.counts[f"refused:{why.code}"] += 1
        self._reply(grantor, item.ref, refusal_of(item, why, self._now_us))

    def _reply(
        self, grantor: Grantor, ref: AttemptRef | None, reply: Reply, removes: tuple[str, ...] = ()
    ) -> None:
        grantor.outbox.add(ref, reply, removes)
        limits = self.limits
        forgotten = grantor.outbox.trim(limits.max_unacked, limits.max_unacked_bytes)
        self.counts["replies_forgotten"] += len(forgotten)
        if grantor.joined:
            self._send(grantor, reply)

    def _send(self, grantor: Grantor, message: Message) -> None:
        self._out.append(Send(grantor.key, message))

    def _drain(self, _: Drain) -> None:
        if self.state is NodeState.WORKING:
            self.state = next_node(self.state, "drain")
            for grantor in filter(_is_joined, self._grantors.values()):
                self._beat(grantor, 0)

    def _finish_drain(self) -> None:
        if self._idle_us is None:
            self._idle_us = self._now_us
        waited = self._now_us - self._idle_us >= self.limits.drain_grace_us
        if not waited and not all(g.settled() for g in self._grantors.values()):
            return
        self.state = next_node(self.state, "finished")
        for grantor in filter(_is_joined, self._grantors.values()):
            self._send(grantor, Bye(plain_header(self._now_us), "drained"))
        self._out.append(Drained())
