"""Random histories against the conductor's core: whatever peers do, its promises hold after every event.

Every body says in its own first digits which labels it carries, so that the gate is judged by what was really sent.
"""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from conductor.core.actions import CommitFailed, Persist
from conductor.core.settings import Settings
from conductor.core.states import TaskState
from hive.ids import TaskId
from hive.wire.messages import EMPTY, Beat, Bye, Cancel, Credit, Flag, Outcome, Watch, Welcome, Work
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

_REDACT = "text.redact"
_NODES = {
    "a": (CLASSIFY, "plant"),
    "b": (_REDACT, "plant"),
    "c": (CLASSIFY, "cloud"),
    "d": (_REDACT, "plant"),
    "e": (CLASSIFY, "plant"),
}
_IDEMPOTENT = ("b", "d", "e")
_NAMES = st.sampled_from(sorted(_NODES))
_BOTH = INTERNAL | PII
_LABELS = st.sampled_from([_BOTH, _BOTH, _BOTH, INTERNAL, PII])
_MOSTLY = st.sampled_from([True, True, True, True, False])
_RARELY = st.sampled_from([False, False, False, True])
_PHI = 8


def body(labels: int, more: str = "") -> bytes:
    """Return a body that carries these labels and says so."""
    return f"{labels}|{more}".encode()


def labels_in(frames: tuple[bytes, ...]) -> int:
    """Return the labels of all these bodies together."""
    labels = 0
    for frame in frames:
        labels |= int(frame.split(b"|")[0])
    return labels


def call(capability: str, *sources: int) -> dict[str, object]:
    """Return a step of a plan."""
    return {"capability": capability, "output": "text", "inputs": [[f"i{s}", "text", s] for s in sources]}


