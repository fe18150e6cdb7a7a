"""A caller: the production client core and link, with the glue of hive/clients/session.py, and its own history file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hive.core import client as asking
from hive.core.client_events import Arrived, Ask, ClientEvent, Closed, Finished, Opened, Tick, Unsent
from hive.core.link import LinkState, Send
from hive.errors import HiveError
from hive.ids import TaskId, task_id_for_retry
from hive.wire.messages import (
    EMPTY,
    Cancel,
    Flag,
    Header,
    Hello,
    Message,
    Outcome,
    Query,
    Receipt,
    Reply,
    Submit,
    Watch,
    Welcome,
)
from simulation.history.events import FINAL, Call
from simulation.sim.asked import digest_of, submit_of, task_of
from simulation.sim.chance import stream
from simulation.sim.dialler import Dialler
from simulation.sim.plan import Submission

if TYPE_CHECKING:
    from simulation.sim.scenario_models import CallersConfig
    from simulation.sim.world import World

_PROBE_US: Final = 1_000_000
_QUERY_US: Final = 10_000_000
_PATIENCE_US: Final = 5_000_000
# What says nothing about whether it ran, or that it did and that its result is gone.
_OPEN: Final = frozenset({"unreachable", "expired", "internal", "result_withdrawn"})
_READ_AGAIN: Final = 7  # every so many submissions, the outcome is asked for once more
_RETRIED: Final = frozenset({"failed", "dead_lettered"})


@dataclass(slots=True)
class _Open:
    """A request that the caller has made: its number in the history, what it was, and of which task."""

    call: int
    op: str
    ask: Submission
    task: TaskId
    session: int


class Caller(Dialler):
    """Asks for what it is told to, and writes down what it asked and heard. A crash costs it its memory only."""

    def __init__(self, world: World, name: str, config: CallersConfig) -> None:
        """Begin dead, with an empty history."""
        super().__init__(world, name, config.site)
        self.config = config
        self.history: list[Call] = []
        self.core: asking.ClientCore
        self.owed: dict[TaskId, Submission] = {}  # what was acknowledged and not seen to end
        self._unsure: dict[
            int, Submission
        ] = {}  # what has a key and was never answered: asked again after a crash
        self._calls = 0
        self._open: dict[int, _Open] = {}
        self._late: list[Submission] = []
        self._heard_us = 0
        self._session = 0
        self._opened = False  # whether there was a session in this life
        self._labels = world.scenario.mesh.label_table
        self._default = world.scenario.mesh.compiled_policy.default_label(config.site)

    # Life

    def start(self) -> None:
        """Dial; ask again for what has a key and was never answered."""
        super().start()
        self._open.clear()
        self._opened = False
        self._session += 1
        rng = stream(self.world.seed, "client", self.name, self.boots)
        self.core = asking.ClientCore(rng)
        self.dial_on(rng)
        self.woke()
        for ask in list(self._unsure.values()):
            self.submit(ask)

    def submit(self, ask: Submission) -> None:
        """Ask for a task, now."""
        if not self.alive:
            return
        if self.stopped:
            self._late.append(ask)
            return
        now_us = self.clock_us()
        number = self.core.number()
        task = task_of(ask, self.world.seed)
        flags = (Flag.WAIT if ask.wait else 0) | (Flag.HOLD if ask.hold else 0)
        flags |= Flag.DURABLE if ask.durable else 0
        labels = self._labels.mask([ask.label]) if ask.label else 0
        header = Header(
            flags,
            ask.priority,
            attempt=number,
            remaining_us=ask.deadline_us,
            sent_us=now_us,
            labels=labels,
            task=task,
        )
        request = submit_of(header, ask, self.world.scenario)
        self.world.watch.asked(self, ask, task)
        if ask.key:
            self._unsure[ask.number] = ask
        self._begin(number, "submit", ask, task)
        self._request(Ask(request, now_us + ask.deadline_us, ask.patient, ask.capability))

    def cancel(self, ask: Submission) -> None:
        """Cancel a task."""
        if self.alive and not self.stopped:
            number, task = self.core.number(), task_of(ask, self.world.seed)
            self._begin(number, "cancel", ask, task)
            self._request(Ask(Cancel(self._header(number, task)), self.clock_us() + _QUERY_US))

    def watch(self, ask: Submission, task: TaskId, patience_us: int = -1) -> None:
        """Wait for the outcome of a task that was accepted."""
        number = self.core.number()
        self._begin(number, "read", ask, task)
        self._wait(number, task, patience_us if patience_us >= 0 else ask.deadline_us + _PATIENCE_US)

    def retry(self, ask: Submission, old: TaskId) -> None:
        """Try a task again that failed, with what it was given then."""
        number, task, now_us = self.core.number(), task_id_for_retry(old), self.clock_us()
        header = Header(attempt=number, remaining_us=ask.deadline_us, sent_us=now_us, task=task)
        self.world.watch.asked(self, ask, task)
        self._begin(number, "submit", ask, task)
        self._request(Ask(Submit(header, retry_of=old), now_us + ask.deadline_us))

    def read(self, ask: Submission, task: TaskId) -> None:
        """Ask how a task stands."""
        number = self.core.number()
        self._begin(number, "read", ask, task)
        self._request(Ask(Query(self._header(number, task), number, "task"), self.clock_us() + _QUERY_US))

    def _ask_outcome(self, ask: Submission, task: TaskId) -> int:
        number = self.core.number()
        self._wait(number, task, ask.deadline_us + _PATIENCE_US)
        return number

    def _wait(self, number: int, task: TaskId, patience_us: int) -> None:
        self._request(Ask(Watch(self._header(number, task)), self.clock_us() + patience_us))

    def _header(self, number: int, task: TaskId) -> Header:
        return EMPTY._replace(attempt=number, task=task, sent_us=self.clock_us())

    def _request(self, ask: Ask) -> None:
        if not len(self.core):
            self._heard_us = self.clock_us()
        try:
            self._client_do(ask)
        except HiveError as error:
            self._ended(ask.request.header.attempt, error)
        self._arm()

    # The history

    def _begin(self, number: int, op: str, ask: Submission, task: TaskId) -> None:
        self._calls += 1
        self._open[number] = _Open(self._calls, op, ask, task, self._session)
        key = ask.key if task == task_of(ask, self.world.seed) else ""  # to try again makes another task
        self.history.append(Call(
            self.world.now, self.name, self._calls, "invoke", op, ask.payload, task.hex(), key,
            ask.label or self._default, ask.stored,
        ))  # fmt: skip

    def _ended(self, number: int, answer: object) -> None:
        """Write down how a request ended, and go on from there."""
        it = self._open.pop(number)
        if isinstance(answer, Receipt) and answer.state in FINAL:
            self._open[self._ask_outcome(it.ask, it.task)] = it  # it had ended before: the call ends with how
            return
        kind, state, digest, code = "ok", "", "", ""
        if isinstance(answer, HiveError):
            # Only the conductor's own word says that nothing was accepted, and only if it was asked but once.
            unknown = answer.code in _OPEN or it.session != self._session
            if answer.code == "result_withdrawn":
                self.world.watch.withdrawn.add(it.ask.payload)
            kind, code = ("unknown" if unknown else "fail"), answer.code
        elif isinstance(answer, Receipt):
            state = answer.state
        elif isinstance(answer, Outcome):
            state = answer.state
            digest = digest_of(answer)
        elif isinstance(answer, Reply):
            view: Any = answer.result
            state = view["state"]
            if state in FINAL:
                digest = digest_of(Outcome(answer.header, state, error=view["error"], body=answer.body))
        self.history.append(Call(
            self.world.now, self.name, it.call, kind, it.op, it.ask.payload, it.task.hex(),
            state=state, digest=digest, code=code,
        ))  # fmt: skip
        ask = it.ask
        self.world.watch.answered(ask, it.op, state, code)
        self._follow(it, kind, state)

    def _follow(self, it: _Open, kind: str, state: str) -> None:
        ask = it.ask
        if kind != "unknown" and it.op == "submit":
            self._unsure.pop(ask.number, None)
        if state in FINAL:
            self.owed.pop(it.task, None)
            self._unsure.pop(ask.number, None)
            first = it.task == task_of(ask, self.world.seed)
            still = self.world.now < self.world.ends_us
            if still and ask.retried and ask.stored and first and state in _RETRIED and it.op != "cancel":
                self.retry(ask, it.task)
            elif it.op == "submit" and not ask.number % _READ_AGAIN:
                self.read(ask, it.task)
        elif kind == "ok" and it.op == "submit":
            if ask.stored:
                self.owed[it.task] = ask
            self.watch(ask, it.task)

    # Shell, as in hive/clients/session.py

    def _client_do(self, event: ClientEvent) -> None:
        world = self.world
        world.events += 1
        world.marks.append(world.now << 8 | 2)
        world.marks.append(self.number)
        if world.tape is not None:
            world.tape.append((world.now, self.name, "takes", event))
        for action in self.core.handle(event, self.clock_us()):
            if isinstance(action, Finished):
                if type(event) is Tick:
                    self.world.watch.duties.gave_up(self, self._open[action.number].ask, action.answer)
                self._ended(action.number, action.answer)
            elif isinstance(action, Send) and not self.say(action.message):
                self.core.handle(Unsent(action.message.header.attempt), self.clock_us())

    def took(self, message: Message | None) -> None:
        """Hand what arrived to the core."""
        if message is not None:
            self._heard_us = self.clock_us()
            if self.link.state is LinkState.UP:
                self._client_do(Arrived(message))
        if not self.draining:
            self._arm()

    def woke(self) -> None:
        """Take in what time has brought."""
        late, self._late = self._late, []
        for ask in late:
            self.submit(ask)
        self.tick_link()
        now_us = self.clock_us()
        if 0 <= self.core.next_us() <= now_us:
            self._client_do(Tick())
        if self.core.up and len(self.core) and now_us - self._heard_us >= _PROBE_US:
            self._heard_us = now_us
            self.link.asked(now_us)
            self.say(Query(EMPTY._replace(sent_us=now_us), 0, "status"))
        self._arm()

    def _arm(self) -> None:
        due = [self.core.next_us()]
        if self.link.next_us is not None:
            due.append(self.link.next_us)
        if self.core.up and len(self.core):
            due.append(self._heard_us + _PROBE_US)
        soonest = min((instant for instant in due if instant >= 0), default=-1)
        if soonest >= 0:
            self.wake_at(soonest)

    def hello(self) -> Hello:
        """Return the greeting."""
        return Hello(
            EMPTY._replace(sent_us=self.clock_us()), "client", self.name, self.world.scenario.mesh.mesh
        )

    def came_up(self, welcome: Welcome) -> None:
        """Send what is unanswered."""
        del welcome
        self._heard_us = self.clock_us()
        if self._opened:
            self._session += 1
        self._opened = True
        self._client_do(Opened())

    def went_down(self) -> None:
        """Let the requests wait for the next session."""
        self._client_do(Closed())
