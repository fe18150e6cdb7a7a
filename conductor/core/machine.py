"""The conductor's core as one function: an event and the time go in, actions come out.

`Conductor.handle` routes events to the modules that know them; everything that it knows is in `State`. The same
object runs in the dispatcher, in unit tests and in the simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from conductor.core import (
    claims,
    commits,
    early,
    explain,
    finding,
    greeting,
    intake,
    keeping,
    links,
    membership,
    offered,
    outcome,
    planning,
    queries,
    recovery,
    serving,
    work,
)
from conductor.core.actions import (
    Action,
    CloseSession,
    CommitFailed,
    Committed,
    Drain,
    Incoming,
    Known,
    Looked,
    Lost,
    Opened,
    Received,
    Recovered,
    Send,
    StoodStill,
    Tick,
)
from conductor.core.nodes import Node, Session
from conductor.core.peers import LinkSpec
from conductor.core.settings import Settings
from conductor.core.state import State
from conductor.core.tasks import Task
from hive.wire.messages import (
    EMPTY,
    Answer,
    Beat,
    Bye,
    Cancel,
    Credit,
    Generation,
    Hello,
    Journal,
    Kind,
    Plan,
    Query,
    Refuse,
    Running,
    Submit,
    Verdict,
    Watch,
)

_JOURNAL_US: Final = 100_000
_JOURNAL_BATCH: Final = 2_000

_FROM_ANYONE: Final[dict[type, Callable[..., None]]] = {
    Submit: intake.submitted,
    Answer: work.answered,
    Refuse: work.refused,
    Beat: membership.beat,
    Running: work.running,
    Cancel: intake.cancelled,
    Query: queries.asked,
    Watch: intake.watched,
    Credit: membership.credit,
    Bye: membership.left,
}


class Conductor:
    """The pure core of one site's conductor."""

    def __init__(
        self,
        mesh: str,
        site: str,
        conductor: str,
        epoch: int,
        settings: Settings,
        rand: Callable[[], float],
        dials: Sequence[LinkSpec] = (),
    ) -> None:
        """Start with nothing, at a larger `epoch` than ever; `rand` gives floats in [0, 1), `dials` are its links."""
        self.state = State(mesh, site, conductor, epoch, settings, rand)
        links.know(self.state, dials)

    def handle(self, event: Incoming, now_us: int) -> list[Action]:
        """Take one event and return what the shell must do, in order.

        `now_us` is monotonic. Never raises for what a peer did; an InvariantError is a fault of ours.
        """
        s = self.state
        s.now_us = now_us
        actions: list[Action] = []
        s.actions = actions
        kind = type(event)
        if kind is Received:
            self._received(event)  # type: ignore[arg-type]
        elif kind is Tick:
            self._tick(event)  # type: ignore[arg-type]
        elif kind is StoodStill:
            s.stood_still(event.by_us)  # type: ignore[union-attr]
        elif kind is Lost:
            self._lost(event.session)  # type: ignore[union-attr]
        elif kind is Opened:
            links.opened(s, event.session, event.site)  # type: ignore[union-attr]
        elif kind is Committed:
            for token in event.tokens:  # type: ignore[union-attr]
                commits.committed(s, token)
        elif kind is Drain:
            s.draining = True
        else:
            self._from_store(event)
        return actions

    def _from_store(self, event: Incoming) -> None:
        """Take what a store says seldom."""
        s = self.state
        if isinstance(event, CommitFailed):
            for token in event.tokens:
                commits.failed(s, token, event.reason)
        elif isinstance(event, Known):
            commits.known(s, event.token, event.task)
        elif isinstance(event, Looked):
            found = finding.looked(s, event.token, event.answer, event.failure)
            if found is not None:
                _FROM_ANYONE[type(found[1])](s, *found)
        elif isinstance(event, Recovered):
            recovery.recovered(s, event.found)

    def unreachable(self, site: str, now_us: int) -> list[Action]:
        """The address of a linked site could not even be dialled; return what to do, as `handle` does."""
        self.state.now_us = now_us
        actions: list[Action] = []
        self.state.actions = actions
        links.failed(self.state, site)
        return actions

    def _lost(self, number: int) -> None:
        s = self.state
        session = s.sessions.get(number)
        if session is None:
            s.ledger.greetings.pop(number, None)
        elif session.peer is not None:
            links.lost(s, session)
        else:
            membership.lost(s, session)

    def next_us(self) -> int:
        """Return when a Tick is due, in microseconds; -1 when nothing is waiting for time to pass."""
        s = self.state
        due = s.timers.next_us()
        if s.ledger.early:
            due = early.due_us(s) if due < 0 else min(due, early.due_us(s))
        flush = s.journal_sent_us + _JOURNAL_US
        if (s.journal and s.control is not None) or s.ledger.failed:
            return flush if due < 0 else min(due, flush)
        if s.finished:
            old = max(flush, s.finished[0].closed_us + s.settings.finished_keep_us + 1)
            return old if due < 0 else min(due, old)
        return due

    def _received(self, event: Received) -> None:
        s = self.state
        message = event.message
        session = s.sessions.get(event.session)
        cls = type(message)
        if session is None:  # a stranger leaves nothing here before a HELLO that is accepted
            if cls is Hello:
                newcomer = Session(event.session, trusted=event.trusted)
                greeting.greeted(s, newcomer, message, event.principal, event.address)  # type: ignore[arg-type]
            else:
                self._refuse(event.session, "hello_required", int(Kind.HELLO))
            return
        if session.peer is not None:
            links.heard(s, session, message)
            return
        handler = _FROM_ANYONE.get(cls)
        if handler is not None:
            handler(s, session, message)
        elif session is s.control:
            self._from_control(session, message)
        else:
            self._refuse(event.session, "kind_unknown", 0)

    def _from_control(self, session: Session, message: object) -> None:
        s = self.state
        if isinstance(message, Plan):
            taken = planning.take_route(s, message)
            if taken is not None:
                for task in planning.parked_tasks(s, taken[0]):
                    intake.planned(s, task, taken[1])
                explain.explained(s, *taken)
        elif isinstance(message, Verdict):
            claims.verdict(s, message)
        elif isinstance(message, Generation):
            before = (s.allowed_labels, s.gate.sites, s.gate.links)
            if planning.new_generation(s, message):
                recovery.reopen(s)
                for asker, submission in early.taken(s):
                    intake.submitted(s, asker, submission)
                if before != (s.allowed_labels, s.gate.sites, s.gate.links):
                    outcome.withdraw_forbidden(s)
                    serving.withdraw_forbidden(s)
                    offered.recall_forbidden(s)
                    claims.revoke_grants(s)
                    links.part_with_strangers(s)
                    keeping.purge_forbidden(s)
                greeting.greet_early(s)
                links.begin(s)
            else:  # its plans and verdicts would be written in the same bits
                self._refuse(session.id, "config_invalid", int(Kind.GENERATION))
                membership.forget(s, session)
                s.actions.append(CloseSession(session.id))

    def _tick(self, event: Tick) -> None:
        s = self.state
        s.stood_still(event.lag_us)
        early.give_up(s)
        for owner in s.timers.due(s.now_us):
            if isinstance(owner, Task):
                work.task_due(s, owner)
            elif isinstance(owner, Node):
                membership.node_due(s, owner)
            else:
                links.due(s, owner)
        if s.now_us - s.journal_sent_us >= _JOURNAL_US:
            outcome.prune(s)
            keeping.repeat_failed(s)
            self._flush_journal()

    def _flush_journal(self) -> None:
        s = self.state
        s.journal_sent_us = s.now_us
        if s.journal and s.control is not None:
            entries, s.journal = tuple(s.journal[:_JOURNAL_BATCH]), s.journal[_JOURNAL_BATCH:]
            counts: dict[str, object] = {**s.counts, "open_tasks": s.open_count, "open_bytes": s.open_bytes}
            s.actions.append(Send(s.control.id, Journal(EMPTY, entries, counts, s.journal_dropped)))

    def _refuse(self, session: int, code: str, about: int) -> None:
        s = self.state
        s.count("messages_refused")
        s.actions.append(
            Send(session, Refuse(EMPTY._replace(epoch=s.epoch, sent_us=s.now_us), code, "", about))
        )
