"""The observer: it sees every message and every commit from outside, and says which promise is broken.

Cheap checks look at what an event touched; `everything` looks at it all, every thousand events. It never stops a run:
the first violation of each kind is kept, with what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from conductor.core.records import Body, Finished, Record, Stepped, Submitted
from hive.wire import messages as wire
from hive.wire.messages import Answer, Outcome, Receipt, Refuse, Work
from simulation.history.events import Effect
from simulation.sim.duties import Duties
from simulation.sim.engine import number_of
from simulation.sim.law import Law
from simulation.sim.worth import Worth, refused

if TYPE_CHECKING:
    from hive.ids import TaskId
    from simulation.sim.client import Caller
    from simulation.sim.conductor import ConductorProcess
    from simulation.sim.node import NodeProcess
    from simulation.sim.plan import Submission
    from simulation.sim.world import World

_EARLY_US: Final = 50_000
"""By how much clocks that drift, and a deadline that counts from the caller's clock, may be wrong."""
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, when, and in a sentence what was seen. `about` names the task or the node."""

    invariant: str
    at_us: int
    sentence: str
    about: tuple[str, ...] = ()


class Watch:
    """What the observer knows: submissions, outcomes that were shown, attempts that were run."""

    def __init__(self, world: World) -> None:
        """Have seen nothing."""
        self._world = world
        self.violations: list[Violation] = []
        self.effects: list[Effect] = []
        self.poison: dict[int, str] = {}
        self.counts: dict[str, int] = {}
        self.withdrawn: set[str] = (
            set()
        )  # payloads whose outcome policy has withdrawn, as their callers heard
        self._asked: dict[tuple[str, TaskId], Submission] = {}
        self._by_number: dict[int, tuple[Submission, str]] = {}  # with the label that it carries
        self._keyed: dict[tuple[str, str], set[int]] = {}  # what was asked under a key
        self._shown: dict[tuple[str, TaskId], tuple[str, str]] = {}
        self._ran: dict[tuple[str, int, int], str] = {}
        self._epochs: dict[str, int] = {}
        self._states: dict[object, str] = {}  # of tasks and nodes, as they were seen last
        self.law = Law(world.scenario)
        self.duties = Duties(world)
        self.worth = Worth(world)

    def broken(self, invariant: str, sentence: str, *about: str) -> None:
        """Keep a violation."""
        known = any((old.invariant, old.about) == (invariant, about) for old in self.violations)
        if len(self.violations) < _MOST and not (known and about):
            self.violations.append(Violation(invariant, self._world.now, sentence, about))

    def count(self, what: str) -> None:
        """Count something that a person may want to know."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def saw(self, kind: str, thing: object, state: str) -> None:
        """Count the steps of tasks and nodes from one state to the next, as far as they are looked at."""
        before = self._states.get(thing)
        if before != state:
            self._states[thing] = state
            self.count(f"{kind} {before or 'new'} to {state}")

    def ended(self, conductor: ConductorProcess) -> None:
        """Add up what a life of a conductor has counted itself."""
        for name, number in conductor.core.state.counts.items():
            self.counts[f"core {name}"] = self.counts.get(f"core {name}", 0) + number

    # Callers

    def asked(self, caller: Caller, ask: Submission, task: TaskId) -> None:
        """A caller submits a task."""
        self._keyed.setdefault((ask.caller, ask.key), set()).add(ask.number)
        key = (caller.name, task)
        self._asked.setdefault(key, ask)
        if ask.number not in self._by_number:
            default = self._world.scenario.mesh.compiled_policy.default_label(caller.site)
            self._by_number[ask.number] = (ask, ask.label or default)
            if ask.poison:
                self.poison[ask.number] = ask.poison
            self.count("submitted")

    def answered(self, ask: Submission, op: str, state: str, code: str) -> None:
        """A caller hears how a request ended."""
        self.count(f"{op} {state or code}")
        if code == "key_conflict" and len(self._keyed[ask.caller, ask.key]) == 1:
            self.broken(
                "key", f"{ask.payload} was refused as another request with the same key.", ask.payload
            )
        early_us = ask.at_us + ask.deadline_us - self._world.now - _EARLY_US
        if state == "expired" and early_us > 0:
            self.broken(
                "expiry", f"{ask.payload} expired {early_us / 1e6:.3f} s before its deadline.", ask.payload
            )

    # Conductors

    def started(self, conductor: ConductorProcess) -> None:
        """A conductor starts."""
        epoch, before = conductor.core.state.epoch, self._epochs.get(conductor.site, 0)
        if epoch <= before:
            self.broken(
                "epoch", f"{conductor.name} starts with epoch {epoch} after {before}.", conductor.name
            )
        self._epochs[conductor.site] = epoch

    def crashed(self, conductor: ConductorProcess) -> None:
        """A conductor dies where a fault wanted it to."""
        self.count(f"died {conductor.doomed or 'between actions'}")

    def receipt(self, conductor: ConductorProcess, session: int, message: Receipt) -> None:
        """A task is acknowledged: if it is durable, it must be in the store."""
        owner = conductor.core.state.sessions.get(session)
        if owner is None:
            return
        key = (owner.name, message.header.task)
        ask = self._asked.get(key)
        if ask is not None and not ask.stored:  # what is stored may come again, long after
            self.worth.acknowledged(conductor, *key)
        if ask is not None and ask.stored and key not in conductor.disk.tables.tasks:
            self.broken(
                "receipt before commit", f"{ask.payload} was acknowledged and is not stored.", ask.payload
            )

    def outcome(self, conductor: ConductorProcess, session: int, message: Outcome) -> None:
        """An outcome is shown: a durable one must be in the store, and it is the only one that anybody ever sees."""
        self._placed(conductor, message.body, conductor.site, "kept")
        owner = conductor.core.state.sessions.get(session)
        if owner is None:
            return
        key = (owner.name, message.header.task)
        ask = self._asked.get(key)
        if ask is None:
            self.broken(
                "phantom", f"An outcome of {message.header.task.hex()}, which nobody asked for, was shown."
            )
            return
        self.worth.outcome(conductor, owner.name, ask, message)
        digest = (
            b"".join(message.body).decode() if message.state == "done" else str(message.error.get("code"))
        )
        said = (message.state, digest)
        if ask.stored:
            stored = conductor.disk.tables.tasks.get(key)
            if stored is None or stored.finished is None or stored.finished.state != message.state:
                self.broken(
                    "outcome before commit",
                    f"{ask.payload} was shown as {message.state} and is not stored so.",
                    ask.payload,
                )
            before = self._shown.setdefault(key, said)
            if before != said:
                shown = f"{before[0]} ({before[1]}), then as {said[0]} ({said[1]})"
                self.broken("one outcome", f"{ask.payload} was shown as {shown}.", ask.payload)

    def work(self, conductor: ConductorProcess, session: int, message: Work) -> None:
        """A body goes to a node, or to another site: its labels must permit that, by the policy in force."""
        if message.header.epoch != conductor.core.state.epoch:
            self.broken("epoch", f"{conductor.name} gives work of epoch {message.header.epoch}.")
        peer = (
            conductor.core.state.sessions[session].peer if session in conductor.core.state.sessions else None
        )
        if peer is None:
            self._placed(conductor, message.body, conductor.site, "run")
            self.duties.given(conductor, conductor.core.state.sessions[session].name)
        else:
            self._placed(conductor, message.body, peer.site, "forwarded")
            self._crossed(conductor, (conductor.site, peer.site), message)

    def taken(self, conductor: ConductorProcess, source: str, message: Work) -> None:
        """Work of another site was taken in: our own policy must permit that, too."""
        self._crossed(conductor, (source, conductor.site), message)

    def _crossed(self, conductor: ConductorProcess, way: tuple[str, str], message: Work) -> None:
        number, whole = number_of(message.body)
        known = self._by_number.get(number)
        if known is not None and conductor.policy >= 0:
            label = known[1] if whole else ""
            if not self.law.crosses(conductor.policy, *way, message, label):
                sentence = (
                    f"{known[0].payload} ({label!r}) went from {way[0]} to {way[1]} for {message.capability}"
                )
                why = ", to be surer" if message.unsure else ""
                self.broken(
                    "misplaced",
                    f"{sentence}{why}; {conductor.name} permits that by no rule.",
                    known[0].payload,
                )

    def answer(self, conductor: ConductorProcess, session: int, message: Answer) -> None:
        """An answer goes back to the site that asked."""
        owner = conductor.core.state.sessions.get(session)
        if owner is not None and owner.peer is not None:
            self._placed(conductor, message.body, owner.peer.site, "forwarded")

    def kept(self, conductor: ConductorProcess, record: Record) -> None:
        """Something is written down."""
        if isinstance(record, Submitted):
            for body in record.inputs:
                self._stored(conductor, body)
        elif isinstance(record, Stepped):
            self._stored(conductor, record.output)
        elif isinstance(record, Finished) and record.result is not None:
            self._stored(conductor, record.result)

    def _stored(self, conductor: ConductorProcess, body: Body) -> None:
        self._placed(conductor, body.frames, conductor.site, "kept")

    def _placed(self, conductor: ConductorProcess, body: tuple[bytes, ...], site: str, what: str) -> None:
        if not body:
            return
        number, whole = number_of(body)
        known = self._by_number.get(number)
        if known is None:
            self.broken("phantom", f"A body that nobody submitted was {what} at {site}.")
            return
        ask, label = known
        if whole and conductor.policy >= 0 and label not in self.law.allowed(conductor.policy, site):
            self.broken(
                "misplaced",
                f"{ask.payload} is {label!r} and was {what} at {site} by {conductor.name}.",
                ask.payload,
            )
        if whole:
            self.effects.append(Effect(self._world.now, site, conductor.name, what, ask.payload))

    # Nodes

    def runs(self, node: NodeProcess, works: tuple[Work, ...]) -> None:
        """A node begins to run works."""
        self.count("runs")
        self.duties.runs(node, works)
        for work in works:
            h = work.header
            key = (node.site, h.epoch, h.attempt)
            before = self._ran.setdefault(key, node.name)
            number, whole = number_of(work.body)
            if before != node.name:
                self.broken("attempt", f"Attempt {h.epoch}.{h.attempt} ran on {before} and on {node.name}.")
            ask = self._by_number.get(number)
            if ask is not None and whole:
                self.effects.append(
                    Effect(
                        self._world.now, node.site, node.name, "run", ask[0].payload, h.task.hex(), f"{key}"
                    )
                )

    def node_says(self, node: NodeProcess, message: wire.Message) -> None:
        """A node refuses work because it has more than it granted: the conductor must never give it that."""
        if type(message) is Refuse and message.code == "credit_exceeded":
            self.broken(
                "credit", f"{node.name} was given more than its {node.config.credit} slots.", node.name
            )

    def poisoned(self, node: NodeProcess) -> None:
        """A payload killed a node."""
        self.count("killed by poison")
        self.duties.poisoned(node)

    def began_at(self, number: int) -> str:
        """Return the site of whoever submitted a payload."""
        known = self._by_number.get(number)
        return self._world.callers[known[0].caller].site if known is not None else ""

    def tasks(self) -> Iterable[tuple[str, TaskId, Submission]]:
        """Yield everything that was asked for."""
        for (caller, task), ask in self._asked.items():
            yield caller, task, ask


LOOKS: Final[dict[type, Callable[[Watch, ConductorProcess, int, Any], None]]] = {
    Receipt: Watch.receipt,
    Outcome: Watch.outcome,
    Work: Watch.work,
    Answer: Watch.answer,
    Refuse: refused,
}
"""Who looks at what a conductor sends."""
