"""`hive bench hedge`: P9, what hedging does to the tail where one run in a hundred stalls for 50 ms, and what it costs.

The conductor's core decides in virtual time; nodes are queues that it feeds, one run at a time each. With and without
hedging the same tasks arrive at the same instants, so a pair differs in nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import Final

from conductor.core.actions import Action, Received, Send, Tick
from conductor.core.settings import Settings
from hive.wire.messages import Hello, Kind, Outcome, Refuse, Revoke, Submit, Work
from simulation.bench.pairs import Goal, Result, Sample, compare, interleave
from simulation.bench.town import Town

TAIL: Final = Goal("P9", "hedged / not hedged, p99.9 where 1 % of runs stall for 50 ms", "us", 0.25, 0.1)
WORK: Final = Goal("P9 work", "runs hedged / not hedged", "", 1.05, 1.03)
NODES: Final = 16
TASKS: Final = 20_000
_RUN_US: Final = 1_000
_STALL_US: Final = 50_000
_STALLS: Final = 0.01
_LOAD: Final = 0.3
_WARM: Final = 2_000
_ARRIVAL: Final = 0
"""What is to happen: a task arrives, or the run of the session with this number ends."""
_NEVER: Final = Settings(deviation_floor_us=10**9, hedge_share=0.0, hedge_burst=0.0)
_ALWAYS: Final = Settings(deviation_floor_us=10**9)


def measure(pairs: int, tasks: int, progress: Callable[[], None] = lambda: None) -> list[Result]:
    """Measure both goals; every pair has other arrivals, runs and stalls."""
    runs: list[tuple[Sample, Sample]] = []
    seeds = {True: iter(range(pairs)), False: iter(range(pairs))}

    def run(*, hedged: bool) -> Sample:
        herd = Herd(next(seeds[hedged]), _ALWAYS if hedged else _NEVER)
        herd.run(tasks)
        herd.runs /= tasks
        (ran_hedged if hedged else ran_plain).append(Sample(herd.runs))
        return Sample(herd.quantile_us(0.999))

    ran_hedged: list[Sample] = []
    ran_plain: list[Sample] = []
    runs = interleave(lambda: run(hedged=True), lambda: run(hedged=False), pairs, progress)
    return [compare(TAIL, runs), compare(WORK, list(zip(ran_hedged, ran_plain, strict=True)))]


class Herd(Town):
    """Equal nodes of one idempotent capability, each a queue in virtual time."""

    def __init__(self, seed: int, settings: Settings) -> None:
        """Connect the nodes."""
        super().__init__(NODES, 0, seed, settings)
        self.runs = 0.0
        self._queues: dict[int, deque[Work]] = {session: deque() for session in self.sessions}
        self._events: list[tuple[int, int, int]] = []
        self._order = 0
        self._arrived: dict[bytes, int] = {}
        self._took: list[int] = []

    def hello(self, number: int) -> Hello:
        """Return a HELLO of the one capability that all of them have."""
        said = super().hello(0)
        offer = replace(said.offers[0], idempotent=True)
        return replace(said, name=f"device-{number}/tiny", offers=(offer,))

    def submission(self) -> Received:
        """Return the next task, which is always for the one capability."""
        said = super().submission()
        assert isinstance(said.message, Submit)
        return replace(said, message=replace(said.message, capability="bench.c0"))

    def run(self, tasks: int) -> None:
        """Let so many tasks arrive at random, at a load of 30 %, and everything end that follows from them."""
        at = self.now_us
        for _ in range(tasks + _WARM):
            at += int(self.chance.expovariate(_LOAD * NODES / _RUN_US))
            self._later(at, _ARRIVAL)
        while self._events:
            at, _, event = heappop(self._events)
            while 0 <= (due := self.core.next_us()) <= at:
                self.now_us = max(self.now_us, due)
                self._follow(self.core.handle(Tick(), self.now_us))
            self.now_us = max(self.now_us, at)
            if event == _ARRIVAL:
                submission = self.submission()
                self._arrived[submission.message.header.task] = self.now_us
                self._follow(self.handle(submission))
            else:
                self._ended(event)

    def quantile_us(self, share: float) -> float:
        """Return the time within which that share of the tasks had its outcome, those that warmed up aside."""
        took = sorted(self._took[_WARM:])
        return float(took[int(share * len(took))])

    def _follow(self, actions: Sequence[Action]) -> None:
        """Carry out what the core wants of nodes, and take the outcomes of tasks."""
        for action in actions:
            if not isinstance(action, Send):
                continue
            message, session = action.message, action.session
            if isinstance(message, Work):
                self._queues[session].append(message)
                if len(self._queues[session]) == 1:
                    self._begin_run(session)
            elif isinstance(message, Revoke):
                self._revoked(session, message)
            elif isinstance(message, Outcome):
                self._took.append(self.now_us - self._arrived.pop(message.header.task))

    def _begin_run(self, session: int) -> None:
        self.runs += 1
        stalls = self.chance.random() < _STALLS
        took = int(self.chance.lognormvariate(0, 0.2) * _RUN_US) + (_STALL_US if stalls else 0)
        self._later(self.now_us + took, session)

    def _ended(self, session: int) -> None:
        work = self._queues[session].popleft()
        if self._queues[session]:
            self._begin_run(session)
        self._follow(self.handle(self.answer(session, work)))

    def _revoked(self, session: int, revoke: Revoke) -> None:
        waiting = list(self._queues[session])[1:]
        for work in waiting:
            if work.header.attempt == revoke.header.attempt:
                self._queues[session].remove(work)
                refuse = Refuse(work.header, "cancelled", "", int(Kind.WORK))
                self._follow(self.handle(Received(session, refuse)))

    def _later(self, at: int, event: int) -> None:
        self._order += 1
        heappush(self._events, (at, self._order, event))
