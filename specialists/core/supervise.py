"""What an agent does about its workers: start, restart with back-off, kill what is wedged, stop in good order.

Pure, like the node's core: the shell tells what workers say and how they end, and performs what is returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hive.core.backoff import Backoff
from hive.errors import CATALOGUE
from specialists.core.states import NodeFaultError

if TYPE_CHECKING:
    import random


class WorkerState(StrEnum):
    """Where a worker process stands, as its agent sees it."""

    WAITING = "waiting"  # for its back-off to end
    STARTING = "starting"  # spawned, loads its specialist
    RUNNING = "running"
    STOPPING = "stopping"  # was asked to drain, or killed
    FAILED = "failed"  # cannot work until a person changes something; not restarted
    ENDED = "ended"


_W = WorkerState
WORKER_TRANSITIONS: Final[dict[tuple[WorkerState, str], WorkerState]] = {
    (_W.WAITING, "due"): _W.STARTING,
    (_W.WAITING, "stop"): _W.ENDED,
    (_W.STARTING, "ready"): _W.RUNNING,
    (_W.STARTING, "stop"): _W.STOPPING,
    (_W.STARTING, "crashed"): _W.WAITING,
    (_W.STARTING, "failed"): _W.FAILED,
    (_W.RUNNING, "stop"): _W.STOPPING,
    (_W.RUNNING, "crashed"): _W.WAITING,
    (_W.STOPPING, "crashed"): _W.ENDED,
    (_W.STOPPING, "ready"): _W.STOPPING,
    (_W.STOPPING, "stop"): _W.STOPPING,
    (_W.FAILED, "stop"): _W.FAILED,
    (_W.ENDED, "stop"): _W.ENDED,
}
_ALIVE: Final = frozenset({_W.STARTING, _W.RUNNING, _W.STOPPING})


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the worker's process."""

    node: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Ask the worker to drain and end."""

    node: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End the worker's process at once."""

    node: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Say a sentence to whoever watches the agent; `level` is info, warning or error."""

    level: str
    node: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The agent has nothing left to do and ends with this exit status."""

    exit_status: int


SupervisorAction = Spawn | Terminate | Kill | Tell | Finish


@dataclass(frozen=True, slots=True)
class SuperviseTuning:
    """Times of supervision in microseconds.

    A worker is wedged when it says nothing for `silence_us` beyond the bound that it announced last. The back-off
    starts afresh after `stable_us` of work. A worker that was asked to stop has `stop_us`.
    """

    silence_us: int = 3_000_000
    start_us: int = 60_000_000
    stable_us: int = 10_000_000
    stop_us: int = 10_000_000
    backoff_base_us: int = 100_000
    backoff_cap_us: int = 30_000_000
    lag_us: int = 1_000_000


class _Worker:
    """One worker as the supervisor knows it. `due_us` is when its silence, start, back-off or stop runs out."""

    def __init__(self, node: str, backoff: Backoff) -> None:
        self.node = node
        self.backoff = backoff
        self.state = WorkerState.WAITING
        self.due_us = 0
        self.ready_us = 0
        self.failure = ("", "")
        self.killed = False

    def step(self, event: str) -> None:
        target = WORKER_TRANSITIONS.get((self.state, event))
        if target is None:
            raise NodeFaultError(f"a worker that is {self.state} cannot take {event!r}")
        self.state = target