class Histories(RuleBasedStateMachine):
    """Nodes come, crash, hang, answer, refuse and lie; clients submit, repeat and cancel; commits come late."""

    def __init__(self) -> None:
        """Begin with a node for each step."""
        super().__init__()
        self.bench = Bench(
            Settings(queue_max_tasks=20, finished_max_tasks=50, retry_burst=5, flap_losses=8, kills_max=2)
        )
        self.bench.auto_commit = False
        self.bench.removes = PII
        self.bench.allowed_at = {"cloud": INTERNAL}
        self.bench.ways = {
            "chain": (call(_REDACT, -1), call(CLASSIFY, 0)),
            "both": (call(_REDACT, -1), call(CLASSIFY, 0, -1)),
        }
        self.next_session = 100
        self.sessions: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.credit: dict[int, int] = {}
        self.boots: dict[str, int] = {}
        self.holding: dict[int, dict[int, Work]] = {}
        self.seen = 0
        self.asked: set[TaskId] = set()
        self.told: dict[TaskId, tuple[str, tuple[bytes, ...]]] = {}
        for capability in (CLASSIFY, _REDACT):  # as if it were known how long they take
            self.bench.core.state.capability(capability).hedging.after_us = 20 * MS
        for name in ("a", "b", "c"):
            self._connect(name, 2, 1)

    def _collect(self) -> None:
        """Judge what was sent since the last look, by what may be where and who has how many slots now."""
        for session, message in self.bench.sent[self.seen :]:
            if isinstance(message, Work):
                self._judge_work(session, message)
            elif isinstance(message, Welcome) and session in self.holding:
                for _, number in message.drop:
                    self.holding[session].pop(number, None)
            elif isinstance(message, Outcome) and session == CLIENT:
                story = (message.state, message.body)
                task = message.header.task
                assert self.told.setdefault(task, story) == story, f"{task.hex()} has two outcomes"
                assert b"stolen" not in b"".join(message.body), (
                    "an answer counted that was not given by its node"
                )
                assert not labels_in(message.body) & ~message.header.labels, "a result hides a label"
        self.seen = len(self.bench.sent)

    def _judge_work(self, session: int, work: Work) -> None:
        h = work.header
        site = _NODES[self.names[session]][1]
        carried = labels_in(work.body)
        assert not carried & ~h.labels, "a body carries a label that its header does not name"
        assert not h.labels & ~self.bench.allowed_at.get(site, self.bench.allowed), "forbidden data was sent"
        assert h.task not in self.told, "work was sent for a task that has its outcome"
        held = self.holding.setdefault(session, {})
        assert h.attempt not in held, "an attempt was sent twice"
        assert not h.flags & Flag.HEDGE or self.names[session] in _IDEMPOTENT, "a hedge where none may be"
        held[h.attempt] = work
        assert len(held) <= self.credit[session], "a node was sent more than it has slots"

    def _connect(self, name: str, credit: int, boot: int, **still: tuple[tuple[int, int], ...]) -> int:
        self.next_session += 1
        session = self.next_session
        self.names[session] = name
        self.credit[session] = credit
        capability, site = _NODES[name]
        known = name in _IDEMPOTENT
        self.bench.node(session, name, capability, credit, boot, site=site, idempotent=known, **still)
        if session in {node.session for node in self.bench.core.state.nodes.values()}:
            self.sessions[name] = session
            self.boots[name] = boot
        return session

    @rule(name=_NAMES, credit=st.integers(1, 3))
    def join(self, name: str, credit: int) -> None:
        if name not in self.sessions:
            self._connect(name, credit, self.next_session)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), polite=st.booleans())
    def leave(self, data: st.DataObject, polite: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        session = self.sessions.pop(data.draw(st.sampled_from(sorted(self.sessions))))
        self.holding.pop(session, None)
        if polite:
            self.bench.send(session, Bye(EMPTY))
        else:
            self.bench.lose(session)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), slots=st.integers(0, 3))
    def grant_slots(self, data: st.DataObject, slots: int) -> None:
        session = self.sessions[data.draw(st.sampled_from(sorted(self.sessions)))]
        self.credit[session] = slots
        self.bench.send(session, Credit(EMPTY, slots))

    @rule(
        capability=st.sampled_from([CLASSIFY, "chain", "both"]),
        labels=st.sampled_from([0, INTERNAL, PII, PII, _BOTH, _PHI]),
        wait=_MOSTLY,
        durable=_RARELY,
        deadline_ms=st.sampled_from([1, 50, 500, 5000, 5000, 5000]),
        key=st.sampled_from(["", "", "", "", "k1", "k2"]),
        priority=st.sampled_from([0, 3, 5, 5, 9]),
    )
    def submit(
        self,
        capability: str,
        labels: int,
        wait: bool,  # noqa: FBT001 - drawn by hypothesis
        durable: bool,  # noqa: FBT001
        deadline_ms: int,
        key: str,
        priority: int,
    ) -> None:
        task = self.bench.submit(
            capability,
            labels=labels,
            wait=wait,
            durable=durable,
            deadline_us=deadline_ms * MS,
            key=key,
            priority=priority,
            body=body(labels or INTERNAL, key),
        )
        self.asked.add(task)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), watch=st.booleans())
    def cancel_or_watch(self, data: st.DataObject, watch: bool) -> None:  # noqa: FBT001
        header = EMPTY._replace(task=data.draw(st.sampled_from(sorted(self.asked))))
        self.bench.send(CLIENT, Watch(header) if watch else Cancel(header))

    @precondition(lambda self: any(self.holding.get(s) for s in self.sessions.values()))
    @rule(
        data=st.data(),
        how=st.sampled_from(["answer", "answer", "answer", "inference_failed", "draining", "input_invalid"]),
        removed=st.sampled_from([0, PII]),
        thieves=_RARELY,
        twice=_RARELY,
    )
    def reply(
        self,
        data: st.DataObject,
        how: str,
        removed: int,
        thieves: bool,  # noqa: FBT001
        twice: bool,  # noqa: FBT001
    ) -> None:
        session = data.draw(st.sampled_from(sorted(s for s in self.sessions.values() if self.holding.get(s))))
        attempt = data.draw(st.sampled_from(sorted(self.holding[session])))
        work = self.holding[session].pop(attempt)
        for other in sorted(self.sessions.values()) if thieves else ():
            if other != session:
                self.bench.answer(other, work, b"0|stolen")
        for _ in range(2 if twice else 1):
            if how == "answer":
                self._answer(session, work, removed)
            else:
                self.bench.refuse(session, work, how)

    def _answer(self, session: int, work: Work, removed: int) -> None:
        left = labels_in(work.body) & ~removed or INTERNAL
        self.bench.answer(session, work, body(left, "answer"), removed=removed)

    @rule(by_ms=st.sampled_from([1, 5, 20, 50, 100, 300, 800]), beating=_MOSTLY)
    def wait_a_while(self, by_ms: int, beating: bool) -> None:  # noqa: FBT001
        if beating:
            for session in self.sessions.values():
                self.bench.send(session, Beat(EMPTY))
        self.bench.tick(by_ms * MS)
        self._forget_the_lost()

    def _forget_the_lost(self) -> None:
        live = {node.session for node in self.bench.core.state.nodes.values()}
        self.sessions = {name: session for name, session in self.sessions.items() if session in live}

    @rule(allowed=_LABELS, cloud=_LABELS, reread=st.booleans())
    def policy_changes(self, allowed: int, cloud: int, reread: bool) -> None:  # noqa: FBT001
        """The own site's policy comes with a generation; every other with the verdicts, when control begins anew."""
        self._collect()
        self.bench.allowed = allowed
        if reread or self.bench.core.state.control is None:
            self.bench.allowed_at = {"cloud": cloud}
            self.bench.lose(CONTROL)
            self.bench.restart_control()
        else:
            self.bench.generation(self.bench.core.state.generation + 1)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), twice=st.booleans(), seen=st.booleans())
    def cut_and_back(self, data: st.DataObject, twice: bool, seen: bool) -> None:  # noqa: FBT001
        """The same boot reconnects and says what it holds, some of it twice, and what it has answered meanwhile."""
        name = data.draw(st.sampled_from(sorted(self.sessions)))
        old = self.sessions.pop(name)
        self._collect()
        works = self.holding.pop(old, {})
        refs = {(w.header.epoch, w.header.attempt): w for w in works.values()}
        done = data.draw(st.sets(st.sampled_from(sorted(refs)))) if refs else set()
        held = tuple(sorted(set(refs) - done))
        self.holding[self.next_session + 1] = {number: refs[epoch, number] for epoch, number in held}
        if seen:
            self.bench.lose(old)
        session = self._connect(
            name, 3, self.boots[name], held=held * (2 if twice else 1), unacked=tuple(sorted(done))
        )
        welcomes = [m for m in self.bench.of(session, Welcome) if isinstance(m, Welcome)]
        self._collect()
        if name not in self.sessions:
            self.holding.pop(session, None)
            return
        for ref in sorted(done - set(welcomes[0].drop)):
            self._answer(session, refs[ref], 0)

    @rule(fails=_RARELY)
    def commit(self, fails: bool) -> None:  # noqa: FBT001
        if fails:
            tokens = tuple(a.token for a in self.bench.actions if isinstance(a, Persist))
            self.bench.actions.clear()
            self.bench._do(CommitFailed(tokens, "no space"))
        else:
            self.bench.commit()

    @rule(back=_MOSTLY)
    def control_dies(self, back: bool) -> None:  # noqa: FBT001
        self.bench.lose(CONTROL)
        if back:
            self.bench.restart_control()

    @invariant()
    def what_was_sent_was_allowed(self) -> None:
        self._collect()

    @invariant()
    def what_is_kept_may_be_here(self) -> None:
        s = self.bench.core.state
        for task in s.tasks.values():
            if task.state is TaskState.PLANNING and not task.labels:
                continue  # its default label comes with its plan
            assert not labels_in(task.result) & ~s.allowed_labels
            for value in (*task.inputs, *task.outputs):
                assert not labels_in(value.frames) & ~value.labels
                assert not value.labels & ~s.allowed_labels

    def teardown(self) -> None:
        """When nothing more happens but time, every task ends and nothing of it stays."""
        for _ in range(3):
            self.bench.commit()
            self.bench.tick(6_000 * MS)
        self.bench.commit()
        s = self.bench.core.state
        assert (s.open_count, s.open_bytes, s.open_by_principal) == (0, 0, {})
        assert all(task.closed for task in s.tasks.values())
        assert (s.parked, s.ledger.persisting) == ({}, {})
        for _ in range(12):  # a quarantine ends, the node is suspected, then lost; then results grow too old
            self.bench.tick(60_000 * MS)
        assert (s.nodes, s.attempts, len(s.timers)) == ({}, {}, 0)
        assert (s.tasks, len(s.finished), s.finished_bytes) == ({}, 0, 0)
        assert all(not any(c.waiting) and c.waiting_count == 0 for c in s.capabilities.values())
        self.bench.lose(CONTROL)
        self.bench.restart_control()
        assert (s.asks, s.asking, s.explains, s.claims) == ({}, {}, {}, {})


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
