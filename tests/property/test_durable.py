"""Random histories of durable tasks: commits fail or come late, the conductor dies anywhere, and the promise holds.

A history follows from its seed. The judge knows only what the store has committed and what callers were told. Every
body says who asked what, and every answer which run made it, so that two outcomes of one task never look alike.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest

from conductor.core.actions import Look, Persist
from conductor.core.settings import Settings
from conductor.store.base import Event
from hive.ids import NO_TASK, TaskId, task_id_for_key, task_id_for_retry
from hive.wire.messages import (
    EMPTY,
    Answer,
    AttemptRef,
    Beat,
    Bye,
    Cancel,
    Flag,
    Header,
    Hello,
    Message,
    Outcome,
    Query,
    Receipt,
    Refuse,
    Reply,
    Revoke,
    Submit,
    Watch,
    Welcome,
    Work,
)
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, CONTROL, INTERNAL, MS, PII, Bench

_LAST = "text.last"
_OTHER, _GATEWAY = 3, 4
_CALLERS = {"local": CLIENT, "other": _OTHER, "web": _GATEWAY}
_NODES = {"a": CLASSIFY, "b": CLASSIFY, "c": _LAST}
_FINAL = frozenset({"done", "failed", "dead_lettered", "cancelled", "expired"})
_BOTH = INTERNAL | PII
_HALF, _MOSTLY = 0.5, 0.8
_SETTINGS = Settings(queue_max_tasks=12, finished_max_tasks=3, kills_max=2, retry_burst=20, flap_losses=30)
_LONGEST_US = 20_000 * MS
Owner = tuple[str, TaskId]
Story = tuple[str, tuple[bytes, ...], str]


class Asked(NamedTuple):
    """One message of a caller, by the number that its header carries."""

    owner: Owner
    what: str
    variant: int


class History:
    """Callers submit, repeat, cancel and ask; nodes work and die; the store is late or full; the conductor dies."""

    def __init__(self, seed: int) -> None:
        """Begin with a node for each capability."""
        self.dice = random.Random(seed)
        self.asked: dict[int, Asked] = {}
        self.receipts: set[Owner] = set()
        self.told: dict[Owner, Story] = {}
        self.runs = 0
        self.next_session = 100
        self.sessions: dict[str, int] = {}
        self.boots: dict[str, int] = {}
        self.holding: dict[str, dict[AttemptRef, Work]] = {}
        self.allowed = _BOTH
        self.slow, self.full = self.dice.choice([0.0, 0.2, 0.6]), self.dice.choice([0.0, 0.1, 0.3])
        self._begin(Bench(_SETTINGS, control=False), control=True)
        for name in _NODES:
            self.join(name)

    def run(self, steps: int) -> None:
        """Let so many things happen, each judged, and bring it to an end."""
        ways = {
            self.submit: 24, self.ask: 14, self.join_one: 4, self.leave: 4, self.reply: 24, self.wait_a_while: 12,
            self.store: 20, self.hear: 6, self.policy_changes: 3, self.control_dies: 1, self.crash: 4,
        }  # fmt: skip
        for way in self.dice.choices(list(ways), list(ways.values()), k=steps):
            way()
            if self.dice.random() >= self.slow:
                self.store()
            self.what_was_told_holds()
        self.end()

    # What happens

    def submit(self) -> None:
        """A caller asks for something, most often for what was asked for before."""
        dice = self.dice
        who, name = dice.choice(sorted(_CALLERS)), dice.choice(["k1", "k2", "id3", "id3", "id4"])
        name += str(len(self.asked) // 40)
        variant, labels = dice.choice([1, 1, 1, 2]), dice.choice([INTERNAL, INTERNAL, PII])
        key = name if name.startswith("k") else ""
        task = task_id_for_key(name) if key else TaskId(name.encode().ljust(16, b"!"))
        flags = (Flag.WAIT if dice.random() < _HALF else 0) | (Flag.DURABLE if name[2] == "3" or key else 0)
        if name.startswith("id4"):
            flags |= dice.choice([0, Flag.DURABLE])
        deadline_ms = dice.choice([5, 300, 5_000, 20_000, 20_000])
        header = self._header(Asked((who, task), "submit", variant), deadline_ms)
        header = header._replace(flags=int(flags), labels=labels)
        body = f"{labels}|{who}|{name}|{variant}".encode()
        capability = "text.three" if dice.random() < _HALF and not key else CLASSIFY
        self._say(who, Submit(header, capability, key=key, principal=self._named(who), body=(body,)))

    def ask(self) -> None:
        """A caller asks about a task, cancels it, or has it tried again."""
        owners = sorted({asked.owner for asked in self.asked.values() if asked.what != "list"})
        if not owners:
            return
        who, task = self.dice.choice(owners[-12:])
        how = self.dice.choice(["cancel", "watch", "query", "query", "retry", "list"])
        if how == "retry":
            header = self._header(Asked((who, task_id_for_retry(task)), "submit", 0), 5_000)
            self._say(who, Submit(header, retry_of=task, principal=self._named(who)))
        elif how == "list":
            header = self._header(Asked((who, NO_TASK), "list", 0), 0)
            self._say(who, Query(header, header.attempt, "tasks", principal=self._named(who)))
        else:
            header = self._header(Asked((who, task), how, 0), 0)
            ways: dict[str, Message] = {
                "cancel": Cancel(header, principal=self._named(who)),
                "watch": Watch(header, principal=self._named(who)),
                "query": Query(header, header.attempt, "task", principal=self._named(who)),
            }
            self._say(who, ways[how])

    def join_one(self) -> None:
        self.join(self.dice.choice(sorted(_NODES)))

    def join(self, name: str) -> None:
        """A node boots, unless it runs."""
        if name not in self.sessions:
            self.boots[name] = self.next_session
            self.holding[name] = {}
            self._connect(name)

    def leave(self) -> None:
        """A node dies or leaves."""
        if self.sessions:
            session = self.sessions.pop(self.dice.choice(sorted(self.sessions)))
            if self.dice.random() < _HALF:
                self.bench.send(session, Bye(EMPTY))
            else:
                self.bench.lose(session)

    def reply(self) -> None:
        """A node answers or refuses something that it holds, now and then twice."""
        busy = sorted(name for name in self.sessions if self.holding[name])
        if not busy:
            return
        name = self.dice.choice(busy)
        work = self.holding[name].pop(self.dice.choice(sorted(self.holding[name])))
        how = self.dice.choice(["answer"] * 6 + ["inference_failed", "input_invalid"])
        for _ in range(self.dice.choice([1, 1, 1, 2])):
            if how == "answer":
                self._answer(name, work)
            else:
                self.bench.refuse(self.sessions[name], work, how)

    def wait_a_while(self) -> None:
        """Time passes, and nodes beat."""
        self._wait(self.dice.choice([1, 10, 100, 300, 600, 1_200]))

    def store(self) -> None:
        """The store takes up a group, which is committed or fails as a whole; the core hears of it now or later."""
        self._commit(self.dice.choice([1, 1, 2, 3, 100]), fails=self.dice.random() < self.full)
        if self.dice.random() >= self.slow:
            self.hear()

    def hear(self) -> None:
        """The core hears what became of its records."""
        unheard, self.unheard = self.unheard, []
        for event in unheard:
            self.bench._do(event)

    def policy_changes(self) -> None:
        """Personal data may be here, or not any more."""
        self._allow(self.dice.choice([_BOTH, _BOTH, INTERNAL]))

    def control_dies(self) -> None:
        """The control process dies, and mostly is started again."""
        self.bench.lose(CONTROL)
        if self.dice.random() < _MOSTLY:
            self.bench.restart_control()

    def crash(self) -> None:
        """What was not committed is gone, and what was not heard. Nodes that live on say what they hold."""
        self._restart(
            away_ms=self.dice.choice([0, 10, 2_000]),
            control=self.dice.random() < _MOSTLY,
            nodes=self.dice.random() < _MOSTLY,
        )

    # Helpers

    def _wait(self, by_ms: int) -> None:
        for session in self.sessions.values():
            self.bench.send(session, Beat(EMPTY))
        self.bench.tick(by_ms * MS)
        self._forget_the_lost()

    def _commit(self, count: int, *, fails: bool) -> None:
        group, self.bench.actions = self.bench.actions[:count], self.bench.actions[count:]
        for action in group:
            if isinstance(action, Persist):
                self.bench.store.write(action.token, action.record)
            elif isinstance(action, Look):
                self.bench.store.ask(action.token, action.question)
        self.bench.store.failing = "no space" if fails else ""
        self.unheard += self.bench.store.events()

    def _allow(self, labels: int) -> None:
        self.allowed = self.bench.allowed = labels
        if self.bench.core.state.control is not None:
            self.bench.generation(self.bench.core.state.generation + 1)

    def _restart(self, *, away_ms: int, control: bool, nodes: bool) -> None:
        self._collect()
        self.bench.now += away_ms * MS
        alive, self.sessions = sorted(self.sessions), {}
        self._begin(self.bench.restarted(control=False), control=control)
        for name in alive if nodes else ():
            self._connect(name)

    def _begin(self, bench: Bench, *, control: bool) -> None:
        self.bench = bench
        self.unheard: list[Event] = []
        self.seen = 0
        bench.auto_commit = bench.auto_look = False
        bench.plans["text.three"] = (CLASSIFY, _LAST, CLASSIFY)
        bench.allowed = self.allowed
        bench.send(_OTHER, Hello(EMPTY, "client", "other", "m"))
        bench.send(_GATEWAY, Hello(EMPTY, "gateway", "gateway", "m"), trusted=True)
        if control:
            bench.restart_control()

    def _header(self, asked: Asked, deadline_ms: int) -> Header:
        number = len(self.asked) + 1
        self.asked[number] = asked
        return EMPTY._replace(
            task=asked.owner[1],
            attempt=number,
            remaining_us=deadline_ms * MS,
            sent_us=self.bench.now,
            priority=5,
        )

    def _say(self, who: str, message: Message) -> None:
        """Send a message as a caller. What anybody but a gateway says of its principal does not count."""
        self.bench.send(_CALLERS[who], message, trusted=who == "web")

    def _named(self, who: str) -> str:
        return who if who == "web" else self.dice.choice(["", *_CALLERS])

    def _connect(self, name: str) -> None:
        """Connect a boot of a node, which says what it holds; what nobody wants of that it lets go."""
        self.next_session += 1
        session = self.sessions[name] = self.next_session
        self.bench.node(
            session, name, _NODES[name], 2, self.boots[name], held=tuple(sorted(self.holding[name]))
        )

    def _answer(self, name: str, work: Work) -> None:
        self.runs += 1
        body = b"%s>%d" % (b"+".join(work.body), self.runs)
        self.bench.send(self.sessions[name], Answer(work.header, 0.9, 0, 1, 1, (body,)))

    def _forget_the_lost(self) -> None:
        nodes = self.bench.core.state.nodes
        early = self.bench.core.state.ledger.greetings
        live = {node.session for node in nodes.values()} | set(early)
        self.sessions = {name: session for name, session in self.sessions.items() if session in live}

    # The judge

    def _collect(self) -> None:
        names = {session: name for name, session in self.sessions.items()}
        for session, message in self.bench.sent[self.seen :]:
            if session in _CALLERS.values():
                self._judge(message)
            elif session in names:
                self._take(names[session], message)
        self.seen = len(self.bench.sent)

    def _take(self, name: str, message: Message) -> None:
        if isinstance(message, Work):
            labels = int(message.body[0].split(b"|")[0])
            assert not labels & ~message.header.labels, "a body carries a label that its header does not name"
            self.holding[name][message.header.epoch, message.header.attempt] = message
        elif isinstance(message, Welcome):
            for ref in message.drop:
                self.holding[name].pop(ref, None)
        elif isinstance(message, Revoke):
            pass  # it runs on: only its own answer frees the slot

    def _judge(self, message: Message) -> None:
        if not isinstance(message, Receipt | Outcome | Refuse | Reply):
            return
        asked = self.asked[message.header.attempt]
        stored = self.bench.store.tables.tasks.get(asked.owner)
        if isinstance(message, Receipt):
            if self._durable(asked.owner):
                assert stored is not None, "a receipt came before the commit"
                self.receipts.add(asked.owner)
        elif isinstance(message, Outcome):
            self._outcome(asked, message.state, message.body, str(message.error.get("code", "")))
        elif isinstance(message, Refuse):
            self._refusal(asked, message)
        elif asked.what == "list":
            self._list(asked.owner[0], message)
        else:
            view = message.result
            assert isinstance(view, dict)
            if view["state"] in _FINAL:
                self._outcome(asked, str(view["state"]), message.body, str(view["error"].get("code", "")))
            else:
                assert (message.body, view["error"]) == ((), {}), "an open task shows its outcome"
                assert asked.owner not in self.told, "a task with an outcome is open again"

    def _durable(self, owner: Owner) -> bool:
        """Say whether every submission of a task asked to keep it."""
        return owner[1][:3] != b"id4"

    def _outcome(self, asked: Asked, state: str, body: tuple[bytes, ...], code: str) -> None:
        owner = asked.owner
        for frame in body:
            assert frame.count(b">") in (1, 3), "a step was left out, or done twice"
            _, who, _, variant = frame.split(b">")[0].split(b"|")
            assert who.decode() == owner[0], "somebody was shown the task of another"
            if asked.variant and owner[1][:2] != b"id":
                assert int(variant) == asked.variant, "a key gave the outcome of another request"
        if not self._durable(owner):
            return
        assert self.told.setdefault(owner, (state, body, code)) == (state, body, code), "two outcomes"
        stored = self.bench.store.tables.tasks.get(owner)
        assert stored is not None, "an outcome is shown of a task that is not in the store"
        assert stored.finished is not None, "an outcome is shown that is not in the store"
        assert (stored.finished.state, stored.finished.code) == (state, code)

    def _refusal(self, asked: Asked, message: Refuse) -> None:
        assert message.code != "internal", message.detail
        if message.code == "task_unknown":
            assert asked.owner not in self.receipts, "an acknowledged task is gone"
            assert asked.owner not in self.told, "a task that had an outcome is gone"
        if message.code == "store_unavailable" and asked.what == "submit":
            stored = self.bench.store.tables.tasks.get(asked.owner)
            assert stored is None or stored.finished is not None, "what was refused goes on"

    def _list(self, who: str, message: Reply) -> None:
        assert isinstance(message.result, list)
        for row in message.result:
            owner = who, TaskId(bytes.fromhex(str(row["id"])))
            assert owner in {asked.owner for asked in self.asked.values()}, "a list shows the task of another"
            if row["durable"] and owner in self.told:
                assert row["state"] == self.told[owner][0], "a list shows another outcome"

    def what_was_told_holds(self) -> None:
        """Judge what was sent, and what is kept."""
        self._collect()
        s = self.bench.core.state
        for task in s.tasks.values() if s.generation else ():
            for frame in (*task.result, *(f for v in (*task.inputs, *task.outputs) for f in v.frames)):
                assert not int(frame.split(b"|")[0]) & ~s.allowed_labels, "a forbidden body is kept"

    def end(self) -> None:
        """When the store works again and nodes are there, everything acknowledged ends, once, and stays so."""
        self.bench.lose(CONTROL)
        self.allowed = self.bench.allowed = _BOTH
        self.bench.restart_control()
        for _ in range(2):
            self._settle(_LONGEST_US)
            self._read_everything()
            self._restart(control=True, away_ms=0, nodes=True)
        assert self.receipts <= set(self.told) | self.withdrawn, "an acknowledged task has no outcome"
        self._settle(1_000 * MS)
        s, ledger = self.bench.core.state, self.bench.core.state.ledger
        assert (s.open_count, s.open_bytes, s.open_by_principal) == (0, 0, {})
        assert (ledger.persisting, ledger.insisted, ledger.newest, ledger.failed) == ({}, {}, {}, {})
        assert (ledger.looking, ledger.inherited, ledger.greetings, ledger.bytes) == ({}, {}, {}, 0)

    def _settle(self, us: int) -> None:
        end = self.bench.now + us
        while self.bench.now < end:
            for name in _NODES:
                self.join(name)
            self._collect()
            for name in list(self.sessions):
                for ref in sorted(self.holding[name]):
                    self._answer(name, self.holding[name].pop(ref))
            self._commit_everything()
            self._wait(300)
            self.what_was_told_holds()

    def _commit_everything(self) -> None:
        while self.bench.actions or self.unheard:
            self._commit(100, fails=False)
            self.hear()

    def _read_everything(self) -> None:
        self.withdrawn: set[Owner] = set()
        for owner in sorted(self.receipts | set(self.told)):
            header = self._header(Asked(owner, "query", 0), 0)
            self._say(owner[0], Query(header, header.attempt, "task", principal=owner[0]))
            self._commit_everything()
            answers = self.bench.refusals(_CALLERS[owner[0]])
            if [m.code for m in answers if m.header.attempt == header.attempt] == ["result_withdrawn"]:
                self.withdrawn.add(owner)
            self._collect()


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_the_promise_holds(seed: int) -> None:
    History(seed).run(250)
