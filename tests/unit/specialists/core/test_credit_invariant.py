"""Any order of events: credit is never exceeded, and every work ends in exactly one reply or is dropped."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hive.ids import TaskId
from hive.wire.messages import EMPTY, Ack, Answer, AttemptRef, Header, Refuse, Revoke, Welcome, Work
from specialists.core.admission import NodeLimits
from specialists.core.events import (
    Done,
    Drain,
    Failed,
    Joined,
    Left,
    NodeAction,
    NodeEvent,
    Ran,
    Received,
    Run,
    Send,
    Turned,
)
from specialists.core.machine import NodeCore

CREDIT = 3
GRANTORS = (0, 1)


class Conductor:
    """The other side as the protocol describes it: what it gave and what came back."""

    def __init__(self) -> None:
        self.joined = False
        self.open: set[AttemptRef] = set()
        self.dropped: set[AttemptRef] = set()
        self.replied: dict[AttemptRef, str] = {}
        self.session: list[AttemptRef] = []
        self.in_session = 0

    def heard(self, reply: Answer | Refuse) -> None:
        ref = (reply.header.epoch, reply.header.attempt)
        kind = type(reply).__name__
        assert self.replied.setdefault(ref, kind) == kind, "an attempt was answered and refused"
        assert ref not in self.dropped, "a reply was sent that the conductor said it does not want"
        assert ref not in self.session, "a reply was sent twice in one session"
        self.session.append(ref)
        self.in_session += 1
        self.open.discard(ref)


class NodeMachine(RuleBasedStateMachine):
    """Feeds a core what conductors, models and time may do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now_us = 1_000_000
        self.core = NodeCore("c", NodeLimits(run_bound_us=300_000, max_batch=2, max_unacked=50), 100)
        self.conductors = {key: Conductor() for key in GRANTORS}
        self.next_attempt = 1
        self.running: tuple[Work, ...] = ()
        for key in GRANTORS:
            self.join(key, forgets=False)

    def feed(self, event: NodeEvent) -> None:
        for action in self.core.handle(event, self.now_us):
            self.perform(action)

    def perform(self, action: NodeAction) -> None:
        if isinstance(action, Run):
            assert not self.running, "two runs at once"
            self.running = action.works
        elif isinstance(action, Send):
            conductor = self.conductors[action.grantor]
            assert conductor.joined, "sent without a session"
            if isinstance(action.message, Answer | Refuse):
                conductor.heard(action.message)

    @rule(key=st.sampled_from(GRANTORS), forgets=st.booleans())
    def join(self, key: int, forgets: bool) -> None:  # noqa: FBT001
        conductor = self.conductors[key]
        if conductor.joined:
            self.leave(key)
        listed = set(self.core.held(key)) | set(self.core.unacked(key))
        drop = tuple(ref for ref in listed if forgets or ref not in conductor.open)
        conductor.open = listed - set(drop)
        conductor.dropped.update(drop)
        conductor.joined = True
        conductor.session.clear()
        conductor.in_session = 0
        self.feed(Joined(key, CREDIT, Welcome(EMPTY, 1, "c", "s", "n", "ready", drop=drop)))

    @rule(key=st.sampled_from(GRANTORS))
    def leave(self, key: int) -> None:
        if self.conductors[key].joined:
            self.conductors[key].joined = False
            self.feed(Left(key))

    @rule(
        key=st.sampled_from(GRANTORS),
        priority=st.integers(0, 9),
        remaining_us=st.sampled_from([-1, 0, 50, 1_000, 500_000]),
        delay_us=st.sampled_from([0, 0, 700, 90_000]),
    )
    def give(self, key: int, priority: int, remaining_us: int, delay_us: int) -> None:
        conductor = self.conductors[key]
        if not conductor.joined:
            return
        ref = (1, self.next_attempt)
        self.next_attempt += 1
        conductor.open.add(ref)
        header = Header(
            priority=priority,
            epoch=ref[0],
            attempt=ref[1],
            remaining_us=remaining_us,
            sent_us=self.now_us - delay_us,
            task=TaskId(ref[1].to_bytes(16, "little")),
        )
        self.feed(Received(key, Work(header, (), (b"x",))))

    @rule(key=st.sampled_from(GRANTORS), back=st.integers(0, 6))
    def revoke(self, key: int, back: int) -> None:
        header = Header(epoch=1, attempt=max(self.next_attempt - back, 0))
        self.feed(Received(key, Revoke(header)))

    @rule(key=st.sampled_from(GRANTORS), short=st.integers(0, 3))
    def acknowledge(self, key: int, short: int) -> None:
        conductor = self.conductors[key]
        if conductor.joined:
            self.feed(Received(key, Ack(EMPTY, max(conductor.in_session - short, 0))))

    @rule(after_us=st.sampled_from([0, 100, 60_000, 400_000]))
    def turn(self, after_us: int) -> None:
        self.now_us += after_us
        self.feed(Turned())

    @rule(after_us=st.sampled_from([10, 5_000, 2_000_000]), fails=st.booleans())
    def ran(self, after_us: int, fails: bool) -> None:  # noqa: FBT001
        if not self.running:
            return
        self.now_us += after_us
        works, self.running = self.running, ()
        self.feed(Ran(tuple(Failed("inference_failed") if fails else Done((b"y",)) for _ in works)))

    @rule(chance=st.integers(0, 15))
    def drain(self, chance: int) -> None:
        if chance == 0:  # after it nothing new is taken, so most runs should not begin with it
            self.feed(Drain())

    @invariant()
    def holds(self) -> None:
        self.core.validate_state()
        for key in GRANTORS:
            assert len(self.core.held(key)) <= CREDIT

    def teardown(self) -> None:
        """Let everything finish: nothing that a conductor still waits for may be left."""
        for key in GRANTORS:
            self.join(key, forgets=False)
        for _ in range(50):
            if self.running:
                self.ran(10, fails=False)
            self.turn(100)
        for key, conductor in self.conductors.items():
            assert not self.core.held(key)
            assert conductor.open == set()


NodeMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestCreditInvariant = NodeMachine.TestCase
