"""Random histories against the conductor's core: whatever peers do, its promises hold after every event."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from conductor.core.settings import Settings
from hive.ids import TaskId
from hive.wire.messages import EMPTY, Beat, Bye, Cancel, Outcome, Refuse, Work
from tests.unit.conductor.core.bench import CLIENT, CONTROL, INTERNAL, MS, PII, Bench

_NODES = st.sampled_from(["a", "b", "c"])
_PHI = 8


class Histories(RuleBasedStateMachine):
    """Nodes come, crash, hang, answer, refuse and lie; clients submit, repeat and cancel; commits come late."""

    def __init__(self) -> None:
        """Begin with an empty site."""
        super().__init__()
        self.bench = Bench(Settings(queue_max_tasks=20, finished_max_tasks=50, retry_burst=5))
        self.bench.auto_commit = False
        self.next_session = 100
        self.sessions: dict[str, int] = {}
        self.holding: dict[int, dict[int, Work]] = {}
        self.seen = 0
        self.asked: set[TaskId] = set()
        self.boots: dict[str, int] = {}

    def _collect(self) -> None:
        for session, message in self.bench.sent[self.seen :]:
            if isinstance(message, Work):
                assert not message.header.labels & ~self.bench.allowed, (
                    "work with a forbidden label left the conductor"
                )
                self.holding.setdefault(session, {})[message.header.attempt] = message
        self.seen = len(self.bench.sent)

    @rule(name=_NODES, credit=st.integers(1, 3))
    def join(self, name: str, credit: int) -> None:
        if name not in self.sessions:
            self.next_session += 1
            self.sessions[name] = self.boots[name] = self.next_session
            self.bench.node(self.next_session, name, credit=credit, incarnation=self.next_session)
            if any(isinstance(m, Refuse) for s, m in self.bench.sent if s == self.next_session):
                del self.sessions[name]

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), polite=st.booleans())
    def leave(self, data: st.DataObject, polite: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        session = self.sessions.pop(data.draw(st.sampled_from(sorted(self.sessions))))
        self.holding.pop(session, None)
        if polite:
            self.bench.send(session, Bye(EMPTY))
        else:
            self.bench.lose(session)

    @rule(
        labels=st.sampled_from([0, INTERNAL, PII, _PHI]),
        wait=st.booleans(),
        durable=st.booleans(),
        deadline_ms=st.integers(1, 5000),
        key=st.sampled_from(["", "", "k1", "k2"]),
    )
    def submit(self, labels: int, wait: bool, durable: bool, deadline_ms: int, key: str) -> None:  # noqa: FBT001
        task = self.bench.submit(
            labels=labels,
            wait=wait,
            durable=durable,
            deadline_us=deadline_ms * MS,
            key=key,
            body=key.encode(),
        )
        self.asked.add(task)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.asked)))
        self.bench.send(CLIENT, Cancel(EMPTY._replace(task=task)))

    @precondition(lambda self: any(self.holding.get(s) for s in self.sessions.values()))
    @rule(
        data=st.data(),
        how=st.sampled_from(["answer", "answer", "inference_failed", "draining", "input_invalid"]),
    )
    def reply(self, data: st.DataObject, how: str) -> None:
        session = data.draw(st.sampled_from(sorted(s for s in self.sessions.values() if self.holding.get(s))))
        attempt = data.draw(st.sampled_from(sorted(self.holding[session])))
        work = self.holding[session].pop(attempt)
        if how == "answer":
            self.bench.answer(session, work)
        else:
            self.bench.refuse(session, work, how)

    @rule(by_ms=st.integers(1, 800), beating=st.booleans())
    def wait_a_while(self, by_ms: int, beating: bool) -> None:  # noqa: FBT001
        if beating:
            for session in self.sessions.values():
                self.bench.send(session, Beat(EMPTY))
        self.bench.tick(by_ms * MS)
        live = {node.session for node in self.bench.core.state.nodes.values()}
        self.sessions = {name: session for name, session in self.sessions.items() if session in live}

    @rule(allowed=st.sampled_from([INTERNAL, PII, INTERNAL | PII]))
    def policy_changes(self, allowed: int) -> None:
        self._collect()
        self.bench.allowed = allowed
        self.bench.generation(self.bench.core.state.generation + 1)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), twice=st.booleans())
    def cut_and_back(self, data: st.DataObject, twice: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The same boot reconnects and says what it holds, some of it twice."""
        name = data.draw(st.sampled_from(sorted(self.sessions)))
        old = self.sessions.pop(name)
        self._collect()
        works = self.holding.pop(old, {})
        held = tuple((w.header.epoch, w.header.attempt) for w in works.values())
        self.bench.lose(old)
        self.next_session += 1
        boot = self.boots[name]
        self.bench.node(self.next_session, name, credit=3, incarnation=boot, held=held * (2 if twice else 1))
        if self.next_session in {n.session for n in self.bench.core.state.nodes.values()}:
            self.sessions[name] = self.next_session
            self.holding[self.next_session] = works

    @rule()
    def commit(self) -> None:
        self.bench.commit()

    @rule()
    def control_restarts(self) -> None:
        self.bench.lose(CONTROL)
        self.bench.restart_control()

    @invariant()
    def one_outcome_and_no_forbidden_work(self) -> None:
        self._collect()
        told: dict[TaskId, set[tuple[str, tuple[bytes, ...]]]] = {}
        for session, message in self.bench.sent:
            if session == CLIENT and isinstance(message, Outcome):
                told.setdefault(message.header.task, set()).add((message.state, message.body))
        keyed = {task for task in told if len(told[task]) > 1}
        assert not keyed, f"two different outcomes were shown of {[t.hex() for t in keyed]}"

    @invariant()
    def credit_is_never_exceeded(self) -> None:
        for node in self.bench.core.state.nodes.values():
            assert node.inflight <= node.credit

    def teardown(self) -> None:
        """When nothing more happens but time, every task ends and nothing of it stays."""
        for _ in range(3):
            self.bench.commit()
            self.bench.tick(6_000 * MS)
        self.bench.commit()
        s = self.bench.core.state
        assert (s.open_count, s.open_bytes, s.open_by_principal) == (0, 0, {})
        assert all(task.closed for task in s.tasks.values())
        assert (s.parked, s.persisting, s.asks, s.asking) == ({}, {}, {}, {})
        assert s.attempts == {n: a for node in s.nodes.values() for n, a in node.attempts.items()}
        assert len(s.timers) == len(s.nodes)
        assert all(c.waiting_count == 0 for c in s.capabilities.values())


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
