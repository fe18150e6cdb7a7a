"""An agent's loop: hear what workers say, let the supervisor decide, perform it, show how things stand."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from hive.clock import Clock
from hive.discovery.base import Advert
from hive.errors import HiveError
from specialists.agent_directory import Directory
from specialists.agent_process import WorkerProcess
from specialists.agent_spec import AgentSpec, NodeSpec
from specialists.agent_state import StateFile
from specialists.core.supervise import (
    Finish,
    Kill,
    Spawn,
    Supervisor,
    SupervisorAction,
    Tell,
    Terminate,
    WorkerState,
)
from specialists.limits import give_way
from specialists.signals import Signals
from specialists.worker_spec import WorkerSpec, endpoints_line

_WAIT_US: Final = 500_000
_SHOWN: Final = {
    WorkerState.WAITING: "restarting",
    WorkerState.STARTING: "starting",
    WorkerState.STOPPING: "draining",
    WorkerState.FAILED: "failed",
    WorkerState.ENDED: "stopped",
}
Teller = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a node's worker has said about itself in this boot."""

    incarnation: int = 0
    conductor: str = ""
    trouble: str = ""


class Agent:
    """The shell around the supervisor: processes, pipes, signals, adverts and the state file."""

    def __init__(
        self,
        spec: AgentSpec,
        directory: Directory,
        supervisor: Supervisor,
        *,
        state: StateFile,
        signals: Signals,
        clock: Clock,
        tell: Teller,
    ) -> None:
        """Make an agent that has started nothing yet."""
        self._spec = spec
        self._nodes = {node.id: node for node in spec.nodes}
        self._directory = directory
        self._supervisor = supervisor
        self._state = state
        self._signals = signals
        self._clock = clock
        self._tell = tell
        self._processes: dict[str, WorkerProcess] = {}
        self._known: dict[str, _Known] = {}
        self._endpoints: tuple[str, ...] = ()
        self._stopping = False
        self._state_trouble = ""
        self._exit_status: int | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.wake_fd, selectors.EVENT_READ)

    def run(self) -> int:
        """Supervise until stopped, or until no worker can work; return the exit status."""
        try:
            self._state.write(self._report())
            while self._exit_status is None:
                self._turn()
            return self._exit_status
        finally:
            for process in self._processes.values():
                process.signal(signal.SIGKILL)
            self._directory.close()
            self._state.remove()

    def _turn(self) -> None:
        now_us = self._clock.now_us()
        if self._signals.seen():
            self._stop(now_us)
        self._hear(now_us)
        self._look_around(now_us)
        self._do(self._supervisor.tick(now_us))
        self._write_state()
        if self._exit_status is None:
            due_us = self._supervisor.next_us
            wait_us = _WAIT_US if due_us is None else min(max(due_us - self._clock.now_us(), 0), _WAIT_US)
            self._selector.select(wait_us / 1e6)

    def _stop(self, now_us: int) -> None:
        self._tell("warning" if self._stopping else "info", "", "Stopping.")
        self._stopping = True
        self._do(self._supervisor.stop(now_us))

    def _look_around(self, now_us: int) -> None:
        """Tell the workers where conductors are said to be now; a session that works is not disturbed by it."""
        found = self._directory.conductors(now_us)
        if found != self._endpoints:
            self._endpoints = found
            for process in self._processes.values():
                process.tell(endpoints_line(found))

    def _write_state(self) -> None:
        """Keep working if the disk is full: the state file is for people, the workers are for work."""
        try:
            self._state.write(self._report())
            self._state_trouble = ""
        except HiveError as error:
            if self._state_trouble != error.detail:
                self._tell("warning", "", error.detail)
            self._state_trouble = error.detail

    # What workers say, and how they end

    def _hear(self, now_us: int) -> None:
        for node, process in list(self._processes.items()):
            for entry in process.said():
                self._heard(node, entry, now_us)
            if process.ended():
                self._ended(node, process, now_us)

    def _heard(self, node: str, entry: dict[str, object], now_us: int) -> None:
        bound_us = entry.get("bound_us", 0)
        self._supervisor.alive(node, bound_us if isinstance(bound_us, int) else 0, now_us)
        code, detail = str(entry.get("code", "")), str(entry.get("detail", ""))
        match entry.get("event"):
            case "ready":
                self._ready(node, entry, now_us)
            case "connected":
                self._connected(node, entry)
            case "refused":
                self._in_trouble(node, "error", f"The conductor refuses this node: {code}: {detail}")
            case "disconnected":
                self._in_trouble(node, "warning", detail)
            case "failed":
                self._supervisor.failed(node, code, detail)

    def _ready(self, node: str, entry: dict[str, object], now_us: int) -> None:
        incarnation = entry.get("incarnation", 0)
        assert isinstance(incarnation, int)
        self._known[node] = _Known(incarnation)
        capability, digest = str(entry.get("capability")), str(entry.get("digest"))
        self._directory.publish(
            Advert(
                "node",
                self._spec.mesh,
                node,
                self._spec.site,
                incarnation=incarnation,
                capability=capability,
                digest=digest,
            )
        )
        self._tell("info", node, f"Ready: {capability} {entry.get('version')}, {digest[:19]}.")
        self._do(self._supervisor.ready(node, now_us))

    def _connected(self, node: str, entry: dict[str, object]) -> None:
        state = str(entry.get("state"))
        # Joining is no success yet: a node whose claim is refused joins again and again.
        trouble = self._known[node].trouble if state == "joining" else ""
        self._known[node] = replace(self._known[node], conductor=state, trouble=trouble)
        if state != "joining":
            self._tell(
                "info", node, f"Connected to {entry.get('conductor')} at {entry.get('endpoint')}: {state}."
            )

    def _in_trouble(self, node: str, level: str, sentence: str) -> None:
        """Say what is wrong once, not at every try."""
        if self._known[node].trouble != sentence:
            self._tell(level, node, f"{sentence} Trying again.")
        self._known[node] = replace(self._known[node], conductor="", trouble=sentence)

    def _ended(self, node: str, process: WorkerProcess, now_us: int) -> None:
        for entry in process.said():
            self._heard(node, entry, now_us)
        self._selector.unregister(process.exit_fd)
        self._selector.unregister(process.said_fd)
        del self._processes[node]
        self._known.pop(node, None)
        self._do(self._supervisor.exited(node, process.how_it_ended(), now_us))
        if self._supervisor.state(node) is WorkerState.FAILED:
            self._directory.withdraw(node)

    # What the supervisor decides

    def _do(self, actions: list[SupervisorAction]) -> None:
        for action in actions:
            match action:
                case Spawn(node):
                    self._spawn(self._nodes[node])
                case Terminate(node):
                    self._processes[node].signal(signal.SIGTERM)
                case Kill(node):
                    self._processes[node].signal(signal.SIGKILL)
                case Tell(level, node, sentence):
                    self._tell(level, node, sentence)
                case Finish(exit_status):
                    self._exit_status = exit_status

    def _spawn(self, node: NodeSpec) -> None:
        spec = WorkerSpec(
            node=node.id,
            mesh=self._spec.mesh,
            site=self._spec.site,
            specialist=node.specialist,
            endpoints=self._endpoints,
            credit=node.credit,
            memory_mb=node.memory_mb,
            token=self._spec.token,
            agent_pid=os.getpid(),
        )
        try:
            process = WorkerProcess(spec)
        except OSError as error:
            self._do(self._supervisor.exited(node.id, f"not started: {error.strerror}", self._clock.now_us()))
            return
        give_way(node.nice, process.pid)
        self._processes[node.id] = process
        self._known[node.id] = _Known()
        self._selector.register(process.exit_fd, selectors.EVENT_READ)
        self._selector.register(process.said_fd, selectors.EVENT_READ)

    def _report(self) -> dict[str, object]:
        nodes = [self._node_report(node) for node in self._spec.nodes]
        state = "draining" if self._stopping else "ready"
        about = {"role": "agent", "name": self._spec.name, "site": self._spec.site, "pid": os.getpid()}
        return {**about, "state": state, "nodes": nodes}

    def _node_report(self, node: NodeSpec) -> dict[str, object]:
        known = self._known.get(node.id, _Known())
        process = self._processes.get(node.id)
        state = self._supervisor.state(node.id)
        return {
            "id": node.id,
            "pid": process.pid if process else 0,
            "state": known.conductor or "connecting" if state is WorkerState.RUNNING else _SHOWN[state],
            "incarnation": known.incarnation,
            "specialist": node.specialist,
            "trouble": known.trouble,
        }
