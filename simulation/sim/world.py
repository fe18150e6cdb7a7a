"""The virtual world: one queue of what happens next, in microseconds, and the processes that it happens to."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from simulation.sim import checks
from simulation.sim.client import Caller
from simulation.sim.conductor import ConductorProcess
from simulation.sim.control import ControlProcess
from simulation.sim.network import Network
from simulation.sim.node import NodeProcess
from simulation.sim.watch import Watch
from simulation.sim.workload import START_US, callers_of

if TYPE_CHECKING:
    from simulation.sim.process import Process
    from simulation.sim.scenario import Scenario

FULL_CHECK: Final = 1_000
"""Events between two looks at everything."""
_TAPE: Final = 400_000
Happening = tuple[int, str, str, Any]


class World:
    """Everything of one run. What a process does is in its own module; this is the time that they share."""

    def __init__(self, scenario: Scenario, seed: int, *, trace: bool = False) -> None:
        """Make every process of a scenario; nothing lives yet. With `trace` what happens is kept for a story."""
        self.scenario = scenario
        self.seed = seed
        self.now = 0
        self.seq = 0
        self.heap: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self.events = 0
        self.ends_us = START_US + int(scenario.file.seconds * 1e6)  # when all is healed
        self.check_at = FULL_CHECK
        self.encoded = scenario.file.encode
        self.marks = array("q")  # what happened since the last look, for the digest
        self.tape: deque[Happening] | None = deque(maxlen=_TAPE) if trace else None
        self._digest = blake2b(digest_size=16)
        self._processes: list[Process] = []
        self.watch = Watch(self)
        self.network = Network(self)
        self.conductors = {site: ConductorProcess(self, site) for site in scenario.mesh.sites}
        self.controls = {site: ControlProcess(self, site) for site in scenario.mesh.sites}
        self.endpoints = {site.conductor.bind: name for name, site in scenario.mesh.sites.items()}
        self.nodes: dict[str, NodeProcess] = {}
        for nodes in scenario.nodes:
            for number in range(1, nodes.count + 1):
                base = nodes.name or nodes.capability
                name = base if number == 1 else f"{base}-{number}"
                self.nodes[f"{nodes.site}/{name}"] = NodeProcess(self, name, nodes)
        self.callers = {name: Caller(self, name, callers) for name, callers in callers_of(scenario)}

    def enrol(self, process: Process) -> int:
        """Take a process in, and number it."""
        self._processes.append(process)
        return len(self._processes)

    def at(self, at_us: int, what: Callable[[Any], object], about: Any = None) -> None:  # noqa: ANN401 - `what`'s
        """Let something happen at an instant; of one instant, in the order in which it was asked for."""
        self.seq += 1
        heappush(self.heap, (at_us, self.seq, what, about))

    def run(self, until_us: int) -> None:
        """Let time pass."""
        heap = self.heap
        while heap and heap[0][0] <= until_us:
            self.now, _, what, about = heappop(heap)
            what(about)
        self.now = max(self.now, until_us)

    def look(self) -> None:
        """Check everything, and take what happened into the digest."""
        self.check_at = self.events + FULL_CHECK
        self._digest.update(self.marks.tobytes())
        del self.marks[:]
        checks.everything(self)

    def digest(self) -> str:
        """Return what stands for all that has happened."""
        self._digest.update(self.marks.tobytes())
        del self.marks[:]
        return self._digest.hexdigest()

    def processes(self) -> list[Process]:
        """Return every process."""
        return list(self._processes)