class Supervisor:
    """Supervises the workers of one device. Every method returns the actions to perform, in order."""

    def __init__(
        self, nodes: Iterable[str], rng: random.Random, tuning: SuperviseTuning | None = None
    ) -> None:
        """Make a supervisor of these nodes; nothing runs before the first `tick`."""
        self._tuning = tuning or SuperviseTuning()
        base_us, cap_us = self._tuning.backoff_base_us, self._tuning.backoff_cap_us
        self._workers = {node: _Worker(node, Backoff(rng, base_us, cap_us)) for node in nodes}
        self._stopping = False
        self._finished = False
        self._ticked_us: int | None = None

    def state(self, node: str) -> WorkerState:
        """Return where a worker stands."""
        return self._workers[node].state

    @property
    def next_us(self) -> int | None:
        """The instant at which `tick` has something to do."""
        due = [
            w.due_us for w in self._workers.values() if w.state in _ALIVE or w.state is WorkerState.WAITING
        ]
        return min(due, default=None)

    def ready(self, node: str, now_us: int) -> list[SupervisorAction]:
        """A worker has loaded its specialist and serves."""
        worker = self._workers[node]
        worker.step("ready")
        if worker.state is WorkerState.RUNNING:
            worker.ready_us = now_us
            worker.due_us = now_us + self._tuning.silence_us
        return []

    def alive(self, node: str, bound_us: int, now_us: int) -> None:
        """A worker's loop turned, and may now be silent for `bound_us`."""
        worker = self._workers[node]
        if worker.state is WorkerState.RUNNING and not worker.killed:
            worker.due_us = now_us + bound_us + self._tuning.silence_us

    def failed(self, node: str, code: str, detail: str) -> None:
        """A worker says why it is about to end."""
        self._workers[node].failure = (code, detail)

    def exited(self, node: str, how: str, now_us: int) -> list[SupervisorAction]:
        """A worker's process is gone; `how` says in words how it ended."""
        worker = self._workers[node]
        code, detail = worker.failure
        if worker.state is WorkerState.STOPPING:
            worker.step("crashed")
            told = [Tell("error", node, f"{code}: {detail}")] if code else []
            return [*told, *self._finish()]
        if worker.state is WorkerState.STARTING and code in CATALOGUE and not CATALOGUE[code].retryable:
            worker.step("failed")
            return [Tell("error", node, f"{code}: {detail}"), *self._finish()]
        if worker.state is WorkerState.RUNNING and now_us - worker.ready_us >= self._tuning.stable_us:
            worker.backoff.reset()
        worker.step("crashed")
        wait_us = worker.backoff.next_us()
        worker.due_us = now_us + wait_us
        why = f"{code}: {detail}" if code else how
        return [
            Tell("warning", node, f"The worker ended ({why}). It is started again in {wait_us / 1e6:.1f} s.")
        ]

    def tick(self, now_us: int) -> list[SupervisorAction]:
        """Time has passed: start what is due, kill what is silent for too long or does not stop."""
        self._forgive_own_lag(now_us)
        actions: list[SupervisorAction] = []
        for worker in self._workers.values():
            if now_us >= worker.due_us:
                actions += self._due(worker, now_us)
        return actions

    def stop(self, now_us: int) -> list[SupervisorAction]:
        """End in good order; asked a second time, end at once."""
        actions: list[SupervisorAction] = []
        for worker in self._workers.values():
            was = worker.state
            worker.step("stop")
            if was in _ALIVE:
                again = self._stopping or worker.killed
                actions.append(Kill(worker.node) if again else Terminate(worker.node))
                worker.due_us = now_us + self._tuning.stop_us
        self._stopping = True
        return [*actions, *self._finish()]

    def _due(self, worker: _Worker, now_us: int) -> list[SupervisorAction]:
        node = worker.node
        if worker.state is WorkerState.WAITING:
            worker.step("due")
            worker.due_us = now_us + self._tuning.start_us
            worker.failure = ("", "")
            worker.killed = False
            return [Spawn(node)]
        if worker.state not in _ALIVE:
            return []
        worker.due_us = now_us + self._tuning.silence_us
        again: list[SupervisorAction] = [Kill(node)]
        if worker.killed:
            return again
        worker.killed = True
        what = {
            WorkerState.STARTING: "The worker did not get ready in time",
            WorkerState.RUNNING: "The work loop stands still",
            WorkerState.STOPPING: "The worker did not stop in time",
        }[worker.state]
        return [Tell("warning", node, f"{what}; the process is killed."), *again]

    def _forgive_own_lag(self, now_us: int) -> None:
        """Push silences on by the time in which we stood still ourselves: nobody's silence can be told from ours."""
        last_us, self._ticked_us = self._ticked_us, now_us
        if last_us is None:
            return
        if now_us - last_us > self._tuning.lag_us:
            for worker in self._workers.values():
                if worker.state in _ALIVE:
                    worker.due_us += now_us - last_us

    def _finish(self) -> list[SupervisorAction]:
        """End when no worker is left: well if that was asked for, else with the first failure's status."""
        states = {worker.state for worker in self._workers.values()}
        if self._finished or not states <= {WorkerState.FAILED, WorkerState.ENDED}:
            return []
        self._finished = True
        failures = [w.failure[0] for w in self._workers.values() if w.state is WorkerState.FAILED]
        return [Finish(CATALOGUE[failures[0]].exit_status if failures and not self._stopping else 0)]
