"""A node: the production core and link in a simulated worker, and the production supervisor of its agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hive.core.link import LinkState
from hive.wire.messages import EMPTY, Beat, Hello, Message, Offer, Welcome, Work
from simulation.sim.chance import stream
from simulation.sim.dialler import Dialler
from simulation.sim.engine import Engine, shape_of
from specialists.core import machine, supervise
from specialists.core.admission import NodeLimits
from specialists.core.events import (
    Drain,
    Joined,
    Left,
    NodeAction,
    NodeEvent,
    Ran,
    Received,
    Result,
    Run,
    Send,
    Turned,
)

if TYPE_CHECKING:
    from simulation.sim.scenario_models import NodesConfig
    from simulation.sim.world import World

_CONDUCTOR: Final = 0
_IDLE_US: Final = 500_000
_REPORT_US: Final = 500_000
_AGENT_US: Final = 500_000  # an agent that looked less often would take its own sleep for lag
_TURN: Final = Turned()


class NodeProcess(Dialler):
    """A worker and its agent, which starts it again. `down` keeps the agent from that."""

    def __init__(self, world: World, name: str, config: NodesConfig) -> None:
        """Begin dead, with an agent that will start it."""
        super().__init__(world, f"{config.site}/{name}", config.site)
        self.id = name
        self.config = config
        self.engine = Engine(world, self)
        self.incarnation = 0
        self.core: machine.NodeCore
        self.down = True
        self.bound_us = 0  # within which the last run was to end
        self._result: tuple[Result, ...] | None = None
        self._report_us = 0
        self._drained = False
        self._agent_us = -1
        self._spawned = 0
        self._leaving = self._terminated = False
        self._supervisor: supervise.Supervisor
        self.offer = Offer(
            config.capability,
            "1.0.0",
            shape_of(config),
            config.output,
            config.digest,
            f"{config.capability}@1.0.0",
            config.removes,
            config.run_bound_ms * 1000,
            idempotent=config.idempotent,
        )

    # The agent

    def plug_in(self) -> None:
        """Start the agent; if the one before has not ended yet, as soon as it has."""
        if self.down:
            self.down = self._leaving = False
            rng = stream(self.world.seed, "agent", self.name, self.boots)
            self._supervisor = supervise.Supervisor([self.id], rng)
            self._supervise_at(self.world.now)
        elif self._leaving:
            self.world.at(self.world.now + _AGENT_US, lambda _: self.plug_in())

    def unplug(self) -> None:
        """Ask the agent to stop: its worker drains and ends, or is killed if it does not."""
        if not self.down and not self._leaving:
            self._leaving = True
            self._agent_do(self._supervisor.stop(self.world.now))

    def _agent_do(self, actions: Sequence[supervise.SupervisorAction]) -> None:
        world = self.world
        for action in actions:
            if isinstance(action, supervise.Spawn):
                load_us = stream(world.seed, "load", self.name, self.boots).randrange(100_000, 600_000)
                self._spawned += 1
                self._terminated = False
                world.at(world.now + load_us, self._loaded, self._spawned)
            elif isinstance(action, supervise.Kill):
                if self.alive:
                    self.die()
                else:
                    self._spawned += 1  # it does not get ready any more
                    self._agent_do(self._supervisor.exited(self.id, "killed", world.now))
            elif isinstance(action, supervise.Terminate):
                self._terminated = True
                if self.alive and not self.stopped:
                    self._turn()
            elif isinstance(action, supervise.Finish):
                self.down = True
                self._agent_us = -1

    def _supervise_at(self, due_us: int | None) -> None:
        if due_us is not None and (self._agent_us < 0 or due_us < self._agent_us):
            self._agent_us = max(due_us, self.world.now + 1)
            self.world.at(self._agent_us, self._supervise, self._agent_us)

    def _supervise(self, at_us: int) -> None:
        if self.down or at_us != self._agent_us:
            return
        self._agent_us = -1
        now = self.world.now
        self._agent_do(self._supervisor.tick(now))
        due_us = self._supervisor.next_us
        self._supervise_at(now + _AGENT_US if due_us is None else min(due_us, now + _AGENT_US))

    def _loaded(self, spawned: int) -> None:
        if spawned == self._spawned:
            self.start()

    def start(self) -> None:
        """Begin to serve."""
        super().start()
        self._supervisor.ready(self.id, self.world.now)
        self.incarnation = stream(self.world.seed, "boot", self.name, self.boots).getrandbits(63)
        limits = NodeLimits(run_bound_us=self.offer.run_bound_us, max_batch=self.config.batch)
        self.core = machine.NodeCore(self.offer.capability, limits)
        self._drained = False
        self._result = None
        self._report_us = 0
        self.dial_on(stream(self.world.seed, "node", self.name, self.boots))
        self._turn()

    def die(self, share: float = 0.0, *, dark: bool = False) -> None:
        """End at once; the agent sees it."""
        if not self.alive:
            return
        super().die(share, dark=dark)
        if not self.down:
            self._agent_do(self._supervisor.exited(self.id, "killed", self.world.now))
            self._supervise_at(self._supervisor.next_us)

    # The worker, as in specialists/worker_loop.py

    def took(self, message: Message | None) -> None:
        """Hand what arrived to the core; a turn follows when there is nothing more."""
        if message is not None and self.link.state is LinkState.UP:
            self._node_do(Received(_CONDUCTOR, message))
        if self.alive and not self.stopped and not self.draining:
            self._turn()

    def woke(self) -> None:
        """Take a turn; first what a run came to, if it ended while the process stood still."""
        self._turn()

    def resume(self) -> None:
        """Go on: what a run came to is the first thing."""
        if self._result is not None:
            results, self._result = self._result, None
            self._node_do(Ran(results))
        super().resume()

    def _turn(self) -> None:
        self.tick_link()
        self._node_do(_TURN)
        # A HELLO under way is waited for: work may already be on its way behind the WELCOME.
        if self._terminated and self.alive and not self.stopped and self.link.state is not LinkState.GREETING:
            self._node_do(Drain())
        if not self.alive:
            return
        now_us = self.clock_us()
        if now_us >= self._report_us and not self.down:
            self._report_us = now_us + _REPORT_US
            self._supervisor.alive(self.id, 0, self.world.now)
        if not self.stopped:
            due_us = now_us + _IDLE_US
            for next_us in (self.core.next_us, self.link.next_us):
                if next_us is not None and next_us < due_us:
                    due_us = next_us
            self.wake_at(due_us)

    def _node_do(self, event: NodeEvent) -> None:
        world = self.world
        world.events += 1
        world.marks.append(world.now << 8 | 1)
        world.marks.append(self.number)
        if world.tape is not None:
            world.tape.append((world.now, self.name, "takes", event))
        self._do(self.core.handle(event, self.clock_us()))

    def _do(self, actions: list[NodeAction]) -> None:
        world = self.world
        for action in actions:
            kind = type(action)
            if world.tape is not None:
                world.tape.append((world.now, self.name, "does", action))
            if kind is Send:
                message = action.message  # type: ignore[union-attr]
                world.watch.node_says(self, message)
                now_us = self.clock_us()
                if self.end is None:
                    continue
                if not self.end.out.send(message):
                    self.link_do(self.link.failed(now_us))
                elif type(message) is Beat:
                    self.link.asked(now_us)
            elif kind is Run:
                self._run(action.works, action.bound_us)  # type: ignore[union-attr]
            else:
                self._drained = True
                self.world.at(world.now + 1, self._ended, self.boots)

    def _ended(self, boots: int) -> None:
        """The goodbye has been said."""
        if self._drained and boots == self.boots:
            self.die()

    def _run(self, works: tuple[Work, ...], bound_us: int) -> None:
        world = self.world
        if bound_us > _REPORT_US and not self.down:
            self._supervisor.alive(self.id, bound_us, world.now)
        self.bound_us = bound_us
        world.watch.runs(self, works)
        takes_us, results = self.engine.run(works)
        self.busy = True
        self._settle()
        if takes_us >= 0:
            world.at(world.now + takes_us, self._ran, (self.boots, results))

    def _ran(self, what: tuple[int, tuple[Result, ...] | None]) -> None:
        boots, results = what
        if boots != self.boots or not self.alive:
            return
        if results is None:
            self.world.watch.poisoned(self)
            self.die()
            return
        self._result = results
        self.busy = False
        self._settle()

    # The link's owner

    def hello(self) -> Hello:
        """Return the greeting."""
        return Hello(
            EMPTY._replace(sent_us=self.clock_us()),
            role="node",
            name=self.id,
            mesh=self.world.scenario.mesh.mesh,
            site=self.site,
            incarnation=self.incarnation,
            credit=self.config.credit,
            offers=(self.offer,),
            held=self.core.held(_CONDUCTOR),
            unacked=self.core.unacked(_CONDUCTOR),
        )

    def came_up(self, welcome: Welcome) -> None:
        """Tell the core."""
        self._node_do(Joined(_CONDUCTOR, self.config.credit, welcome))

    def hung_up(self) -> None:
        """Tell the core."""
        self._node_do(Left(_CONDUCTOR))
